// What is said of a key: the refusals, and a recorded answer given again. Everything here is made from what the store
// holds; nothing of a key, and nothing of a body but the body itself, is in it.

import type { Code } from '../../core/codes.ts'
import { codes } from '../../core/codes.ts'
import { firstValue } from '../../core/raw-headers.ts'
import type { RawHeaders } from '../../core/raw-headers.ts'
import type { Outcome, PolicyName, Refused, Reply } from '../../core/outcome.ts'
import type { DoneRecord, StoreFault, UnknownRecord } from '../../core/record-store.ts'
import { WholeBody } from '../../core/whole-body.ts'
import type { PartName } from './fingerprint.ts'
import { instantOf } from './instant.ts'
import { longestKey } from './key.ts'
import type { Untimely } from './key-time.ts'
import type { Settings } from './settings.ts'

/** What became of a request with a key, in `idempotency-status` and as label of its counter. */
export type KeyStatus = 'executed' | 'replayed' | 'in-progress' | 'unknown' | 'released' | 'unrecorded' | 'bypassed'

/** A refusal of one of the three parts. */
export function refused(by: PolicyName, code: Code, fields?: RawHeaders): Refused {
  const plain = { kind: 'refused', by, code, status: codes[code].status, retryAfterMs: 0 } as const
  return fields === undefined ? plain : { ...plain, fields }
}

function statusField(status: KeyStatus): RawHeaders { return ['idempotency-status', status] }

/** Why a key is not looked at. */
export type KeyFault = 'missing' | Untimely

/** What a route says of keys that are none; made at load. `link`: where its callers may read how keys are used. */
export function keyRefusals(
  { field: header, describedBy: link, maxKeyAgeMs, minKeyLength: minLength }: Settings,
): Readonly<Record<KeyFault, Refused>> {
  const fields = link === null ? undefined : ['link', `<${link}>; rel="describedby"`]
  const invalid = refused('recall', 'idempotency.key-invalid', fields)
  const lengths = minLength === 1 ? { maxLength: longestKey } : { minLength, maxLength: longestKey }
  const form = maxKeyAgeMs === null ? lengths : { format: 'uuidv7' }
  return {
    missing: { ...refused('recall', 'idempotency.key-missing', fields), members: { header } },
    invalid: { ...invalid, members: { header, ...form } },
    ahead: { ...invalid, members: { header, ...form, reason: 'ahead' } },
    expired: { ...refused('recall', 'idempotency.key-expired', fields), members: { header, maxAgeMs: maxKeyAgeMs } },
  }
}

/** `differs`: only for whoever sent the first request; nothing of it is told to others. */
export function keyReused(differs: readonly PartName[]): Refused {
  const plain = refused('recall', 'idempotency.key-reused')
  return differs.length === 0 ? plain : { ...plain, members: { differs } }
}

/** How soon it is worth asking again for an answer that is being made. */
const askAgainMs = 1_000

/** The look at the drain that the first gate left to us. */
export const closing: Refused = { kind: 'refused', by: 'drain', code: 'drain.closing', status: 503, retryAfterMs: 0 }

export const overQuota = refused('claim', 'idempotency.quota')
export const inProgress: Refused = {
  ...refused('recall', 'idempotency.in-progress', [...statusField('in-progress'), 'retry-after', '1']),
  members: { retryAfterMs: askAgainMs },
}
const otherCredential = refused('recall', 'idempotency.result-unavailable', statusField('executed'))
/** Nothing of it is told any more, save that it was executed. */
const tooOld: Refused = { ...otherCredential, members: { reason: 'too-old' } }

/** Two seconds: what a store needs to come back, or an operator to be told. */
const storeRetryMs = 2_000
const unavailable: Refused = { ...refused('recall', 'idempotency.store-unavailable'), retryAfterMs: storeRetryMs }
export const storeFull: Refused = { ...refused('recall', 'idempotency.store-full'), retryAfterMs: storeRetryMs }

/** For whoever is asked by the caller: what is over only when the ttl is, or when an operator says so. */
const stateLost: Refused = { ...unavailable, members: { reason: 'state-lost' } }

/** Nothing was sent, because its record could not be written or read. */
export function storeFailed({ reason }: StoreFault): Refused {
  if (reason === 'state-lost') return stateLost
  return reason === 'no-space' ? storeFull : unavailable
}

/** Nobody knows what became of it. `asFirst`: in the words that its first caller was or would have been told. */
export function outcomeUnknown({ reason, createdAtMs }: UnknownRecord, ref: string, asFirst: boolean): Refused {
  const since = new Date(createdAtMs).toISOString()
  const members = { since, reason, ref }
  if (!asFirst) return { ...refused('recall', 'idempotency.outcome-unknown', statusField('unknown')), members }
  const code = reason === 'timeout' ? 'upstream.timeout' : 'upstream.reset'
  return { ...refused('recall', code, statusField('unknown')), members: { ...members, retry: 'reconcile' } }
}

/** It was executed, and its body is not there. Says what is: enough to look it up. */
function bodyMissing({ answer }: DoneRecord, redacted: ReadonlySet<string>): Refused {
  const kept: Record<string, string> = {}
  for (const name of ['location', 'etag', 'content-type']) {
    const value = firstValue(answer.headers, name)
    if (value !== undefined && !redacted.has(name)) kept[name] = value
  }
  return {
    ...refused('recall', 'idempotency.result-unavailable', statusField('executed')),
    members: { originalStatus: answer.status, originalHeaders: kept, reason: answer.gap ?? 'too-large' },
  }
}

/** What is true of one moment, one hop or one caller, and not of the answer. */
const momentary =
  /^(?:date|ratelimit.*|x-ratelimit-.*|server-timing|traceparent|tracestate|idempotency-.*|set-cookie2)$/

/** What a route says of replays. */
type ReplayRules = Pick<Settings, 'isReplayedToScope' | 'redacted' | 'maxReplayAgeMs' | 'saysAsStripe'>

/** The recorded answer as it goes to whoever repeats the request with that credential, or why it does not. */
export function replayOf(
  record: DoneRecord, rules: ReplayRules, credential: string, wallMs: number,
): Reply | Refused {
  const { isReplayedToScope, redacted, maxReplayAgeMs, saysAsStripe } = rules
  const { answer } = record
  if (!isReplayedToScope && credential !== record.credential) return otherCredential
  if (wallMs - record.finishedAtMs > maxReplayAgeMs) return tooOld
  if (answer.body === null) return bodyMissing(record, redacted)
  const headers: string[] = []
  let hasCacheControl = false
  for (let i = 0; i < answer.headers.length; i += 2) {
    const name = (answer.headers[i] as string).toLowerCase()
    if (momentary.test(name) || redacted.has(name)) continue
    if (name === 'cache-control') hasCacheControl = true
    headers.push(answer.headers[i] as string, answer.headers[i + 1] as string)
  }
  if (!hasCacheControl) headers.push('cache-control', 'no-store')
  headers.push('idempotency-replayed', 'true', ...statusField('replayed'))
  headers.push('idempotency-created', instantOf(record.createdAtMs))
  if (saysAsStripe) headers.push('idempotent-replayed', 'true')
  return {
    kind: 'reply', status: answer.status, reason: answer.statusText, headers, origin: 'replay',
    body: wholeBody(answer.body, answer.trailers),
  }
}

/** Trailers need a body whose end alone tells its length. */
export function wholeBody(bytes: Uint8Array, trailers: RawHeaders | null): WholeBody {
  return new WholeBody(bytes.length === 0 ? [] : [bytes], trailers === null ? bytes.length : -1, trailers)
}

/** An outcome with the status of its key; what an upstream says of keys of its own gives way. */
export function withStatus(outcome: Outcome, status: KeyStatus): Outcome {
  if (outcome.kind === 'reply') {
    const headers: string[] = []
    for (let i = 0; i < outcome.headers.length; i += 2) {
      const name = outcome.headers[i] as string
      if (name.length !== 18 || name.toLowerCase() !== 'idempotency-status') {
        headers.push(name, outcome.headers[i + 1] as string)
      }
    }
    headers.push('idempotency-status', status)
    return { ...outcome, headers }
  }
  if (outcome.kind !== 'refused' && outcome.kind !== 'failed') return outcome
  const told = { ...outcome, fields: [...outcome.fields ?? [], 'idempotency-status', status] }
  if (told.kind === 'refused' || (status !== 'unknown' && status !== 'in-progress')) return told
  const retry = status === 'unknown' ? 'reconcile' : 'same-key'
  return { ...told, members: { ...told.members, retry, idempotencyState: status } }
}
