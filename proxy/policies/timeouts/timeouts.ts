// The last look before the wire: an attempt whose deadline is gone is not made, and every other one gets its own time.
// That time runs from the first byte on the wire (core/attempt.ts arms it), so that waiting for a connection is never
// mistaken for a slow upstream. Connect and idle timeouts are the leaf's.

import type { Attempt } from '../../core/attempt.ts'
import type { Outcome, Refused } from '../../core/outcome.ts'
import type { Gate, PolicyDefinition } from '../../core/policy.ts'
import type { Verdict } from '../../core/scope.ts'
import { routeTimeoutsSchema, upstreamTimeoutsSchema } from './schema.ts'
import type { RouteTimeouts, UpstreamTimeouts } from './schema.ts'

const expired: Refused = { kind: 'refused', by: 'timeouts', code: 'deadline.expired', status: 504, retryAfterMs: 0 }

class TimeoutsGate implements Gate<Attempt> {
  readonly name = 'timeouts'
  readonly #attemptMs: number
  readonly #shadow: boolean

  constructor(attemptMs: number, shadow: boolean) {
    this.#attemptMs = attemptMs
    this.#shadow = shadow
  }

  admit(attempt: Attempt, now: number, shadow: boolean): Verdict {
    if (attempt.work.exchange.deadlineAt <= now) return expired
    if (!shadow) attempt.timeoutMs = this.#attemptMs
    return null
  }

  /** Observe: the answer came, later than the attempt would have been given. */
  judge(attempt: Attempt, _outcome: Outcome, now: number): void {
    if (!this.#shadow || attempt.sentAt < 0 || now - attempt.sentAt <= this.#attemptMs) return
    attempt.work.exchange.wouldRefuse('upstream.timeout', 'timeouts')
  }
}

export const timeouts: PolicyDefinition<Attempt> = {
  name: 'timeouts',
  routeSchema: { timeouts: routeTimeoutsSchema },
  upstreamSchema: { timeouts: upstreamTimeoutsSchema },
  create: (context) => {
    const route = (context.routeOptions['timeouts'] ?? {}) as RouteTimeouts
    const upstream = (context.upstreamOptions['timeouts'] ?? {}) as UpstreamTimeouts
    return new TimeoutsGate(route.attempt ?? upstream.attempt ?? Infinity, context.shadow)
  },
}
