// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// What the routes of one upstream share at its door: the admission with the learned limits, the readiness, the permits
// that have become streams or ghosts, those who wait for the end of the turn, and the one timer. It outlives a reload;
// its numbers are changed in place, so that permits in use are never forgotten.

import { CohortCut } from '../../algorithms/cohort-cut.ts'
import type { EndpointLimit } from '../../algorithms/endpoint-limit.ts'
import type { EndpointLimits } from '../../algorithms/endpoint-limits.ts'
import { GhostTime } from '../../algorithms/ghost-time.ts'
import { LimitedAdmission } from '../../algorithms/limited-admission.ts'
import type { LimitedAdmissionOptions } from '../../algorithms/limited-admission.ts'
import { unlimited } from '../../algorithms/limit.ts'
import type { ProbingOptions } from '../../algorithms/limit.ts'
import { SlowRoutes } from '../../algorithms/slow-routes.ts'
import { classes } from '../../algorithms/waiting-line.ts'
import type { LineGroup, LineWaiter } from '../../algorithms/waiting-line.ts'
import type { Attempt } from '../../core/attempt.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Exchange } from '../../core/exchange.ts'
import { Arrivals } from './arrivals.ts'
import type { Readiness } from './readiness.ts'

export interface DoorOptions {
  readonly admission: LimitedAdmissionOptions
  /** Null: nothing but the bulkhead bounds. */
  readonly limit: ProbingOptions | null
  readonly bulkheadMaxWaitMs: number
  readonly bulkheadMaxQueue: number
  readonly maxStreams: number
}

/** An upstream that has waited this long for a caller has nothing in work for it. */
const idleGraceMs = 100
const leastCutWindowMs = 250
const cutWindowBaselines = 16
/** A turn of the loop that takes longer than both disturbs what is measured. */
const longTurnMs = 5
const longTurnBaselines = 0.5

/** The key of an upstream's door among the parts. */
export const doorKey = 'door:'

export class Door {
  readonly admission: LimitedAdmission
  readonly readiness: Readiness
  readonly slowRoutes = new SlowRoutes()
  readonly limits: EndpointLimits
  readonly cohorts = new CohortCut(classes)
  #options: DoorOptions
  /** Answers and requests that go on without a permit. */
  streams = 0
  /** Permits of attempts that were cut, kept while the upstream may still be at them. */
  ghosts = 0
  /** In flight on routes that bypass the limit. */
  bypassing = 0
  readonly #clock: Clock
  readonly #routes = new Map<string, number>()
  readonly #arrivals = new Arrivals()
  readonly #ghostTime = new GhostTime()
  /** Attempts whose upstream waits for the caller, the longest first, with their groups. */
  readonly #idle = new Map<Attempt, LineGroup>()
  #timer: Timer | null = null
  #timerAt = Infinity

  constructor(options: DoorOptions, limits: EndpointLimits, readiness: Readiness, clock: Clock) {
    this.#options = options
    this.limits = limits
    this.admission = new LimitedAdmission(unlimited, options.admission)
    this.readiness = readiness
    this.#clock = clock
    const handOver = (): void => { this.admission.handOver(clock.now()) }
    limits.onRoom = handOver
    this.configure(options)
  }

  get maxWaitMs(): number { return this.#options.bulkheadMaxWaitMs }
  get maxQueue(): number { return this.#options.bulkheadMaxQueue }
  get hasStreamsLeft(): boolean { return this.streams < this.#options.maxStreams }

  /** Other numbers from now on. What was learned, what is in use and who waits stay. */
  configure(options: DoorOptions): void {
    const { admission } = this
    this.#options = options
    this.limits.bound(options.limit)
    admission.limit = options.limit === null ? unlimited : this.limits
    admission.ceiling = options.admission.ceiling
    admission.handOver(this.#clock.now())
  }

  /** How long the cut looks at who comes: long enough for chance, and for what was let in to be answered. */
  get cutWindowMs(): number { return Math.max(leastCutWindowMs, cutWindowBaselines * this.admission.limit.baselineMs) }

  /** A small number for the route of that name, the same at every reload. */
  numberOf(route: string): number {
    const known = this.#routes.get(route)
    if (known !== undefined) return known
    this.#routes.set(route, this.#routes.size)
    return this.#routes.size - 1
  }

  /** Whether an arrival has to wait for the end of the turn because others came before it. */
  get hasArrived(): boolean { return this.#arrivals.since >= 0 }

  /** Asks its ticket, a `Decider`, at the end of the turn: by then every permit of this turn has come free. */
  decideLater(exchange: Exchange, level: number, now: number): void {
    const isFirst = this.#arrivals.since < 0
    this.#arrivals.add(exchange, level, now)
    if (isFirst) this.#clock.endOfTurn(this.#decide)
  }

  /** Joins the line and sees to it that the wait ends. */
  wait(waiter: LineWaiter, now: number): void {
    this.admission.wait(waiter, now)
    this.#arm(Math.min(waiter.expiresAt, this.#nextIdleAt()))
  }

  /** Leaves the line. */
  leave(waiter: LineWaiter): void {
    this.admission.leave(waiter)
    this.#disarmWhenEmpty()
  }

  /** Gives a permit back, and hands it on. */
  release(group: LineGroup, now: number): void {
    this.cohorts.served()
    this.admission.release(group, now)
    this.#disarmWhenEmpty()
  }

  /** Gives the permit of an attempt back. */
  releaseOf(attempt: Attempt, group: LineGroup, now: number): void {
    if (attempt.hold === 'aside') this.setAside(attempt, -1, now)
    // Before the admission hands it on: who gets it may be sent to the same endpoint.
    limitOf(attempt).leave(now)
    this.release(group, now)
  }

  /** Keeps the latency of an attempt out of what is learned (1), or no more (-1). */
  setAside(attempt: Attempt, change: 1 | -1, now: number): void {
    limitOf(attempt).setAside(change, now)
    this.admission.setAside(change, now)
  }

  /** Gives the permit of an attempt that was cut back, once the upstream has had the time to be done with it. */
  haunt(attempt: Attempt, group: LineGroup, now: number): void {
    const baselineMs = this.limits.isOn ? limitOf(attempt).learned.baselineMs : 0
    const elapsedMs = now - attempt.sentAt
    if (attempt.hold === 'counted' && this.#ghostTime.isHasty(elapsedMs, baselineMs)) {
      attempt.hold = 'aside'
      this.setAside(attempt, 1, now)
    }
    this.ghosts++
    this.#clock.after(this.#ghostTime.keepMs(elapsedMs, baselineMs), () => {
      this.ghosts--
      this.releaseOf(attempt, group, this.#clock.now())
    })
  }

  /** The upstream waits for the caller of this attempt: its time says nothing. */
  rest(attempt: Attempt, group: LineGroup, now: number): void {
    if (attempt.idleSince >= 0) return
    attempt.idleSince = now
    this.#idle.set(attempt, group)
    if (attempt.hold !== 'counted') return
    attempt.hold = 'idle'
    this.setAside(attempt, 1, now)
  }

  /** It goes on, or is over. */
  wake(attempt: Attempt, now: number): void {
    if (attempt.idleSince < 0) return
    attempt.idleMs += now - attempt.idleSince
    attempt.idleSince = -1
    this.#idle.delete(attempt)
    if (attempt.hold !== 'idle') return
    attempt.hold = 'counted'
    this.setAside(attempt, -1, now)
  }

  /** It needs no permit any more: it is one of the streams. False: there are too many of them. */
  moveToStreams(attempt: Attempt, group: LineGroup, now: number): boolean {
    if (!this.hasStreamsLeft) return false
    this.wake(attempt, now)
    this.streams++
    this.releaseOf(attempt, group, now)
    attempt.hold = 'stream'
    return true
  }

  /** It is work again: its permit is taken, whatever the limit says. */
  returnFromStreams(attempt: Attempt, group: LineGroup, now: number): void {
    attempt.hold = 'counted'
    this.streams--
    limitOf(attempt).take(now)
    this.admission.take(group, now)
  }

  readonly #decide = (): void => {
    const now = this.#clock.now()
    this.#watchTurn(now - this.#arrivals.since, now)
    this.#arrivals.since = -1
    if (this.#idle.size > 0) this.#moveIdle(now)
    this.#arrivals.decide(now)
  }

  /** While this loop is held up answers wait to be read, and an upstream seems slow that is not. */
  #watchTurn(turnMs: number, now: number): void {
    const bearableMs = Math.max(longTurnMs, longTurnBaselines * this.admission.limit.baselineMs)
    if (turnMs > bearableMs) this.limits.disturb(now)
  }

  /** Whoever has kept the upstream waiting for long gives its permit back. */
  #moveIdle(now: number): void {
    for (const [attempt, group] of this.#idle) {
      if (attempt.idleSince + idleGraceMs > now || !this.moveToStreams(attempt, group, now)) return
    }
  }

  #nextIdleAt(): number {
    for (const attempt of this.#idle.keys()) return this.hasStreamsLeft ? attempt.idleSince + idleGraceMs : Infinity
    return Infinity
  }

  #disarmWhenEmpty(): void {
    if (this.#timer === null || this.admission.line.length > 0) return
    this.#timer.clear()
    this.#timer = null
    this.#timerAt = Infinity
  }

  #arm(at: number): void {
    if (at >= this.#timerAt || at === Infinity) return
    this.#timer?.clear()
    this.#timerAt = at
    const now = this.#clock.now()
    this.#timer = this.#clock.after(Math.max(0, at - now), this.#elapsed)
  }

  readonly #elapsed = (): void => {
    this.#timer = null
    this.#timerAt = Infinity
    const now = this.#clock.now()
    if (this.#idle.size > 0) this.#moveIdle(now)
    const nextAt = this.admission.expire(now)
    if (this.admission.line.length > 0) this.#arm(Math.min(nextAt, this.#nextIdleAt()))
  }
}

/** The limit that the permit of this attempt counts for. */
export function limitOf(attempt: Attempt): EndpointLimit { return attempt.countedAt as EndpointLimit }
