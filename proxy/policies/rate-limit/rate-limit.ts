// How often callers may come: several limits on a route, each by its own key. A request that one of them refuses is
// told so at once (429), and spends nothing of the others. It decides alone and in this turn, whatever a store does.

import { DueTable } from '../../algorithms/due-table.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { Refused } from '../../core/outcome.ts'
import type { Gate, PolicyContext, PolicyDefinition } from '../../core/policy.ts'
import type { Verdict } from '../../core/scope.ts'
import { LeasedLimit } from './leased-limit.ts'
import { Limiter, limitName, rateOf } from './limiter.ts'
import { rateLimitSchema } from './schema.ts'
import type { LimitOptions, RateLimitOptions } from './schema.ts'

const defaultMaxKeys = 1_000_000

class RateLimitGate implements Gate<Exchange> {
  readonly name = 'rateLimit'
  readonly #limiters: readonly Limiter[]

  constructor(limiters: readonly Limiter[]) {
    this.#limiters = limiters
  }

  admit(exchange: Exchange, now: number, shadow: boolean): Verdict {
    const limiters = this.#limiters
    for (let i = 0; i < limiters.length; i++) {
      const limiter = limiters[i] as Limiter
      const waitMs = limiter.wait(exchange, now)
      if (waitMs === 0) continue
      limiter.refused.add()
      if (!shadow) return refusal(limiter, waitMs)
      exchange.wouldRefuse('rate-limit.exceeded', 'rateLimit')
      return null
    }
    for (let i = 0; i < limiters.length; i++) {
      const limiter = limiters[i] as Limiter
      limiter.spend(now)
      limiter.admitted.add()
    }
    return null
  }
}

function refusal(limiter: Limiter, waitMs: number): Refused {
  return {
    kind: 'refused', by: 'rateLimit', code: 'rate-limit.exceeded', status: 429, retryAfterMs: waitMs,
    fields: limiter.fields(waitMs),
  }
}

export const rateLimit: PolicyDefinition<Exchange> = {
  name: 'rateLimit',
  routeSchema: { rateLimit: rateLimitSchema },
  create: (context) => {
    const options = context.routeOptions['rateLimit'] as RateLimitOptions | undefined
    if (options === undefined) return null
    const limits = 'limits' in options ? options.limits : options
    return new RateLimitGate(limits.map((limit) => limiterOf(limit, context)))
  },
}

/** Its numbers are of this configuration; what callers have spent outlives a reload. */
function limiterOf(limit: LimitOptions, context: PolicyContext): Limiter {
  const { route, meter, random } = context
  const name = limitName(limit)
  const owner = [limit.key].flat().includes('all') ? '' : route
  const maxKeys = isOne(limit) ? 1 : limit.maxKeys ?? defaultMaxKeys
  const table = context.part(`rate-limit:${owner}/${name}/${maxKeys}`, () => new DueTable(maxKeys, random() * 2 ** 32))
  context.show(`rateLimit ${name}`, route, () => ({ maxKeys: table.capacity, evictions: table.evictions }))
  const counter = (decision: string): ReturnType<typeof meter.counter> =>
    meter.counter('seawall_rate_limit_total', { route, limit: name, decision })
  const shared = limit.shared === true ? sharedLimit(limit, owner, context) : null
  return new Limiter(limit, { table, shared, admitted: counter('admitted'), refused: counter('refused') })
}

/** Null where no store is configured; `validate` has said so. */
function sharedLimit(limit: LimitOptions, owner: string, context: PolicyContext): LeasedLimit | null {
  const { sharing, clock } = context
  if (sharing === null || sharing.lease === null) return null
  const { lease, turned } = sharing
  const rate = rateOf(limit)
  const name = `${owner}/${limitName(limit)}`
  return context.part(`rate-lease:${name}/${limit.rate}/${rate.burst}`,
    () => new LeasedLimit({ name, rate, lease, clock, turned }))
}

/** Whether all requests share one key. */
function isOne({ key }: LimitOptions): boolean {
  return [key].flat().every((part) => part === 'route' || part === 'all')
}
