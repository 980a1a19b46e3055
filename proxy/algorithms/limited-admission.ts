// The one admission of an upstream whose limit is learned: permits under the limit and a static ceiling, shares of the
// ceiling for groups of routes, and one line bounded by time and bytes. Refusing happens on arrival, by the predicted
// wait; who is already in line leaves it only for a permit, for a higher class, or because its time is over.

import { AcceptedWait } from './accepted-wait.ts'
import type { QueueBounds } from './accepted-wait.ts'
import { DrainRate } from './drain-rate.ts'
import type { Limit } from './limit.ts'
import { WaitingLine } from './waiting-line.ts'
import type { LineGroup, LineWaiter } from './waiting-line.ts'

export interface LimitedAdmissionOptions {
  /** Static permits in all; Infinity for none. */
  readonly ceiling: number
  /** Body and head bytes of those in line, at most. */
  readonly maxQueuedBytes: number
  readonly bounds: QueueBounds
}

/** How an arrival was decided. wait: call `wait` with a waiter. The rest are refusals. */
export type Arrival = 'admitted' | 'wait' | 'limit' | 'bulkhead' | 'doomed'

/** A higher class counts as present for this many baselines after its last arrival. */
const presenceBaselines = 32

export class LimitedAdmission {
  ceiling: number
  maxQueuedBytes: number
  inUse = 0
  /** Changed in place when a configuration says so; what is in use stays. */
  limit: Limit
  readonly line: WaitingLine
  readonly #drain = new DrainRate()
  readonly #accepted: AcceptedWait
  /** Permits of routes so slow that their latency says nothing about the others. */
  #aside = 0
  #isBinding = false
  #isWanted = false
  #higherAt = -Infinity
  #handsOver = false

  constructor(limit: Limit, options: LimitedAdmissionOptions, line = new WaitingLine()) {
    this.limit = limit
    this.line = line
    this.ceiling = options.ceiling
    this.maxQueuedBytes = options.maxQueuedBytes
    this.#accepted = new AcceptedWait(options.bounds)
  }

  /** Permits that may be in use at once. */
  get capacity(): number { return Math.min(this.ceiling, Math.floor(this.limit.limit)) }

  /** The bound of the line, ms: while it lasts nobody waits longer. */
  get boundMs(): number { return this.#accepted.boundMs(this.limit.baselineMs) }

  /** The longest wait, ms, of one of that class who joins the line now. */
  maxWaitMs(level: number, now: number): number {
    return this.#accepted.longestMs(level, this.limit.baselineMs, now)
  }

  /** The group of that name; `share` (0 to 1] of the static ceiling, at least one permit, rounded down. */
  group(name: string, share: number): LineGroup {
    const ceiling = share >= 1 ? Infinity : Math.max(1, Math.floor(share * this.ceiling))
    return this.line.group(name, ceiling)
  }

  /** Whether the static ceiling, or the group's share of it, leaves nothing: another reason than the limit. */
  isAtCeiling(group: LineGroup): boolean {
    return this.inUse >= this.ceiling || group.inUse >= group.ceiling
  }

  /** The short way in: takes a permit if one is free for this class and nobody waits for it. */
  tryArrive(group: LineGroup, level: number, now: number): boolean {
    if (level < 2) this.#higherAt = now
    if (this.isAtCeiling(group) || this.inUse >= this.#roomFor(level, now) || this.line.next() !== null) return false
    this.take(group, now)
    return true
  }

  /**
   * Decides on an arrival of class `level` (0 first) with `leftMs` until nobody needs its answer any more (Infinity:
   * none) and `bytes` to keep while it waits. `admitted` has taken a permit.
   */
  arrive(group: LineGroup, level: number, leftMs: number, bytes: number, now: number): Arrival {
    if (this.tryArrive(group, level, now)) return 'admitted'
    const isFull = this.isAtCeiling(group)
    if (!isFull) this.#bind(now)
    const verdict = this.#judgeWait(this.line.aheadOf(level), level, leftMs, bytes, now)
    return verdict === 'limit' && isFull ? 'bulkhead' : verdict
  }

  /**
   * What an arrival would be told if everybody above the limit stood in line: for observe mode, where nobody does.
   * Takes nothing.
   */
  foresee(group: LineGroup, level: number, leftMs: number, now: number): Arrival {
    if (this.isAtCeiling(group)) return 'bulkhead'
    const over = this.inUse - this.#roomFor(level, now)
    if (over < 0) return 'admitted'
    this.#bind(now)
    return this.#judgeWait(over, level, leftMs, 0, now)
  }

  /** Whether an arrival that has to wait could not be answered in the time it has left. */
  isDoomed(level: number, leftMs: number, now: number): boolean {
    return (this.line.aheadOf(level) + 1) * this.#gapMs(now) + this.limit.baselineMs > leftMs
  }

  /** Joins the line after `arrive` said so; one of a lower class may have to leave it for that. */
  wait(waiter: LineWaiter, now: number): void {
    const lowest = this.line.lastBelow(waiter.level)
    if (lowest !== null && this.#isTooLongFor(lowest.level, waiter.bytes, now)) {
      this.line.remove(lowest)
      lowest.pushedOut(now)
    }
    this.line.add(waiter)
    this.#want(now)
    this.#note(now)
  }

  /** Leaves the line; nothing happens to one who is not in it. */
  leave(waiter: LineWaiter): void {
    this.line.remove(waiter)
  }

  /** Takes a permit whatever the limit says: observe mode counts, it does not refuse. */
  take(group: LineGroup, now: number): void {
    this.inUse++
    group.inUse++
    this.#tell(now)
  }

  /** Takes a permit if one is free and nobody waits for it: hedges and retries never wait. */
  tryTake(group: LineGroup, now: number): boolean {
    if (this.inUse >= this.capacity || group.inUse >= group.ceiling || this.line.next() !== null) return false
    this.take(group, now)
    return true
  }

  /** Gives a permit back, and hands it on. */
  release(group: LineGroup, now: number): void {
    this.inUse--
    group.inUse--
    this.#drain.freed(this.#isWanted, now)
    this.handOver(now)
    this.#isBinding &&= this.inUse >= Math.floor(this.limit.limit)
    this.#isWanted = this.#isBinding || this.line.length > 0
    this.#tell(now)
  }

  /** Counts one more (or less, by -1) permit of a slow route: its latency is kept out of what the limit learns. */
  setAside(change: 1 | -1, now: number): void {
    this.#aside += change
    this.#tell(now)
  }

  /** Ends the waits that are over; returns when the next one ends (Infinity: none). */
  expire(now: number): number {
    return this.line.expire(now)
  }

  /** Gives out what is free: after a release, and after the limit or the ceiling has grown. */
  handOver(now: number): void {
    // An admitted waiter may give its permit back at once: the loop below, not the stack, goes on with the next one.
    if (this.#handsOver) return
    this.#handsOver = true
    for (;;) {
      const waiter = this.line.next()
      if (waiter === null) break
      if (waiter.expiresAt <= now) {
        this.line.remove(waiter)
        waiter.expired(now)
        continue
      }
      if (this.inUse >= this.#roomFor(waiter.level, now)) break
      this.line.remove(waiter)
      this.take(waiter.group, now)
      waiter.admitted(now)
    }
    this.#handsOver = false
  }

  /** When a waiter who arrives now has to be gone at the latest, clock ms. */
  expiresAt(level: number, leftMs: number, now: number): number {
    return now + Math.min(this.maxWaitMs(level, now), leftMs - this.limit.baselineMs)
  }

  /** Sheddable work leaves one permit free while higher classes come, so that theirs wait for no long work below. */
  #roomFor(level: number, now: number): number {
    const room = this.capacity
    if (level < 2 || room <= 1) return room
    return now - this.#higherAt <= presenceBaselines * this.limit.baselineMs ? room - 1 : room
  }

  #judgeWait(ahead: number, level: number, leftMs: number, bytes: number, now: number): Arrival {
    const waitsMs = (ahead + 1) * this.#gapMs(now)
    const serviceMs = this.limit.baselineMs
    if (waitsMs + serviceMs > leftMs) return 'doomed'
    if (waitsMs > this.#accepted.mostMs(level, serviceMs, now)) return 'limit'
    if (this.line.bytes + bytes > this.maxQueuedBytes && this.line.lastBelow(level) === null) return 'limit'
    return 'wait'
  }

  /** Whether the last of the line, of that class, would wait too long if one more joined before it. */
  #isTooLongFor(level: number, bytes: number, now: number): boolean {
    if (this.line.bytes + bytes > this.maxQueuedBytes) return true
    const waitsMs = (this.line.length + 1) * this.#gapMs(now)
    return waitsMs > this.#accepted.mostMs(level, this.limit.baselineMs, now)
  }

  /** Mean time between two permits: measured, else what the baseline and the limit make likely. */
  #gapMs(now: number): number {
    if (this.#drain.isKnown) return this.#drain.gapMs(now)
    const { baselineMs, limit } = this.limit
    // With nothing known at all, as many may wait as may be in flight.
    return (baselineMs > 0 ? baselineMs : this.#accepted.boundMs(0)) / limit
  }

  #bind(now: number): void {
    this.#want(now)
    if (this.#isBinding) return
    this.#isBinding = true
    this.#tell(now)
  }

  #want(now: number): void {
    if (this.#isWanted) return
    this.#isWanted = true
    this.#drain.wanted(now)
  }

  #note(now: number): void {
    const { highest } = this.line
    const isFree = this.inUse < this.capacity
    const accepted = this.#accepted
    if (highest === accepted.highest && isFree === accepted.isFree) return
    accepted.observe(highest, isFree, this.limit.baselineMs, now)
  }

  #tell(now: number): void {
    this.#note(now)
    this.limit.observe(this.inUse - this.#aside, this.#isBinding, now)
  }
}
