// What all keyed routes of an instance share: the store with the time its operations take, those who wait for a key,
// the claims that are held, and answers that the store would not take yet. It outlives a reload.

import { PassingMap } from '../../algorithms/passing-map.ts'
import type { Clock } from '../../core/clock.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { House } from '../../core/house.ts'
import type { Meter } from '../../core/meter.ts'
import type { Random } from '../../core/random.ts'
import type {
  ClaimRequest, ClaimResult, DoneRecord, Lookup, RecordKey, RecordStore, Soon,
} from '../../core/record-store.ts'
import { UnorderedList } from '../../core/unordered-list.ts'
import type { Listed } from '../../core/unordered-list.ts'
import { DeskMeter } from './desk-meter.ts'
import type { DeskFigures, Operation } from './desk-meter.ts'
import { HeldBodies } from './intake.ts'
import { Quota } from './quota.ts'
import { Waiters } from './waiters.ts'

/** Who was the first to ask for a key, and has not claimed it yet. */
export interface First { readonly exchange: Exchange }

/** A claim of ours whose record is still in flight. */
export interface Open extends Listed {
  /** On our clock. */
  readonly claimedAt: number
}

/** A claim that is held: what an instance that ends must still say a word on. */
export interface Held extends Open { shutDown(): Promise<void> }

/** Where the desk of an instance is found among its parts. */
export const deskKey = 'idempotency:desk'

/** Look-ups under way at once; beyond it a key counts as unknown, and its claim will tell. */
const maxLookups = 1_000
/** Answers that wait for the store, and their bytes. */
const maxUnrecorded = 1_000
const maxUnrecordedBytes = 16 * 1_048_576

export class Desk {
  readonly store: RecordStore
  readonly clock: Clock
  readonly random: Random
  readonly house: House
  readonly waiters = new Waiters()
  readonly bodies = new HeldBodies()
  readonly quota = new Quota()
  readonly held = new UnorderedList<Held>()
  /** Claims whose last word the store has not taken yet. */
  readonly unsaid = new UnorderedList<Open>()
  readonly meter: DeskMeter
  /** Keys whose first request has passed recall here and has not been claimed yet, and who that is. */
  readonly underway = new PassingMap<RecordKey, First>()
  readonly #unrecorded = new Map<RecordKey, DoneRecord>()
  #unrecordedBytes = 0
  #lookups = 0

  constructor(store: RecordStore, clock: Clock, random: Random, house: House, meter: Meter) {
    this.store = store
    this.clock = clock
    this.random = random
    this.house = house
    this.meter = new DeskMeter(store, clock, meter, () => this.#figures())
  }

  /** What the key is now; null: too many look-ups are under way. */
  lookup(key: RecordKey): Soon<Lookup> | null {
    const kept = this.#unrecorded.get(key)
    if (kept !== undefined) return kept
    if (this.#lookups >= maxLookups) return null
    const since = this.clock.now()
    const found = this.store.lookup(key)
    if (!(found instanceof Promise)) return this.#seen('lookup', since, found)
    this.#lookups++
    return found.then((lookup) => {
      this.#lookups--
      return this.#seen('lookup', since, lookup)
    })
  }

  /** Gives what `next` makes of what the claim got. */
  claim<R>(request: ClaimRequest, next: (result: ClaimResult) => R): Soon<R> {
    const kept = this.#unrecorded.get(request.key)
    if (kept !== undefined) return next(kept.fingerprint === request.fingerprint ? kept : { kind: 'mismatch' })
    return this.timed('claim', () => this.store.claim(request), next)
  }

  /** Answers duplicates of this process from here, until the store has the answer; false: there is no room. */
  keep(key: RecordKey, record: DoneRecord): boolean {
    const bytes = record.answer.body?.length ?? 0
    if (this.#unrecorded.size >= maxUnrecorded || this.#unrecordedBytes + bytes > maxUnrecordedBytes) return false
    this.#unrecorded.set(key, record)
    this.#unrecordedBytes += bytes
    return true
  }

  forget(key: RecordKey): void {
    const record = this.#unrecorded.get(key)
    if (record === undefined) return
    this.#unrecorded.delete(key)
    this.#unrecordedBytes -= record.answer.body?.length ?? 0
  }

  /** The first request of a key has claimed it, or never will: whoever waited behind it looks again. */
  arrived(key: RecordKey, first: First): void {
    if (this.underway.get(key) !== first) return
    this.underway.delete(key)
    this.waiters.wake(key, null)
  }

  /** Runs an operation of the store; its time is counted, and whether the store answered. Gives what `next` makes. */
  timed<T extends { readonly kind: string }, R>(op: Operation, run: () => Soon<T>, next: (value: T) => R): Soon<R> {
    const since = this.clock.now()
    const result = run()
    if (!(result instanceof Promise)) return next(this.#seen(op, since, result))
    return result.then((value) => next(this.#seen(op, since, value)))
  }

  /** Figures for the status. */
  inspect(): Record<string, number | string> {
    return {
      ...this.store.inspect(), held: this.held.size, waiters: this.waiters.count, lookups: this.#lookups,
      bodiesHeld: this.bodies.count, bytesHeld: this.bodies.bytes, unrecorded: this.#unrecorded.size,
    }
  }

  /** The instance ends: whatever is still in flight will not be known. Resolves when that is on record. */
  async shutDown(): Promise<void> {
    await Promise.all(this.held.all().map((held) => held.shutDown()))
  }

  #seen<T extends { readonly kind: string }>(op: Operation, since: number, value: T): T {
    this.meter.seen(op, since, value.kind)
    return value
  }

  #figures(): DeskFigures {
    let oldestClaimAt: number | null = null
    for (const list of [this.held, this.unsaid]) {
      for (const { claimedAt } of list.all()) oldestClaimAt = Math.min(oldestClaimAt ?? claimedAt, claimedAt)
    }
    return { waiters: this.waiters.count, oldestClaimAt }
  }
}
