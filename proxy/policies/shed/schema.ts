// Options of the admission of an upstream: its static ceiling, and a route's share of it.

import { Type } from 'typebox'
import type { Static } from 'typebox'
import { Duration } from '../../core/option-schema.ts'

export const bulkheadSchema = Type.Object({
  maxConcurrent: Type.Integer({
    description: 'Attempts in flight at this upstream at most.', minimum: 1, maximum: 1_000_000, examples: [20, 64],
  }),
  maxWait: Type.Optional(Duration({
    description: 'How long a request may wait for a permit. 0: refused at once.', default: '0ms',
    examples: ['50ms'], atMost: 600_000,
  })),
  maxQueue: Type.Optional(Type.Integer({
    description: 'Requests waiting for a permit at most.', default: 1024, minimum: 1, maximum: 1_000_000,
  })),
}, { additionalProperties: false, description: 'A static ceiling of the one admission of this upstream.' })

export const bulkheadShareSchema = Type.Object({
  share: Type.Number({
    description: 'The part of the upstream\'s ceiling that this route may hold at once.',
    exclusiveMinimum: 0, maximum: 1, examples: [0.5, 0.1],
  }),
}, { additionalProperties: false, description: 'What this route may use of its upstream\'s bulkhead.' })

export type BulkheadOptions = Static<typeof bulkheadSchema>
export type BulkheadShare = Static<typeof bulkheadShareSchema>
