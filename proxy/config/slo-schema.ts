// What is promised of a route: the share of its exchanges that have to go well, how quick is quick enough, and over
// which time that is judged. Nothing acts on it; metrics, status and alerts say how it is kept.

import { Type } from 'typebox'
import type { Static } from 'typebox'
import { Duration } from '../core/option-schema.ts'

export const sloSchema = Type.Object({
  objective: Type.Number({
    description: 'Share of exchanges that have to go well, a ratio: 0.999 lets one in a thousand fail.',
    examples: [0.999], minimum: 0.5, maximum: 0.99999,
  }),
  threshold: Type.Optional(Duration({
    description: 'An answer whose last byte is out later than this after the head of its request did not go well. '
      + 'Absent: none, only failures count. Of streams they alone do, always.',
    examples: ['300ms'], atLeast: 1, atMost: 600_000,
  })),
  window: Type.Optional(Duration({
    description: 'The time over which the budget of failures is kept, as far as this process is that old.',
    default: '30d', examples: ['7d'], atLeast: 3_600_000, atMost: 2_592_000_000,
  })),
}, {
  additionalProperties: false, examples: [{ objective: 0.999, threshold: '300ms' }],
  description: 'What is promised of this route; shown as budget and burn rate, and acted on by nobody.',
})

export type SloOptions = Static<typeof sloSchema>
