// Options of the admission of an upstream: its learned limit, its static ceiling, and a route's share of that.

import { Type } from 'typebox'
import type { Static } from 'typebox'
import { Duration } from '../../core/option-schema.ts'

export const limitSchema = Type.Object({
  initial: Type.Optional(Type.Integer({
    description: 'Where learning begins, attempts at each endpoint. Absent: 10, between min and max.', minimum: 1,
    maximum: 100_000, examples: [10],
  })),
  min: Type.Optional(Type.Integer({
    description: 'The least it may become at each endpoint. Absent: 2, or max if that is less.', minimum: 1,
    maximum: 100_000, examples: [2],
  })),
  max: Type.Optional(Type.Integer({
    description: 'The most it may become at each endpoint. Absent: 1024, or min if that is more.', minimum: 1,
    maximum: 100_000, examples: [64],
  })),
  maxStreams: Type.Optional(Type.Integer({
    description: 'Answers at most that are counted as streams, without a permit: event streams, routes with stream, '
      + 'and requests and answers that a slow caller holds open. Beyond it they keep their permits.',
    default: 10_000, minimum: 0, maximum: 1_000_000,
  })),
}, {
  additionalProperties: false,
  description: 'The learned limit of attempts in flight: what each endpoint of the upstream can use at once. The '
    + 'upstream lets in their sum; a bound of the whole is its bulkhead. off: only the bulkhead bounds them.',
})

export const bulkheadSchema = Type.Object({
  maxConcurrent: Type.Integer({
    description: 'Attempts in flight at this upstream at most.', minimum: 1, maximum: 1_000_000, examples: [20, 64],
  }),
  maxWait: Type.Optional(Duration({
    description: 'How long a request may wait for a permit of the bulkhead. 0: refused at once.', default: '0ms',
    examples: ['50ms'], atMost: 600_000,
  })),
  maxQueue: Type.Optional(Type.Integer({
    description: 'Requests waiting for a permit of the bulkhead at most.', default: 1024, minimum: 1,
    maximum: 1_000_000,
  })),
}, { additionalProperties: false, description: 'A static ceiling of the one admission of this upstream.' })

export const bulkheadShareSchema = Type.Object({
  share: Type.Number({
    description: 'The part of the upstream\'s ceiling that this route may hold at once.',
    exclusiveMinimum: 0, maximum: 1, examples: [0.5, 0.1],
  }),
}, { additionalProperties: false, description: 'What this route may use of its upstream\'s bulkhead.' })

export type LimitOptions = Static<typeof limitSchema>
export type BulkheadOptions = Static<typeof bulkheadSchema>
export type BulkheadShare = Static<typeof bulkheadShareSchema>
