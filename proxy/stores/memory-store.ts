// Records in the memory of this process: for tests and for those who ask for it by name. Bounded in keys and in bytes;
// under pressure bodies go first and keys never. Everything is gone when the process is.

import { asSeen, decideClaim, decideDoubt, decideFinish, decideRelease, decideRenew, decideResolve }
  from '../algorithms/idempotency-record.ts'
import { ExpiryBuckets } from '../algorithms/expiry-buckets.ts'
import type { Change, HeldRecord } from '../algorithms/idempotency-record.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { ClaimRequest, ClaimResult, ClaimToken, Decision, Doubt, DoubtReason, InFlightRecord, Lookup, Opened,
  RecordCounts, RecordKey, RecordStore, ResolveResult, StoredAnswer } from '../core/record-store.ts'
import { answerBytes, withoutBody } from './stored-answer.ts'
import { operatorAnswer, operatorToken, toSeen } from './seen-record.ts'

export interface MemoryStoreOptions {
  /** Most keys; a claim beyond it is answered `full`. */
  readonly maxRecords: number
  /** Most bytes of stored answers; beyond it the oldest bodies go. */
  readonly maxBytes: number
}

/** 100,000 keys are about 50 MB without bodies. */
export const memoryDefaults: MemoryStoreOptions = { maxRecords: 100_000, maxBytes: 64 * 2 ** 20 }

type Held = HeldRecord<StoredAnswer>
type Token = { readonly kind: TokenWord }
type TokenWord = 'stored' | 'already' | 'fenced' | 'gone'

const sweepEveryMs = 1_000
const sweepLimit = 1_000

const absent: Lookup = { kind: 'absent' }
const full: ClaimResult = { kind: 'full' }
const mismatch: ClaimResult = { kind: 'mismatch' }
const words: Readonly<Record<TokenWord, Token>> = {
  stored: { kind: 'stored' }, already: { kind: 'already' }, fenced: { kind: 'fenced' }, gone: { kind: 'gone' },
}

export class MemoryStore implements RecordStore {
  readonly kind = 'memory'
  readonly isShared = false
  readonly #clock: Clock
  readonly #options: MemoryStoreOptions
  readonly #records = new Map<RecordKey, Held>()
  /** Keys whose answer still has its body, oldest first. */
  readonly #bodies = new Set<RecordKey>()
  readonly #expiry: ExpiryBuckets
  /** Monotonic time plus this is wall time; a clock that jumps later does not matter. */
  readonly #wallOffsetMs: number
  readonly #counts = { done: 0, 'in-flight': 0, unknown: 0 }
  #bytes = 0
  #evicted = 0
  #timer: Timer | null = null

  constructor(clock: Clock, options: MemoryStoreOptions = memoryDefaults) {
    this.#clock = clock
    this.#options = options
    this.#wallOffsetMs = clock.wallMs() - clock.now()
    this.#expiry = new ExpiryBuckets(this.#now())
  }

  get fill(): number { return this.#records.size / this.#options.maxRecords }

  open(): Promise<Opened> {
    this.#sweepLater()
    const notice = 'The records are in memory: a restart forgets every key, and each replica has its own.'
    return Promise.resolve({ kind: 'opened', notices: [notice] })
  }

  lookup(key: RecordKey): Lookup {
    const record = this.#seen(key)
    return record === null ? absent : this.#show(record)
  }

  claim(request: ClaimRequest): ClaimResult {
    const { key } = request
    const record = this.#seen(key)
    if (record === null && this.#records.size >= this.#options.maxRecords && !this.#records.has(key)) {
      this.sweep()
      if (this.#records.size >= this.#options.maxRecords) return full
    }
    const { say, next } = decideClaim(record, request, 'this process', this.#now())
    if (next !== undefined) this.#write(key, next)
    if (say === 'mismatch') return mismatch
    const held = (next ?? record) as Held
    return say === 'taken'
      ? { kind: 'taken', generation: held.generation, createdAtMs: held.createdAtMs }
      : this.#show(held)
  }

  finish(key: RecordKey, token: ClaimToken, answer: StoredAnswer, ttlMs: number): Token {
    return this.#apply(key, decideFinish(this.#seen(key), token, answer, ttlMs, this.#now()))
  }

  release(key: RecordKey, token: ClaimToken): Token {
    return this.#apply(key, decideRelease(this.#seen(key), token))
  }

  doubt(key: RecordKey, token: ClaimToken, reason: DoubtReason): Token {
    return this.#apply(key, decideDoubt(this.#seen(key), token, reason))
  }

  renew(key: RecordKey, token: ClaimToken): Token {
    return this.#apply(key, decideRenew(this.#seen(key), token))
  }

  resolve(key: RecordKey, decision: Decision, ttlMs: number): ResolveResult {
    const held = operatorAnswer(decision)
    const { say, next } = decideResolve(this.#seen(key), held, operatorToken(), ttlMs, this.#now())
    if (next !== undefined) this.#write(key, next)
    return { kind: say }
  }

  purge(scope: string): Promise<{ readonly kind: 'purged'; readonly count: number }> {
    let count = 0
    for (const [key, record] of this.#records) {
      if (!key.startsWith(`${scope}:`) || record.stage.kind === 'in-flight') continue
      this.#write(key, null)
      count++
    }
    return Promise.resolve({ kind: 'purged', count })
  }

  counts(): RecordCounts {
    const { done, unknown } = this.#counts
    return { kind: 'counts', done, inFlight: this.#counts['in-flight'], unknown, isEstimate: false }
  }

  doubts(limit: number): { readonly kind: 'doubts'; readonly list: readonly Doubt[] } {
    const list: Doubt[] = []
    for (const [key, record] of this.#records) {
      if (list.length >= limit) break
      const seen = this.#show(record)
      if (seen.kind === 'unknown') list.push({ key, record: seen })
    }
    return { kind: 'doubts', list }
  }

  sweep(): { readonly kind: 'swept'; readonly count: number } {
    let count = 0
    for (const key of this.#expiry.take(this.#now(), sweepLimit)) {
      const record = this.#records.get(key)
      if (record === undefined) continue
      if (asSeen(record, this.#now(), false) !== null) { this.#expiry.add(key, record.expiresAtMs); continue }
      this.#write(key, null)
      count++
    }
    return { kind: 'swept', count }
  }

  ping(): { readonly kind: 'up' } { return { kind: 'up' } }

  inspect(): Record<string, number | string> {
    return { records: this.#records.size, usedBytes: this.#bytes, bodiesEvicted: this.#evicted }
  }

  close(): Promise<void> {
    this.#timer?.clear()
    this.#timer = null
    return Promise.resolve()
  }

  #now(): number { return Math.floor(this.#clock.now() + this.#wallOffsetMs) }

  #seen(key: RecordKey): Held | null {
    return asSeen(this.#records.get(key) ?? null, this.#now(), false)
  }

  #show(record: Held): Exclude<ReturnType<typeof toSeen>, InFlightRecord> | InFlightRecord {
    return toSeen(record, { isOwn: true, leaseLeftMs: Infinity })
  }

  #apply(key: RecordKey, { say, next }: Change<StoredAnswer, TokenWord>): Token {
    if (next !== undefined) this.#write(key, next)
    return words[say]
  }

  #write(key: RecordKey, next: Held | null): void {
    const before = this.#records.get(key)
    if (before !== undefined) this.#forget(key, before)
    if (next === null) { this.#records.delete(key); return }
    this.#records.set(key, next)
    this.#expiry.add(key, next.expiresAtMs)
    this.#counts[next.stage.kind]++
    if (next.stage.kind !== 'done') return
    this.#bytes += answerBytes(next.stage.answer)
    if (next.stage.answer.body !== null) this.#bodies.add(key)
    this.#evict()
  }

  #forget(key: RecordKey, before: Held): void {
    this.#expiry.delete(key, before.expiresAtMs)
    this.#counts[before.stage.kind]--
    if (before.stage.kind !== 'done') return
    this.#bytes -= answerBytes(before.stage.answer)
    this.#bodies.delete(key)
  }

  /** The oldest bodies go until the rest fits; what happened stays known, only how it read is lost. */
  #evict(): void {
    for (const key of this.#bodies) {
      if (this.#bytes <= this.#options.maxBytes) return
      this.#bodies.delete(key)
      const record = this.#records.get(key)
      if (record?.stage.kind !== 'done') continue
      const answer = withoutBody(record.stage.answer, 'evicted')
      this.#bytes += answerBytes(answer) - answerBytes(record.stage.answer)
      this.#records.set(key, { ...record, stage: { ...record.stage, answer } })
      this.#evicted++
    }
  }

  #sweepLater(): void {
    this.#timer = this.#clock.after(sweepEveryMs, () => {
      this.sweep()
      this.#sweepLater()
    })
  }
}
