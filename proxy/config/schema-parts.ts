// The parts of the configuration that belong to no policy: listeners, admin, probe, limits, what callers are given in
// time, upstreams and routes. The policies' own options come from their own folders; schema.ts joins all of them.

import { Type } from 'typebox'
import type { TSchema, TUnsafe } from 'typebox'
import { Duration, Size } from '../core/option-schema.ts'
import { drainSchema } from '../policies/drain/schema.ts'
import { recordStoreSchema } from '../policies/idempotency/store-schema.ts'
import { rateStoreSchema } from '../policies/rate-limit/store-schema.ts'

/** Names of listeners, upstreams and routes: they are metric labels and parts of admin paths. */
const namePattern = '^[A-Za-z][A-Za-z0-9_-]{0,62}$'

/** One of a closed set of words. */
export function Choice<const W extends string>(
  words: readonly W[], options: { readonly description: string; readonly default?: W },
): TUnsafe<W> {
  return Type.Unsafe<W>({ type: 'string', enum: [...words], ...options })
}

export const modeSchema = Choice(['enforce', 'observe'], {
  description: 'enforce acts; observe computes every decision and counts it, and acts on none.',
})

const address = (description: string, options: { default?: string; examples: string[] }): TSchema =>
  Type.String({ format: 'listen-address', description, ...options })

const optional = Type.Optional
const closed = { additionalProperties: false } as const

const pemFile = (description: string, example: string): TSchema =>
  Type.String({ format: 'file-path', description, examples: [example] })

const listenerTlsSchema = Type.Object({
  cert: pemFile('File of the certificate and those between it and its authority, PEM.', '/run/tls/tls.crt'),
  key: pemFile('File of its private key, PEM.', '/run/tls/tls.key'),
  clientCa: optional(pemFile(
    'File of the authorities of callers, PEM: who has no certificate of theirs is not let in.', '/run/tls/ca.crt',
  )),
  minVersion: optional(Choice(['TLSv1.2', 'TLSv1.3'], {
    description: 'The oldest version of TLS that is spoken.', default: 'TLSv1.2',
  })),
}, { ...closed, description: 'Encryption of this listener. The files are read again when they change.' })

export const listenerSchema = Type.Object({
  kind: Choice(['ingress', 'egress'], {
    description: 'ingress faces callers; egress faces the service, on its way out.',
  }),
  listen: address('Where requests are accepted: HOST:PORT, or unix:/PATH.', { examples: ['127.0.0.1:8080'] }),
  backlog: optional(Type.Integer({
    description: 'Connections the kernel keeps until they are accepted.', default: 1024, minimum: 1, maximum: 65_535,
  })),
  trust: optional(Type.Array(Type.String({
    format: 'address-range', description: 'An address or a CIDR range.', examples: ['10.0.0.0/8'],
  }), {
    description: 'Peers whose Forwarded and X-Forwarded-* are believed.', default: [], examples: [['10.0.0.0/8']],
    maxItems: 1000,
  })),
  halfClose: optional(Choice(['leave', 'serve'], {
    description: 'What a FIN before the answer is complete means: the caller left, or it still reads.',
    default: 'leave',
  })),
  tls: optional(listenerTlsSchema),
  http2: optional(Type.Boolean({
    description: 'Whether HTTP/2 is spoken beside HTTP/1.1: with tls where ALPN agrees on it (the default there), '
      + 'without where a connection begins with its preface (off by default).',
  })),
}, { ...closed, description: 'An address on which requests are accepted.' })

export const topLevelProperties: Readonly<Record<string, TSchema>> = {
  $schema: optional(Type.String({
    description: 'Where editors find this schema.', examples: ['./schema.json'],
  })),
  version: Type.Literal(1, { description: 'The version of this format.', examples: [1] }),
  mode: optional(Choice(['enforce', 'observe'], {
    description: 'For all policies: enforce acts; observe only counts what it would have done. Routes and policies may '
      + 'say otherwise for themselves.',
    default: 'enforce',
  })),
  listeners: Type.Unsafe({
    type: 'object', patternProperties: { [namePattern]: listenerSchema }, additionalProperties: false,
    minProperties: 1, description: 'Addresses on which requests are accepted, by name.',
    examples: [{ public: { kind: 'ingress', listen: '127.0.0.1:8080' } }],
  }),
  admin: optional(Type.Object({
    listen: optional(address('Where the admin listener stands: loopback, or a unix socket.', {
      default: '127.0.0.1:9900', examples: ['127.0.0.1:9900', 'unix:/run/seawall/admin.sock'],
    })),
    token: optional(Type.Unsafe<string>({
      type: 'string', secret: true, minLength: 16, maxLength: 4096,
      description: 'Bearer token that every request to the admin listener must carry.',
      examples: ['${file:/run/secrets/admin-token}'],
    })),
  }, { ...closed, default: {}, description: 'The listener of everything that reads or changes this instance.' })),
  probe: optional(Type.Object({
    listen: address('Where the probe listener stands; 0.0.0.0 in a pod.', { examples: ['0.0.0.0:9901'] }),
  }, {
    ...closed, description: 'A listener of /livez, /readyz, /startupz and /metrics alone. Absent: none.',
  })),
  limits: optional(Type.Object({
    headerBytes: optional(Size({
      description: 'Largest header section of a request.', default: '16KiB', atLeast: 1024, atMost: 1_048_576,
    })),
    headerCount: optional(Type.Integer({
      description: 'Most header fields of a request.', default: 100, minimum: 1, maximum: 2000,
    })),
    uriBytes: optional(Size({
      description: 'Longest request target.', default: '8KiB', atLeast: 64, atMost: 1_048_576,
    })),
    connections: optional(Type.Integer({
      description: 'Most connections open at once, on each listener.', default: 10_000, minimum: 1,
      maximum: 1_000_000,
    })),
    connectionsPerCaller: optional(Type.Integer({
      description: 'Most connections open at once from one address.', default: 1000, minimum: 1, maximum: 1_000_000,
    })),
    requestsPerConnection: optional(Type.Integer({
      description: 'Requests after which a connection of a caller ends. Absent: never.', minimum: 1,
      maximum: 1_000_000_000, examples: [10_000],
    })),
    bodyBytesPerSecond: optional(Type.Integer({
      description: 'Least rate of a request body, measured over timeouts.idle until the answer begins; 0: none.',
      default: 240, minimum: 0, maximum: 1_000_000_000,
    })),
  }, { ...closed, default: {}, description: 'What one request, and all callers together, may take at the edge.' })),
  timeouts: optional(Type.Object({
    head: optional(Duration({
      description: 'From the connection to the complete head of a request.', default: '10s', atLeast: 1,
      atMost: 3_600_000,
    })),
    idle: optional(Duration({
      description: 'Between bytes of the body of a request.', default: '30s', atLeast: 1, atMost: 86_400_000,
    })),
    keepAlive: optional(Duration({
      description: 'How long an unused connection of a caller is kept.', default: '75s', atLeast: 1,
      atMost: 3_600_000,
    })),
    connectionAge: optional(Duration({
      description: 'Age at which a connection of a caller ends with its next answer. Absent: never.', atLeast: 1,
      atMost: 604_800_000, examples: ['1h'],
    })),
  }, {
    ...closed, default: {}, description: 'Time limits towards callers; those towards an upstream stand under it.',
  })),
  drain: optional(Type.Unsafe({ ...drainSchema, default: {} })),
  stores: optional(Type.Object({
    idempotency: optional(recordStoreSchema),
    rateLimit: optional(rateStoreSchema),
  }, { ...closed, default: {}, description: 'Where state is kept that outlives a process.' })),
  accessLog: optional(Choice(['off', 'errors', 'sampled', 'all'], {
    description: 'Which exchanges get a line in the log. errors: refused, failed and 5xx; sampled: those, and some of '
      + 'the others.',
    default: 'errors',
  })),
  readiness: optional(Type.Object({
    includeUpstream: optional(Type.Boolean({
      description: 'Whether /readyz also asks for an upstream that can be used.', default: false,
    })),
  }, { ...closed, default: {}, description: 'What ready means.' })),
}

/** Names may not be anything else, so that a metric label is never a surprise. */
export { namePattern }
