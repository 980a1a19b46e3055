// Options of the timeouts of an upstream and of a route. What waits for a request itself stands under the listener's.

import { Type } from 'typebox'
import type { Static } from 'typebox'
import { Duration } from '../../core/option-schema.ts'

export const upstreamTimeoutsSchema = Type.Object({
  connect: Type.Optional(Duration({
    description: 'For a new connection to be accepted, TLS included.', default: '1s', atLeast: 1, atMost: 600_000,
  })),
  attempt: Type.Optional(Duration({
    description: 'From the first byte of an attempt on the wire to the head of its answer. Absent: the deadline only.',
    examples: ['3s'], atLeast: 1, atMost: 3_600_000,
  })),
  idle: Type.Optional(Duration({
    description: 'Between bytes of an answer.', default: '60s', atLeast: 1, atMost: 86_400_000,
  })),
  keepAlive: Type.Optional(Duration({
    description: 'How long an unused connection is kept where the upstream does not announce it itself.',
    default: '4s', atLeast: 1, atMost: 3_600_000,
  })),
}, { additionalProperties: false, description: 'Time limits towards this upstream.' })

export const routeTimeoutsSchema = Type.Object({
  attempt: Type.Optional(Duration({
    description: 'As the upstream\'s `attempt`, for this route only.', examples: ['500ms'], atLeast: 1,
    atMost: 3_600_000,
  })),
}, { additionalProperties: false, description: 'Time limits of this route; they go before the upstream\'s.' })

export type UpstreamTimeouts = Static<typeof upstreamTimeoutsSchema>
export type RouteTimeouts = Static<typeof routeTimeoutsSchema>
