// Requests with a key are sent once: three parts of one mechanism. `recall` answers what is known before the door,
// `claim` takes the key as the last gate before the wire, `record` writes down what became of it, outside retry.
// Where records are kept is the store's affair; what may be claimed with which store is in the README.

import type { Attempt } from '../../core/attempt.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { LayerDefinition, PolicyDefinition } from '../../core/policy.ts'
import { ClaimGate } from './claim.ts'
import { egressKeyLayer } from './egress-key.ts'
import { keyedRouteOf } from './keyed-route.ts'
import { ObservedRecall, observedRecord } from './observing.ts'
import { recordLayer } from './record.ts'
import { RecallGate } from './recall.ts'
import { idempotencySchema } from './schema.ts'

/** The options of all three stand with the first. */
export const recall: PolicyDefinition<Exchange> = {
  name: 'recall',
  routeSchema: { idempotency: idempotencySchema },
  create: (context) => {
    const route = keyedRouteOf(context)
    if (route === null) return null
    return context.shadow ? new ObservedRecall(route) : new RecallGate(route)
  },
}

export const record: LayerDefinition = {
  name: 'record',
  create: (context) => {
    const route = keyedRouteOf(context)
    // On the way out a call may get its key from its fields, whether or not its record is kept here.
    const egress = context.shadow ? null : egressKeyLayer(context)
    if (route === null) return egress
    const layer = context.shadow ? observedRecord(route) : recordLayer(route)
    return egress === null ? layer : (next) => layer(egress(next))
  },
}

export const claim: PolicyDefinition<Attempt> = {
  name: 'claim',
  // What is only observed is claimed behind the request, by record.
  create: (context) => context.shadow || keyedRouteOf(context) === null ? null : new ClaimGate(),
}
