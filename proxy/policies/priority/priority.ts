// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// Sets the class of an exchange, for all who let some wait behind others. It keeps nothing and refuses nobody.

import type { Exchange } from '../../core/exchange.ts'
import type { PolicyDefinition } from '../../core/policy.ts'
import type { Priority } from '../../core/priority.ts'
import { PriorityReader } from './priority-reader.ts'
import { prioritySchema } from './schema.ts'

/** Stands on every route but those that bypass the door: there nobody asks for a class. */
export const priority: PolicyDefinition<Exchange> = {
  name: 'priority',
  routeSchema: { priority: prioritySchema },
  create: ({ routeOptions, route, meter }) => {
    const own = routeOptions['priority'] as Priority | 'bypass' | 'off' | undefined
    if (own === 'bypass') return null
    const reader = new PriorityReader(own, meter.counter('seawall_priority_ignored_total', { route }))
    return {
      name: 'priority',
      admit: (exchange) => {
        reader.read(exchange)
        return null
      },
    }
  },
}
