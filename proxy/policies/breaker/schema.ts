// Options of the breaker, under an upstream for all of its routes and under a route for itself. Nothing has to be
// written: what is here asks for the classic form.

import { Type } from 'typebox'
import type { Static } from 'typebox'
import { Duration } from '../../core/option-schema.ts'

export const breakerSchema = Type.Object({
  failures: Type.Optional(Type.Integer({
    description: 'The classic form: trips at this many failures within `window`. Absent: trips on evidence that more '
      + 'than half of all calls fail.',
    minimum: 1, maximum: 100_000, examples: [5],
  })),
  window: Type.Optional(Duration({
    description: 'Time in which `failures` are counted; 10 s unless given. Without `failures` it does nothing.',
    examples: ['10s'], atLeast: 1, atMost: 3_600_000,
  })),
  openFor: Type.Optional(Duration({
    description: 'How long it stays open, each time. Absent: 30 s in the classic form, else from 1 s to 30 s, growing.',
    examples: ['30s'], atLeast: 1, atMost: 3_600_000,
  })),
  probes: Type.Optional(Type.Integer({
    description: 'Calls that have to succeed one after the other before it closes. Absent: 1 in the classic form, '
      + 'else 3.',
    minimum: 1, maximum: 100, examples: [1],
  })),
}, { additionalProperties: false, description: 'Refuses calls at once while what they need is known to fail.' })

export type BreakerOptions = Static<typeof breakerSchema>
