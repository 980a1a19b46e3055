// Options of failover on a route.

import { Type } from 'typebox'
import type { Static } from 'typebox'
import { triggersSchema } from '../../core/trigger.ts'

export const failoverSchema = Type.Object({
  to: Type.String({ description: 'Name of the upstream that is asked instead.', examples: ['provider-two'] }),
  on: Type.Optional(triggersSchema({
    description: 'Codes and statuses that send a request there. Absent: everything that says that the first upstream '
      + 'is not there: an open breaker, no endpoint, no connection, a timeout, a reset, 502, 503 and 504.',
    examples: [['breaker.open', 'upstream.refused']],
  })),
}, {
  additionalProperties: false, examples: [{ to: 'provider-two' }],
  description: 'Asks another upstream when the first is down. What may change something is sent there only while '
    + 'nothing of it has been sent to the first.',
})

export type FailoverOptions = Static<typeof failoverSchema>
