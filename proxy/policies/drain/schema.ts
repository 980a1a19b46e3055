// Options of draining; they stand at the top level of the configuration.

import { Type } from 'typebox'
import { Duration } from '../../core/option-schema.ts'

export const drainSchema = Type.Object({
  delay: Type.Optional(Duration({
    description: 'How long after the signal everything is still served, so that balancers can look away first.',
    default: '5s', examples: ['0s', '10s'], atMost: 3_600_000,
  })),
  timeout: Type.Optional(Duration({
    description: 'When the process ends at the latest, counted from the signal.',
    default: '25s', examples: ['25s', '60s'], atMost: 3_600_000,
  })),
}, { additionalProperties: false, description: 'How this instance leaves: on SIGTERM, or POST /admin/drain.' })
