// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The innermost handler: opens the scope of an attempt, leads it through its gates, sends it, and resolves at the head
// of the answer. What the layers above see is only the outcome. It also says, once an attempt, which row of the outcome
// matrix its ending is: for that it keeps the pace of its route.

import type { LatencyQuantile } from '../algorithms/latency-quantile.ts'
import type { AttemptKind, AttemptOwner } from '../core/attempt.ts'
import { Attempt } from '../core/attempt.ts'
import type { Clock } from '../core/clock.ts'
import { isMarkedDrain, isMarkedOverload } from '../core/overload-mark.ts'
import type { Outcome } from '../core/outcome.ts'
import { rowOf } from '../core/outcome-matrix.ts'
import type { OutcomeRow } from '../core/outcome-matrix.ts'
import type { Handler } from '../core/policy.ts'
import type { Forwarding, Observer } from '../core/plan.ts'
import { WAIT } from '../core/scope.ts'
import type { GateRun } from '../core/scope.ts'
import type { Send } from '../core/upstream.ts'
import type { Work } from '../core/work.ts'

export interface AttemptsOptions {
  readonly upstream: string
  readonly forwarding: Forwarding
  readonly gates: GateRun
  readonly send: Send
  readonly clock: Clock
  readonly observer: Observer
  /** Latencies of this route at this upstream; outlives a reload. */
  readonly pace: LatencyQuantile
  /** The deadline that the route itself sets, ms; Infinity: none. */
  readonly routeDeadlineMs: number
  /** Whether the upstream is a Seawall whose `proxy-status` is believed. */
  readonly isSeawall: boolean
}

export class Attempts implements AttemptOwner {
  readonly #options: AttemptsOptions

  constructor(options: AttemptsOptions) {
    this.#options = options
  }

  get upstream(): string {
    return this.#options.upstream
  }

  get forwarding(): Forwarding {
    return this.#options.forwarding
  }

  /** The handler that layers wrap. */
  readonly handle: Handler = (work, kind) => new Promise((resolve) => { this.#begin(work, kind, resolve) })

  /** Such attempts that pass other gates and are sent in another way. */
  via(gates: GateRun, send: Send): Attempts {
    return new Attempts({ ...this.#options, gates, send })
  }

  #begin(work: Work, kind: AttemptKind, resolve: (outcome: Outcome) => void): void {
    const over = work.exchange.outcome
    // A layer asks again although the caller has left or the deadline has passed: nothing is sent any more.
    if (over !== null) return resolve(over)
    const { gates, clock, send } = this.#options
    const now = clock.now()
    const attempt = new Attempt(work, kind, gates, this, clock, resolve, now)
    work.began(attempt)
    const verdict = gates.enter(attempt, now)
    if (verdict === null) send(attempt)
    else if (verdict !== WAIT) attempt.refused(verdict, now)
  }

  ready(attempt: Attempt): void {
    this.#options.send(attempt)
  }

  rowOf(attempt: Attempt, outcome: Outcome, now: number): OutcomeRow {
    const { pace, routeDeadlineMs, isSeawall } = this.#options
    const { exchange } = attempt.work
    const row = rowOf(outcome, {
      isWaiting: attempt.sentAt < 0,
      isStale: false,
      isMarked: outcome.kind === 'reply' && isMarkedOverload(outcome, isSeawall),
      isDraining: isSeawall && outcome.kind === 'reply' && isMarkedDrain(outcome),
      isBodyBroken: false,
      isCallersTurn: attempt.isCallersTurn,
      p99Ms: outcome.kind === 'abandoned' ? pace.at(0.99) : Infinity,
      // A caller, or those it was made for, may have set an earlier one.
      isRouteDeadline: exchange.deadlineAt - exchange.startedAt >= routeDeadlineMs,
    })
    // A first attempt that lost to its hedge took at least as long: leaving it out would teach that all are fast, and
    // ever more would be hedged.
    if ((outcome.kind === 'reply' && row !== 'draining') || (row === 'lost-hedge' && attempt.kind !== 'hedge')) {
      pace.add(now - attempt.sentAt)
    }
    return row
  }

  ended(attempt: Attempt, now: number): void {
    attempt.work.ended(attempt)
    this.#options.observer.attemptEnded(attempt, now)
  }
}
