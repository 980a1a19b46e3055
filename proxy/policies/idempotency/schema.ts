// Options of the record of a key on one route. Where records are kept stands at the top level: see store-schema.ts.

import { Type } from 'typebox'
import type { Static, TUnsafe } from 'typebox'
import { Duration, Size } from '../../core/option-schema.ts'

const optional = Type.Optional
const closed = { additionalProperties: false } as const

function oneOf<const W extends string>(words: readonly W[], standard: W, description: string): TUnsafe<W> {
  return Type.Unsafe<W>({ type: 'string', enum: [...words], default: standard, description })
}

const keyLimits = optional(Type.Object({
  keys: optional(Type.Integer({
    description: 'New keys of one scope within the ttl, in this process.', minimum: 1, maximum: 100_000_000,
    examples: [10_000],
  })),
  inFlight: optional(Type.Integer({
    description: 'Keys of one scope in flight at once, in this process.', minimum: 1, maximum: 1_000_000,
    examples: [64],
  })),
}, {
  ...closed, description: 'What one scope may take. Absent: no bound while the store has room. Once four fifths of it '
    + 'are taken: 10,000 keys, where the scope tells callers apart.',
  examples: [{ keys: 10_000, inFlight: 64 }],
}))

const fingerprint = optional(Type.Object({
  mode: optional(oneOf(['raw', 'json'], 'raw',
    'raw: the bytes of the body. json: its meaning, whatever the order of keys and the spaces between.')),
  headers: optional(Type.Array(Type.String({
    format: 'header-name', description: 'Name of a field.', examples: ['x-merchant'],
  }), {
    description: 'Fields that must be the same too.', default: [], examples: [['x-merchant']], maxItems: 20,
    uniqueItems: true,
  })),
  exclude: optional(Type.Array(Type.String({
    format: 'json-member', description: 'A member, of every element where arrays are between.',
    examples: ['$.sent_at'],
  }), {
    description: 'With mode json: members that callers draw anew each time they send one thing.', default: [],
    examples: [['$.sent_at', '$.items.trace_id']], maxItems: 20, uniqueItems: true,
  })),
}, { ...closed, default: {}, description: 'What must be the same for a request to be the same.' }))

export const idempotencySchema = Type.Object({
  required: optional(Type.Boolean({ description: 'Whether a request without a key is refused.', default: false })),
  header: optional(Type.String({
    format: 'header-name', description: 'The field that carries the key.', default: 'idempotency-key',
  })),
  minKeyLength: optional(Type.Integer({
    description: 'Characters that a key must have: short ones are guessed, or drawn twice.', default: 1, minimum: 1,
    maximum: 255, examples: [20],
  })),
  describedBy: optional(Type.String({
    format: 'web-url', maxLength: 2048, examples: ['https://docs.example/keys'],
    description: 'Where callers may read how keys are used here; named in a Link field when a key is missing or none.',
  })),
  methods: optional(Type.Array(Type.String({
    format: 'method', description: 'A method in capitals.', examples: ['POST'],
  }), {
    description: 'Methods on which keys count; on others they pass as any field does.', default: ['POST', 'PATCH'],
    minItems: 1, maxItems: 10, uniqueItems: true,
  })),
  scope: optional(Type.String({
    format: 'key-scope', examples: ['header:x-merchant', 'credential', 'mtls', 'none'],
    description: 'What keys are kept apart by: the credential, a field, the client certificate, or nothing. Absent: '
      + 'nothing, and validate asks for a word on it.',
  })),
  perRoute: optional(Type.Boolean({
    description: 'Whether a key that another route of the upstream has used is new here. Without it that is refused.',
    default: false,
  })),
  replayAuth: optional(oneOf(['same-credential', 'same-scope'], 'same-credential',
    'Who may read a recorded answer: whoever sent the first request, or everybody in the scope.')),
  ttl: optional(Duration({
    description: 'How long a key is kept. Longer than any caller repeats.', default: '24h', examples: ['24h', '7d'],
    atLeast: 1000, atMost: 2_592_000_000,
  })),
  timeBased: optional(oneOf(['off', 'uuidv7'], 'off',
    'uuidv7: keys say when they were made; one older than the ttl is refused, where it would be executed again.')),
  lease: optional(Duration({
    description: 'After how long a silent owner counts as lost, where stores are shared.', default: '10s',
    atLeast: 1000, atMost: 600_000,
  })),
  fingerprint,
  onConcurrent: optional(oneOf(['wait', 'reject'], 'wait',
    'What a request does whose key is in flight: wait for that answer, or be refused at once.')),
  wait: optional(Duration({
    description: 'The longest such wait; the deadline ends it too.', default: '5s', atMost: 600_000,
  })),
  inDoubt: optional(oneOf(['reject', 'retry'], 'reject',
    'What a key means whose outcome nobody knows. retry sends it again: only for services that do not act twice.')),
  unknownReplay: optional(oneOf(['conflict', 'original'], 'conflict',
    'What who repeats is told of an outcome that nobody knows: 409, which ends retries, or the 504 or 502 of the first '
      + 'caller, for clients that stop at nothing else.')),
  lateResponseWindow: optional(Duration({
    description: 'How long an answer is waited for that its caller no longer waits for.', default: '60s',
    atMost: 3_600_000,
  })),
  recordTimeout: optional(Duration({
    description: 'How long an answer waits for its record.', default: '1s', atLeast: 1, atMost: 60_000,
  })),
  storeFailure: optional(oneOf(['closed', 'open'], 'closed',
    'Without the store: closed refuses, open sends requests without a record, which may charge twice.')),
  release: optional(Type.Array(Type.Integer({
    minimum: 400, maximum: 499, description: 'A status of the upstream.', examples: [429],
  }), {
    description: 'Statuses by which the upstream says that it did nothing: the key is free again.',
    default: [401, 407, 421, 425, 429], maxItems: 50, uniqueItems: true,
  })),
  onServerError: optional(oneOf(['replay', 'retry'], 'replay',
    'What a 5xx of the upstream means for the key: it is the answer, or the key is free again.')),
  maxRequestBody: optional(Size({
    description: 'Largest body of a request with a key; it is read whole before it is sent.', default: '1MiB',
    atLeast: 0, atMost: 67_108_864,
  })),
  maxResponseBody: optional(Size({
    description: 'Largest answer that is kept. A larger one is recorded without its body.', default: '1MiB',
    atLeast: 0, atMost: 67_108_864,
  })),
  redact: optional(Type.Array(Type.String({
    format: 'header-name', description: 'Name of a field.', examples: ['x-customer-email'],
  }), {
    description: 'Fields of answers that are neither stored nor replayed; the first caller gets them.', default: [],
    examples: [['x-customer-email']], maxItems: 50, uniqueItems: true,
  })),
  quota: keyLimits,
  compatHeaders: optional(Type.Boolean({
    description: 'Whether a replay says idempotent-replayed too, as Stripe spells it.', default: false,
  })),
  replay: optional(Type.Object({
    setCookie: optional(Type.Boolean({ description: 'Whether Set-Cookie is replayed.', default: false })),
    maxAge: optional(Duration({
      description: 'How long after it came an answer is shown; after that who repeats is told that there was one. '
        + 'Absent: as long as the key is kept.',
      examples: ['1h'], atLeast: 1000, atMost: 2_592_000_000,
    })),
  }, { ...closed, default: {}, description: 'What of an answer is replayed, and how long.' })),
}, {
  ...closed,
  description: 'Requests with an Idempotency-Key are sent once: who repeats one gets the first answer again.',
  examples: [{ required: true, scope: 'header:x-merchant', ttl: '24h' }],
})

export type IdempotencyOptions = Static<typeof idempotencySchema>
