// Options of a route's rate limits.

import { Type } from 'typebox'
import type { Static } from 'typebox'

const key = Type.String({
  description: 'What tells callers apart.', format: 'rate-limit-key',
  examples: ['ip', 'header:x-merchant', 'identity', 'route', 'all'],
})

const limitSchema = Type.Object({
  key: Type.Union([key, Type.Array(key, { minItems: 1, maxItems: 4 })], {
    description: 'Who shares a limit. ip: one client address (an IPv6 /64; behind trusted peers the one they name); '
      + 'header:NAME: one value of the field, where it is missing all such requests together; identity: one client '
      + 'certificate; route: everybody on this route; all: everybody on all routes that name the same limit. Of a '
      + 'list, the combination.',
    examples: ['header:x-merchant', ['ip', 'header:x-api-key']],
  }),
  rate: Type.String({
    format: 'rate',
    description: 'Requests in a second, minute, hour or day, in the long run.', examples: ['50/s', '1000/h'],
  }),
  burst: Type.Optional(Type.Integer({
    minimum: 1, maximum: 1_000_000_000, description: 'Requests at once, after a pause. Absent: the number of the rate.',
    examples: [100],
  })),
  name: Type.Optional(Type.String({
    pattern: '^[a-z][a-z0-9_-]{0,31}$',
    description: 'Its name in metrics and in ratelimit-policy. Absent: one made of the key.', examples: ['merchant'],
  })),
  shared: Type.Optional(Type.Boolean({
    default: false,
    description: 'One limit for all instances that name it, through stores.rateLimit. While that cannot be asked, each '
      + 'instance limits alone.',
  })),
  maxKeys: Type.Optional(Type.Integer({
    minimum: 8, maximum: 16_777_216, default: 1_000_000,
    description: 'Keys to keep apart at once; memory is bounded by it, 16 bytes each. Beyond it, keys that are due '
      + 'soonest are forgotten.',
  })),
}, { additionalProperties: false, description: 'One limit.' })

const limitsSchema = Type.Array(limitSchema, {
  description: 'The limits.', minItems: 1, maxItems: 16, examples: [[{ key: 'ip', rate: '200/s' }]],
})

export const rateLimitSchema = Type.Union([
  limitsSchema,
  Type.Object({ limits: limitsSchema }, { additionalProperties: false }),
], {
  description: 'Limits on how often callers may come. All of them have to allow a request; the one that refuses is '
    + 'named in ratelimit, and retry-after is its own.',
  examples: [[{ key: 'header:x-merchant', rate: '50/s', burst: 100 }, { key: 'ip', rate: '200/s' }]],
})

export type RateLimitOptions = Static<typeof rateLimitSchema>
export type LimitOptions = Static<typeof limitSchema>
