// Options of balancing, all under an upstream: how an endpoint is chosen, how it comes back, and how it is checked.

import { Type } from 'typebox'
import type { Static } from 'typebox'
import { Duration } from '../../core/option-schema.ts'

export const balanceSchema = Type.Unsafe<'peak-ewma' | 'least-request' | 'round-robin'>({
  type: 'string', enum: ['peak-ewma', 'least-request', 'round-robin'], default: 'peak-ewma',
  description: 'Which of several endpoints is asked: the better of two by latency, load and failures; the least busy; '
    + 'or each in turn.',
})

export const slowStartSchema = Duration({
  description: 'How long an endpoint that comes back or appears takes to its full share.', default: '10s',
  examples: ['30s'], atLeast: 1, atMost: 3_600_000,
})

export const healthSchema = Type.Object({
  path: Type.String({
    format: 'check-path', description: 'Path of the GET by which each endpoint is checked; 2xx is healthy.',
    examples: ['/health'],
  }),
  interval: Type.Optional(Duration({
    description: 'Between two checks of one endpoint, a fifth more or less.', default: '5s', examples: ['2s'],
    atLeast: 100, atMost: 3_600_000,
  })),
  timeout: Type.Optional(Duration({
    description: 'For one check, connection included.', default: '1s', atLeast: 1, atMost: 600_000,
  })),
  healthy: Type.Optional(Type.Integer({
    description: 'Good checks in a row that bring an endpoint back.', default: 2, minimum: 1, maximum: 100,
  })),
  unhealthy: Type.Optional(Type.Integer({
    description: 'Bad checks in a row that take an endpoint out.', default: 3, minimum: 1, maximum: 100,
  })),
}, { additionalProperties: false, description: 'Checks every endpoint of this upstream by itself. Off until written.' })

export type HealthOptions = Static<typeof healthSchema>
