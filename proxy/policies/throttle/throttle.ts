// HOT PATH — runs for every attempt of a route that has it. Rules: docs/decisions/0004.
// The soft stage before the breaker: holds back a growing part of attempts while the upstream accepts too few. Off
// until written, because it refuses by lot. Kept for each route, as the breaker is: one bad path must not close others.

import { AdaptiveThrottle } from '../../algorithms/adaptive-throttle.ts'
import type { Attempt } from '../../core/attempt.ts'
import type { Counter } from '../../core/meter.ts'
import type { Outcome, Refused } from '../../core/outcome.ts'
import type { Gate, PolicyDefinition } from '../../core/policy.ts'
import type { Verdict } from '../../core/scope.ts'
import { throttleSchema } from './schema.ts'
import type { ThrottleOptions } from './schema.ts'

const rejected: Refused = { kind: 'refused', by: 'throttle', code: 'throttle.rejected', status: 503, retryAfterMs: 0 }

const defaultFactor = 2

class ThrottleGate implements Gate<Attempt> {
  readonly name = 'throttle'
  readonly #throttle: AdaptiveThrottle
  readonly #held: Counter

  constructor(throttle: AdaptiveThrottle, held: Counter) {
    this.#throttle = throttle
    this.#held = held
  }

  admit(attempt: Attempt, now: number, shadow: boolean): Verdict {
    if (this.#throttle.admit(now)) return null
    if (shadow) {
      attempt.work.exchange.wouldRefuse('throttle.rejected', 'throttle')
      return null
    }
    this.#held.add()
    return rejected
  }

  judge(attempt: Attempt, _outcome: Outcome, now: number): void {
    this.#throttle.note(attempt.lesson.throttle, now)
  }
}

export const throttle: PolicyDefinition<Attempt> = {
  name: 'throttle',
  upstreamSchema: { throttle: throttleSchema },
  create: (context) => {
    const options = context.upstreamOptions['throttle'] as ThrottleOptions | undefined
    if (options === undefined) return null
    const { upstream, route, clock } = context
    const factor = options.factor ?? defaultFactor
    const throttle = context.part(`throttle:${upstream}/${route}`,
      () => new AdaptiveThrottle(factor, context.random, clock.now()))
    throttle.configure(factor)
    context.show('throttle', route, () => ({ refusedShare: Number(throttle.refusedShare(clock.now()).toFixed(3)) }))
    return new ThrottleGate(throttle, context.meter.counter('seawall_throttled_total', { upstream, route }))
  },
}
