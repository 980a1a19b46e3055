// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The innermost handler: opens the scope of an attempt, leads it through its gates, sends it, and resolves at the head
// of the answer. What the layers above see is only the outcome.

import type { AttemptKind, AttemptOwner } from '../core/attempt.ts'
import { Attempt } from '../core/attempt.ts'
import type { Clock } from '../core/clock.ts'
import type { Outcome } from '../core/outcome.ts'
import type { Handler } from '../core/policy.ts'
import type { Observer } from '../core/plan.ts'
import { WAIT } from '../core/scope.ts'
import type { GateRun } from '../core/scope.ts'
import type { Upstream } from '../core/upstream.ts'
import type { Work } from '../core/work.ts'

export class Attempts implements AttemptOwner {
  readonly #gates: GateRun
  readonly #upstream: Upstream
  readonly #clock: Clock
  readonly #observer: Observer

  constructor(gates: GateRun, upstream: Upstream, clock: Clock, observer: Observer) {
    this.#gates = gates
    this.#upstream = upstream
    this.#clock = clock
    this.#observer = observer
  }

  /** The handler that layers wrap. */
  readonly handle: Handler = (work, kind) => new Promise((resolve) => { this.#begin(work, kind, resolve) })

  #begin(work: Work, kind: AttemptKind, resolve: (outcome: Outcome) => void): void {
    const over = work.exchange.outcome
    // A layer asks again although the caller has left or the deadline has passed: nothing is sent any more.
    if (over !== null) return resolve(over)
    const now = this.#clock.now()
    const attempt = new Attempt(work, kind, this.#gates, this, this.#clock, resolve, now)
    work.attempts++
    work.running = attempt
    const verdict = this.#gates.enter(attempt, now)
    if (verdict === null) this.#upstream.send(attempt)
    else if (verdict !== WAIT) attempt.refused(verdict, now)
  }

  ready(attempt: Attempt): void {
    this.#upstream.send(attempt)
  }

  ended(attempt: Attempt, now: number): void {
    if (attempt.work.running === attempt) attempt.work.running = null
    this.#observer.attemptEnded(attempt, now)
  }
}
