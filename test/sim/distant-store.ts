// A store as a process sees it over a network: the records of a real memory store, behind delays, lost words and
// outages. Several of them over one memory store are several processes.

import type { Clock } from '../../proxy/core/clock.ts'
import type {
  ClaimRequest, ClaimResult, ClaimToken, Decision, DoubtReason, Lookup, Opened, RecordKey, RecordStore, ResolveResult,
  Soon, StoredAnswer, StoreFault, TokenResult,
} from '../../proxy/core/record-store.ts'
import type { MemoryStore } from '../../proxy/stores/memory-store.ts'

/** ok: done and answered. down: not done, said at once. lost: done, and never answered. */
export type Word = 'ok' | 'down' | 'lost'

/** As a store is configured. */
const timeoutMs = 250

export class DistantStore implements RecordStore {
  readonly kind = 'redis'
  readonly isShared: boolean
  readonly answersWithinMs = timeoutMs
  /** There and back. 0: answers at once, as an embedded store does. */
  delayMs = 0
  /** What becomes of a word, by the operation. */
  word: (operation: string) => Word = () => 'ok'
  readonly calls: string[] = []
  readonly #inner: MemoryStore
  readonly #clock: Clock
  readonly #own = new Map<RecordKey, ClaimToken>()

  constructor(inner: MemoryStore, clock: Clock, isShared = false) {
    this.#inner = inner
    this.#clock = clock
    this.isShared = isShared
  }

  get fill(): number { return this.#inner.fill }

  /** This process is gone: what it held reads as lost. */
  kill(): void {
    for (const [key, token] of this.#own) this.#inner.doubt(key, token, 'owner-lost')
    this.#own.clear()
  }

  open(): Promise<Opened> { return Promise.resolve({ kind: 'opened', notices: [] }) }

  lookup(key: RecordKey): Soon<Lookup> {
    return this.#say('lookup', () => {
      const found = this.#inner.lookup(key)
      return found.kind === 'in-flight' ? { ...found, isOwn: this.#own.has(key) } : found
    })
  }

  claim(request: ClaimRequest): Soon<ClaimResult> {
    return this.#say('claim', () => {
      const result = this.#inner.claim(request)
      if (result.kind === 'taken') this.#own.set(request.key, request.token)
      return result.kind === 'in-flight' ? { ...result, isOwn: this.#own.has(request.key) } : result
    })
  }

  finish(key: RecordKey, token: ClaimToken, answer: StoredAnswer, ttlMs: number): Soon<TokenResult> {
    return this.#say('finish', () => this.#inner.finish(key, token, answer, ttlMs))
  }

  release(key: RecordKey, token: ClaimToken): Soon<TokenResult> {
    return this.#say('release', () => this.#inner.release(key, token))
  }

  doubt(key: RecordKey, token: ClaimToken, reason: DoubtReason): Soon<TokenResult> {
    return this.#say('doubt', () => this.#inner.doubt(key, token, reason))
  }

  renew(key: RecordKey, token: ClaimToken): Soon<TokenResult> {
    return this.#say('renew', () => this.#inner.renew(key, token))
  }

  resolve(key: RecordKey, decision: Decision, ttlMs: number): Soon<ResolveResult> {
    return this.#inner.resolve(key, decision, ttlMs)
  }

  purge(scope: string): ReturnType<RecordStore['purge']> { return this.#inner.purge(scope) }
  counts(): ReturnType<RecordStore['counts']> { return this.#inner.counts() }
  doubts(limit: number): ReturnType<RecordStore['doubts']> { return this.#inner.doubts(limit) }
  sweep(): ReturnType<RecordStore['sweep']> { return this.#inner.sweep() }
  ping(): ReturnType<RecordStore['ping']> { return this.#inner.ping() }
  inspect(): Record<string, number | string> { return this.#inner.inspect() }
  close(): Promise<void> { return Promise.resolve() }

  #say<T>(operation: string, act: () => T): Soon<T | StoreFault> {
    this.calls.push(operation)
    const word = this.word(operation)
    if (word === 'down') return this.#fault('unavailable', 0)
    const result = act()
    if (word === 'lost') return this.#fault('timeout', timeoutMs)
    if (this.delayMs === 0) return result
    return new Promise((resolve) => { this.#clock.after(this.delayMs, () => { resolve(result) }) })
  }

  #fault(reason: 'unavailable' | 'timeout', afterMs: number): Promise<StoreFault> {
    const fault: StoreFault = { kind: 'fault', reason, message: 'by script' }
    return new Promise((resolve) => { this.#clock.after(afterMs, () => { resolve(fault) }) })
  }
}
