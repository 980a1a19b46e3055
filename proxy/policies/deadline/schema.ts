// Options of a route's deadline.

import { Type } from 'typebox'
import type { Static } from 'typebox'
import { Duration } from '../../core/option-schema.ts'

export const deadlineSchema = Type.Object({
  default: Type.Optional(Duration({
    description: 'The deadline of callers that send none. Absent: none.',
    examples: ['2s', '500ms'], atLeast: 1, atMost: 3_600_000,
  })),
  max: Type.Optional(Duration({
    description: 'The most a caller may ask for; a later deadline is brought down to it.',
    default: '15m', examples: ['10s'], atLeast: 1, atMost: 3_600_000,
  })),
}, {
  additionalProperties: false,
  description: 'One deadline from the arrival of the head over queue, connection, attempts, the head of the answer, '
    + 'and its body unless it is a stream. Callers say theirs in x-request-timeout-ms.',
})

export type DeadlineOptions = Static<typeof deadlineSchema>
