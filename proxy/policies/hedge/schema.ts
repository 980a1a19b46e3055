// Options of hedging on a route.

import { Type } from 'typebox'
import type { Static } from 'typebox'
import { durationPattern } from '../../core/option-schema.ts'

const after = Type.Unsafe<'p95' | 'p98' | number>({
  description: 'When the second request is sent: behind the 95 or 98 of 100 answers that came sooner, as observed on '
    + 'this route, or after a fixed time.',
  default: 'p95', examples: ['p95', '50ms'],
  anyOf: [
    { type: 'string', enum: ['p95', 'p98'], description: 'By the answers of this route, from 50 of them on.' },
    {
      anyOf: [{ type: 'string', pattern: durationPattern }, { type: 'number', minimum: 0 }], unit: 'duration',
      atLeast: 1, atMost: 60_000, description: 'After this time.',
    },
  ],
})

export const hedgeSchema = Type.Object({ after: Type.Optional(after) }, {
  additionalProperties: false, examples: [{ after: 'p95' }],
  description: 'Asks a second endpoint when an answer takes unusually long, and takes the first that is good. Safe '
    + 'methods without a body only.',
})

export type HedgeOptions = Static<typeof hedgeSchema>
