// Options of retries on a route, and what an upstream says of requests that it is sent twice.

import { Type } from 'typebox'
import type { Static } from 'typebox'
import { Duration, Size } from '../../core/option-schema.ts'

const optional = Type.Optional
const closed = { additionalProperties: false } as const

export const retrySchema = Type.Object({
  maxAttempts: optional(Type.Integer({
    description: 'Attempts for one request in all: the first, retries and a hedge.', default: 3, minimum: 1,
    maximum: 10,
  })),
  backoff: optional(Type.Object({
    base: optional(Duration({
      description: 'Span of the first wait; it doubles with each failure, and any time in it is as likely. Absent: '
        + 'what an answer usually takes, from 10ms to 200ms.',
      examples: ['50ms'], atLeast: 1, atMost: 60_000,
    })),
    max: optional(Duration({
      description: 'Longest span. Never more than half of the time that is left.', default: '1s', atLeast: 1,
      atMost: 60_000,
    })),
  }, { ...closed, default: {}, description: 'Waits between attempts.', examples: [{ base: '50ms', max: '500ms' }] })),
  maxBodyBytes: optional(Size({
    description: 'Largest body of a request that is kept to be sent again; a longer one is sent once.',
    default: '64KiB', atLeast: 0, atMost: 16_777_216,
  })),
}, {
  ...closed, examples: [{ maxAttempts: 3 }],
  description: 'Sends again what failed, where that is safe and the budget of the upstream pays for it.',
})

export const deduplicatesSchema = Type.Object({
  header: optional(Type.String({
    format: 'header-name', description: 'Field that carries the key.', default: 'idempotency-key',
  })),
  for: optional(Duration({
    description: 'How long the upstream remembers a key.', default: '24h', examples: ['24h'], atLeast: 1_000,
    atMost: 31_536_000_000,
  })),
  key: optional(Type.Unsafe<'passthrough' | 'per-call' | 'from-fields'>({
    type: 'string', enum: ['passthrough', 'per-call', 'from-fields'], default: 'per-call',
    description: 'Whose key: passthrough: only the caller\'s; per-call: one is made where the caller sends none, the '
      + 'same for all attempts of the request; from-fields: one is made of fields of the body, the same for whoever '
      + 'sends them again.',
  })),
  fields: optional(Type.Array(Type.String({
    format: 'json-path', description: 'A value of a JSON body.', examples: ['$.order_id'],
  }), {
    description: 'For from-fields: all that makes the call what it is. Two calls with the same are one for the '
      + 'provider.',
    minItems: 1, maxItems: 20, uniqueItems: true, examples: [['$.order_id', '$.attempt']],
  })),
}, {
  ...closed, examples: [{ header: 'idempotency-key', for: '24h' }],
  description: 'Says that this upstream acts once on all requests with the same key: only this makes a request that '
    + 'changes something safe to send twice.',
})

export type RetryOptions = Static<typeof retrySchema>
export type DeduplicatesOptions = Static<typeof deduplicatesSchema>
