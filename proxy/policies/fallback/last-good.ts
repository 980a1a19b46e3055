// The last good answers of this process: bounded in bytes and number, the least recently used go first. It knows no
// clock: `now` is an argument.

import { LRUCache } from 'lru-cache'
import type { RequestHead } from '../../core/caller.ts'
import type { Reply } from '../../core/outcome.ts'
import type { RawHeaders } from '../../core/raw-headers.ts'
import { keepingOf, valuesOf } from './cache-rules.ts'
import type { Keeping } from './cache-rules.ts'

const mostEntries = 10_000
const mostBytes = 64 * 1024 * 1024
/** A larger answer is not kept. */
export const largestBytes = 1024 * 1024
/** Of answers on their way to being kept, together. */
const mostCopying = 16 * 1024 * 1024
/** A copy that is younger is not made again. */
const freshEnoughMs = 1_000

export interface Kept extends Keeping {
  readonly status: number
  readonly reason: string
  readonly headers: RawHeaders
  readonly body: Uint8Array
  /** Clock ms. */
  readonly keptAt: number
}

/** Where requests are of one kind: the upstream, and what its route says tells them apart. */
export interface Realm { readonly name: string; readonly vary: readonly string[] }

export class LastGood {
  readonly #kept = new LRUCache<string, Kept>({
    max: mostEntries, maxSize: mostBytes,
    sizeCalculation: ({ body, headers }, key) => 256 + key.length + body.length + textLength(headers),
  })
  /** What the answers to a target vary by. */
  readonly #vary = new LRUCache<string, readonly string[]>({ max: mostEntries })
  #copying = 0

  get count(): number { return this.#kept.size }
  get bytes(): number { return this.#kept.calculatedSize }

  /** The answer kept for this request; undefined where there is none. */
  find(realm: Realm, head: RequestHead): Kept | undefined {
    const target = targetOf(realm, head)
    return this.#kept.get(keyOf(target, head, this.#vary.get(target) ?? []))
  }

  /** How to keep this answer, if it may and need be kept; else null. */
  wants(realm: Realm, head: RequestHead, reply: Reply, now: number): Keeping | null {
    const known = this.find(realm, head)
    if (known !== undefined && now - known.keptAt < freshEnoughMs) return null
    if (reply.body !== null && reply.body.length > largestBytes) return null
    const keeping = keepingOf(head, reply)
    // The last good answer says that it is for one caller alone: so might the one before have been.
    if (keeping === null && known !== undefined) this.forget(realm, head)
    return keeping
  }

  keep(realm: Realm, head: RequestHead, kept: Kept): void {
    const target = targetOf(realm, head)
    this.#vary.set(target, kept.vary)
    this.#kept.set(keyOf(target, head, kept.vary), kept)
  }

  /** RFC 9111 section 4.4: something was changed there. */
  forget(realm: Realm, head: RequestHead): void {
    const target = targetOf(realm, head)
    this.#kept.delete(keyOf(target, head, this.#vary.get(target) ?? []))
    this.#vary.delete(target)
  }

  /** Room for so many bytes more on their way here; false: there is none. */
  reserve(bytes: number): boolean {
    if (this.#copying + bytes > mostCopying) return false
    this.#copying += bytes
    return true
  }

  free(bytes: number): void { this.#copying -= bytes }
}

function targetOf(realm: Realm, head: RequestHead): string {
  return `${realm.name}\n${head.authority}\n${head.target}\n${valuesOf(head.headers, realm.vary)}`
}

function keyOf(target: string, head: RequestHead, vary: readonly string[]): string {
  return vary.length === 0 ? target : `${target}\n${valuesOf(head.headers, vary)}`
}

function textLength(headers: RawHeaders): number {
  return headers.reduce((sum, text) => sum + text.length, 0)
}
