// Options of the adaptive throttle, under an upstream.

import { Type } from 'typebox'
import type { Static } from 'typebox'

export const throttleSchema = Type.Object({
  factor: Type.Optional(Type.Number({
    description: 'Attempts made per accepted one before some are held back. Lower holds back earlier.',
    default: 2, minimum: 1.1, maximum: 10, examples: [2, 1.5],
  })),
}, { additionalProperties: false, description: 'Asks the upstream less, the less of what it is asked it accepts.' })

export type ThrottleOptions = Static<typeof throttleSchema>
