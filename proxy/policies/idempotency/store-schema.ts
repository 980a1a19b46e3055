// Where the records of keys are kept, as it stands at the top level of the configuration: `stores.idempotency`. Opened
// only when some route has `idempotency`.

import { Type } from 'typebox'
import { Duration, Size } from '../../core/option-schema.ts'

const optional = Type.Optional
const closed = { additionalProperties: false } as const

const nodes = (description: string, format: string, example: string) => Type.Array(
  Type.String({ format, description: 'One of them.', examples: [example] }),
  { description, minItems: 1, maxItems: 100, uniqueItems: true, examples: [[example]] },
)

export const recordStoreSchema = Type.Object({
  type: optional(Type.Unsafe<'memory' | 'lmdb' | 'redis'>({
    type: 'string', enum: ['memory', 'lmdb', 'redis'], default: 'lmdb',
    description: 'lmdb: on this host, survives kill -9. redis: shared by replicas. memory: gone with the process.',
  })),
  path: optional(Type.String({
    description: 'lmdb: its folder, on a local disk; relative to this file.', default: './data/idempotency',
    format: 'file-path',
    examples: ['/var/lib/seawall/idempotency'],
  })),
  durability: optional(Type.Unsafe<'process' | 'disk'>({
    type: 'string', enum: ['process', 'disk'], default: 'process',
    description: 'lmdb: process survives the death of the process, disk that of the machine too, at a flush a request.',
  })),
  maxBytes: optional(Size({
    description: 'lmdb: the most it may take of the disk; beyond it new keys are refused. memory: the most of bodies.',
    examples: ['4GiB'], atLeast: 65_536, atMost: 1_099_511_627_776,
  })),
  maxKeys: optional(Type.Integer({
    description: 'memory: keys kept at most; beyond it new ones are refused.', default: 100_000, minimum: 1,
    maximum: 10_000_000,
  })),
  timeout: optional(Duration({
    description: 'How long one operation may take before the store counts as down.', default: '250ms', atLeast: 1,
    atMost: 60_000,
  })),
  url: optional(Type.Unsafe<string>({
    type: 'string', secret: true, format: 'redis-url', maxLength: 4096, examples: ['redis://127.0.0.1:6379'],
    description: 'redis: one server.',
  })),
  sentinel: optional(Type.Object({
    name: Type.String({ description: 'Name of the primary.', minLength: 1, maxLength: 256, examples: ['mymaster'] }),
    addresses: nodes('HOST:PORT of the sentinels.', 'host-port', '127.0.0.1:26379'),
  }, { ...closed, description: 'redis: a primary behind sentinels.' })),
  cluster: optional(nodes('redis: URLs of some nodes of a cluster.', 'redis-url', 'redis://127.0.0.1:7000')),
  username: optional(Type.String({
    description: 'redis: for sentinel and cluster.', minLength: 1, maxLength: 256, examples: ['seawall'],
  })),
  password: optional(Type.Unsafe<string>({
    type: 'string', secret: true, minLength: 1, maxLength: 4096, examples: ['${file:/run/secrets/redis}'],
    description: 'redis: for sentinel and cluster.',
  })),
  prefix: optional(Type.String({
    description: 'redis: before every key of ours.', default: 'seawall:', maxLength: 64,
  })),
  acceptLoss: optional(Type.Boolean({
    description: 'redis: use a server that evicts or does not persist. A key it forgets is executed again.',
    default: false,
  })),
  waitReplicas: optional(Type.Integer({
    description: 'redis: replicas that must have a claim before it counts; with fewer nothing is sent. Waits for half '
      + 'of the timeout at most.',
    default: 0, minimum: 0, maximum: 10,
  })),
  onStateLoss: optional(Type.Unsafe<'open' | 'closed'>({
    type: 'string', enum: ['open', 'closed'], default: 'open',
    description: 'redis: what a new key means after the server has forgotten its records (flushed, or replaced by an '
      + 'empty one). open: it is sent, perhaps again. closed: it is refused for the ttl of its route, or until an '
      + 'operator accepts the loss.',
  })),
  encryption: optional(Type.Object({
    keyFile: Type.String({
      description: 'One key a line, 32 bytes in base64 or hex, the newest first; relative to this file.',
      format: 'file-path', examples: ['/run/secrets/idempotency'],
    }),
  }, { ...closed, description: 'Stored answers are sealed with AES-256-GCM. Absent: as they are.' })),
}, {
  ...closed, default: {}, examples: [{ type: 'redis', url: 'redis://127.0.0.1:6379' }],
  description: 'Where the records of idempotency keys are kept.',
})
