// Options of fallbacks on a route: on which endings, and what is answered instead.

import { Type } from 'typebox'
import type { Static } from 'typebox'
import { Duration } from '../../core/option-schema.ts'
import { triggersSchema } from '../../core/trigger.ts'

const optional = Type.Optional
const closed = { additionalProperties: false } as const

export const fallbackSchema = Type.Object({
  on: triggersSchema({
    description: 'Codes of Seawall and statuses of the upstream in whose place something else is answered.',
    examples: [['breaker.open', 'upstream.timeout', 503]], withDoor: true,
  }),
  lastGood: optional(Type.Object({
    maxStale: optional(Duration({
      description: 'How long past its freshness the last good answer may be given again. What the answer itself says '
        + 'of stale reuse goes before.',
      default: '5m', examples: ['5m'], atMost: 2_592_000_000,
    })),
    vary: optional(Type.Array(Type.String({
      format: 'header-name', description: 'Name of a header field.', examples: ['x-merchant'],
    }), {
      description: 'Fields of the request that make two requests different beside those the answer names in Vary: '
        + 'whatever says who is asking.',
      default: [], examples: [['x-merchant']], maxItems: 20,
    })),
  }, {
    ...closed, examples: [{ maxStale: '5m' }],
    description: 'The last good answer to the same request, of GET and HEAD, where a shared cache might keep it.',
  })),
  status: optional(Type.Integer({
    description: 'Status of a fixed answer, 503 where only its body or fields are given; never a 2xx where the route '
      + 'takes methods that change something.',
    examples: [503], minimum: 200, maximum: 599,
  })),
  headers: optional(Type.Unsafe<Readonly<Record<string, string>>>({
    type: 'object', additionalProperties: false, description: 'Fields of a fixed answer.',
    examples: [{ 'x-degraded': 'true' }],
    patternProperties: {
      '^[!#$%&\'*+.^_`|~0-9A-Za-z-]+$': {
        type: 'string', format: 'header-value', maxLength: 8192, description: 'Value of the field.',
      },
    },
  })),
  body: optional(Type.Unsafe<string | object>({
    description: 'Body of a fixed answer: text, or an object, which is sent as JSON.',
    examples: [{ code: 'payment.unavailable' }],
    anyOf: [
      { type: 'string', maxLength: 65_536, description: 'Text.' },
      { type: 'object', additionalProperties: true, description: 'Sent as JSON.' },
    ],
  })),
}, {
  ...closed, examples: [{ on: ['breaker.open'], lastGood: { maxStale: '5m' } }],
  description: 'Answers instead of a failure: the last good answer where there is one, else a fixed one.',
})

export type FallbackOptions = Static<typeof fallbackSchema>
