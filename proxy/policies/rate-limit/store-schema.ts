// Where rate limits are shared by several instances, as it stands at the top level: `stores.rateLimit`. Used by limits
// that say `shared`.

import { Type } from 'typebox'
import { Duration } from '../../core/option-schema.ts'

const optional = Type.Optional

export const rateStoreSchema = Type.Object({
  url: Type.Unsafe<string>({
    type: 'string', secret: true, format: 'redis-url', maxLength: 4096, examples: ['redis://127.0.0.1:6379'],
    description: 'A Redis or Valkey server.',
  }),
  prefix: optional(Type.String({
    description: 'Before every key of ours.', default: 'seawall:rate:', maxLength: 64,
  })),
  timeout: optional(Duration({
    description: 'How long the server may take to answer. Nobody waits for it: past that, each instance limits alone.',
    default: '250ms', atLeast: 1, atMost: 60_000,
  })),
}, {
  additionalProperties: false, examples: [{ url: 'redis://127.0.0.1:6379' }],
  description: 'The server through which rate limits that say "shared" are one limit for all instances.',
})
