// HOT PATH — runs for every attempt. Rules: docs/decisions/0004.
// Refuses attempts while what they need is known to fail: the connection to the upstream, or this route's answers. What
// an ending teaches is read from the outcome matrix; whether a connection came about is the one thing that belongs to
// the upstream as a whole.

import type { Attempt } from '../../core/attempt.ts'
import type { Clock } from '../../core/clock.ts'
import type { Outcome, Refused } from '../../core/outcome.ts'
import type { Lesson } from '../../core/outcome-matrix.ts'
import type { Gate, PolicyDefinition } from '../../core/policy.ts'
import { retryAfterMs } from '../../core/retry-after.ts'
import type { Verdict } from '../../core/scope.ts'
import { circuitsOf } from './circuits.ts'
import type { Circuit } from './circuits.ts'
import { breakerSchema } from './schema.ts'

/** Refusals differ in the second at which to come again, and are made once for each. */
const refusals: (Refused | undefined)[] = []
const longestRetryS = 60

function refusalFor(retryInMs: number): Refused {
  const retryInS = Math.min(longestRetryS, Math.ceil(retryInMs / 1000))
  return refusals[retryInS] ??= {
    kind: 'refused', by: 'breaker', code: 'breaker.open', status: 503, retryAfterMs: retryInS * 1000,
  }
}

/** Between two breakers: both have to let an attempt through. */
export class BreakerGate implements Gate<Attempt> {
  readonly name = 'breaker'
  readonly #connection: Circuit
  readonly #answers: Circuit
  readonly #clock: Clock

  constructor(connection: Circuit, answers: Circuit, clock: Clock) {
    this.#connection = connection
    this.#answers = answers
    this.#clock = clock
  }

  admit(attempt: Attempt, now: number, shadow: boolean): Verdict {
    const connection = this.#connection.machine
    const answers = this.#answers.machine
    this.#lookAtProbe(now)
    const mayConnect = connection.admit(attempt.serial, now)
    if (mayConnect && connection.state === 'half-open') this.#connection.probe = attempt
    const mayAsk = (mayConnect || shadow) && answers.admit(attempt.serial, now)
    if (mayConnect && mayAsk) return null
    if (shadow) {
      attempt.work.exchange.wouldRefuse('breaker.open', 'breaker')
      return null
    }
    // The connection's probe is not made: its turn goes to the next.
    if (mayConnect) connection.settle(attempt.serial, 'ignorable', now)
    return refusalFor(mayConnect ? answers.retryInMs(now) : connection.retryInMs(now))
  }

  judge(attempt: Attempt, outcome: Outcome, now: number): void {
    const { lesson, row } = attempt
    const isConnectionLost = row === 'not-connected'
    const aboutConnection = isConnectionLost ? lesson.breaker : attempt.sentAt >= 0 ? 'ok' : 'ignorable'
    this.#learn(this.#connection, attempt, aboutConnection, now, 0)
    const askedMs = lesson.breaker === 'ok' ? 0 : retryAfterMs(outcome, this.#clock.wallMs())
    this.#learn(this.#answers, attempt, isConnectionLost ? 'none' : lesson.breaker, now, askedMs)
  }

  /** A body that broke is a failure after all, though its head was none; a probe has been judged by then. */
  spoiled(attempt: Attempt, now: number): void {
    this.#answers.lastFailure = 'body-broken'
    this.#answers.machine.spoil(attempt.serial, now)
  }

  /** A probe of the connection has passed when it was sent: its answer is another breaker's affair, and may be slow. */
  #lookAtProbe(now: number): void {
    const { probe, machine } = this.#connection
    if (probe === null || (probe.sentAt < 0 && !probe.isJudged)) return
    this.#connection.probe = null
    if (probe.sentAt >= 0) machine.settle(probe.serial, 'ok', now)
  }

  #learn(circuit: Circuit, attempt: Attempt, lesson: Lesson['breaker'], now: number, askedMs: number): void {
    if (lesson === 'fail' || lesson === 'half-fail') circuit.lastFailure = attempt.row ?? ''
    circuit.machine.settle(attempt.serial, lesson, now, askedMs)
  }
}

/** Stands on every route unless it is turned off; works with one endpoint as with many. */
export const breaker: PolicyDefinition<Attempt> = {
  name: 'breaker',
  routeSchema: { breaker: breakerSchema },
  upstreamSchema: { breaker: breakerSchema },
  create: (context) => {
    const { connection, answers } = circuitsOf(context)
    return new BreakerGate(connection, answers, context.clock)
  },
}
