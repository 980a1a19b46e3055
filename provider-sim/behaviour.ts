// How one port behaves: the faults it injects and the latency it adds. Read from JSON as a whole, so a new behaviour
// replaces the old one and never mixes with it. It says what happens; the exchange makes it happen.

import type { Distribution } from './distribution.ts'
import { NO_LATENCY, readDistribution } from './distribution.ts'
import type { Complaint } from './field-checks.ts'
import { InvalidInput, join, readChoice, readInteger, readNumber, readObject } from './field-checks.ts'

export interface Behaviour {
  /** Service time of one request, spent inside its capacity slot. */
  readonly latency: Distribution
  /** Accepts and does not answer, before or after executing, until changed back or MAX_HOLD_MS is over. */
  readonly stall: 'off' | 'before' | 'after'
  /** Requests served at once; the rest wait in arrival order, also for clients that left. Null: no limit. */
  readonly capacity: number | null
  /** Share of requests (0 to 1) that are answered with `status` and not executed. */
  readonly errorRate: number
  readonly status: number
  /** Connection reset (TCP RST) on a share of requests, before or after executing. */
  readonly reset: Reset | null
  readonly body: BodyFault
  /** 'on': a repeated idempotency key gets the first answer. 'off': it is executed again, and the ledger shows it. */
  readonly dedupe: 'on' | 'off'
  /** 'unaffected': GET /health answers at once whatever the rest does, as a shallow health check would. */
  readonly health: 'affected' | 'unaffected'
}

export interface Reset {
  readonly when: 'before' | 'after'
  readonly rate: number
}

export type BodyFault =
  | { readonly type: 'normal' }
  /** Announces the whole length, sends half, closes. */
  | { readonly type: 'truncated'; readonly rate: number }
  | { readonly type: 'slow'; readonly rate: number; readonly bytesPerSecond: number }
  /** Chunked, never ends before the client leaves or MAX_HOLD_MS is over. */
  | { readonly type: 'endless'; readonly rate: number; readonly bytesPerSecond: number }

/** What may be written: every key optional, with the short forms that `readBehaviour` accepts. */
export interface BehaviourInput {
  readonly latency?: number | string | { readonly type: Distribution['type']; readonly [key: string]: unknown }
  readonly stall?: boolean | Behaviour['stall']
  readonly capacity?: number | null
  readonly errorRate?: number
  readonly status?: number
  readonly reset?: Reset['when'] | { readonly when: Reset['when']; readonly rate?: number } | null
  readonly body?: BodyFault['type'] | { readonly type: BodyFault['type']; readonly [key: string]: unknown }
  readonly dedupe?: Behaviour['dedupe']
  readonly health?: Behaviour['health']
}

/** Ten minutes: no experiment waits longer, and nothing forgotten stays for ever. */
export const MAX_HOLD_MS = 600_000

export const HEALTHY: Behaviour = {
  latency: NO_LATENCY,
  stall: 'off',
  capacity: null,
  errorRate: 0,
  status: 503,
  reset: null,
  body: { type: 'normal' },
  dedupe: 'on',
  health: 'affected',
}

/** Parses a behaviour; what is not written is healthy. Throws InvalidInput with every fault at once. */
export function parseBehaviour(value: unknown): Behaviour {
  const complaints: Complaint[] = []
  const behaviour = readBehaviour(value, '', complaints)
  if (complaints.length > 0) throw new InvalidInput('behaviour', complaints)
  return behaviour
}

export function readBehaviour(value: unknown, field: string, complaints: Complaint[]): Behaviour {
  const input = readObject(value, field, Object.keys(HEALTHY), complaints)
  if (input === null) return HEALTHY
  const at = (key: string): string => join(field, key)
  const has = (key: string): boolean => input[key] !== undefined
  return {
    latency: has('latency') ? readDistribution(input['latency'], at('latency'), complaints) : HEALTHY.latency,
    stall: has('stall') ? readStall(input['stall'], at('stall'), complaints) : HEALTHY.stall,
    capacity: has('capacity') ? readCapacity(input['capacity'], at('capacity'), complaints) : HEALTHY.capacity,
    // A status alone means "answer this": a status that never came would be a trap.
    errorRate: has('errorRate') ? readRate(input['errorRate'], at('errorRate'), complaints) : has('status') ? 1 : 0,
    status: readInteger(input['status'] ?? HEALTHY.status, at('status'), { min: 400, max: 599 }, complaints),
    reset: readReset(input['reset'] ?? null, at('reset'), complaints),
    body: has('body') ? readBody(input['body'], at('body'), complaints) : HEALTHY.body,
    dedupe: readChoice(input['dedupe'] ?? HEALTHY.dedupe, at('dedupe'), ['on', 'off'], complaints),
    health: readChoice(input['health'] ?? HEALTHY.health, at('health'), ['affected', 'unaffected'], complaints),
  }
}

function readRate(value: unknown, field: string, complaints: Complaint[]): number {
  return readNumber(value, field, { min: 0, max: 1 }, complaints)
}

function readStall(value: unknown, field: string, complaints: Complaint[]): Behaviour['stall'] {
  if (typeof value === 'boolean') return value ? 'before' : 'off'
  return readChoice(value, field, ['off', 'before', 'after'], complaints)
}

function readCapacity(value: unknown, field: string, complaints: Complaint[]): number | null {
  return value === null ? null : readInteger(value, field, { min: 1, max: 1_000_000 }, complaints)
}

function readReset(value: unknown, field: string, complaints: Complaint[]): Reset | null {
  if (value === null) return null
  if (typeof value === 'string') return { when: readChoice(value, field, ['before', 'after'], complaints), rate: 1 }
  const input = readObject(value, field, ['when', 'rate'], complaints)
  if (input === null) return null
  return {
    when: readChoice(input['when'], join(field, 'when'), ['before', 'after'], complaints),
    rate: readRate(input['rate'] ?? 1, join(field, 'rate'), complaints),
  }
}

const BODY_TYPES = ['normal', 'truncated', 'slow', 'endless'] as const

/** Slow enough that a 100-byte answer takes 2 s; endless enough to notice without filling anyone's memory. */
const DEFAULT_BYTES_PER_SECOND = { slow: 50, endless: 65_536 } as const

function readBody(value: unknown, field: string, complaints: Complaint[]): BodyFault {
  const written = typeof value === 'string' ? { type: value } : value
  const input = readObject(written, field, ['type', 'rate', 'bytesPerSecond'], complaints)
  if (input === null) return HEALTHY.body
  const typeField = typeof value === 'string' ? field : join(field, 'type')
  const type = readChoice(input['type'], typeField, BODY_TYPES, complaints)
  if (type === 'normal' || type === 'truncated') {
    readObject(written, field, type === 'normal' ? ['type'] : ['type', 'rate'], complaints)
    return type === 'normal' ? { type } : { type, rate: readRate(input['rate'] ?? 1, join(field, 'rate'), complaints) }
  }
  const speed = input['bytesPerSecond'] ?? DEFAULT_BYTES_PER_SECOND[type]
  return {
    type,
    rate: readRate(input['rate'] ?? 1, join(field, 'rate'), complaints),
    bytesPerSecond: readInteger(speed, join(field, 'bytesPerSecond'), { min: 1, max: 10_000_000 }, complaints),
  }
}
