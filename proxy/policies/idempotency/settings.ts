// The options of a route as its parts read them: defaults filled in, lists as sets. Made once, at load.

import { keptFor } from './key-time.ts'
import type { QuotaLimits } from './quota.ts'
import type { IdempotencyOptions } from './schema.ts'

export interface Settings {
  readonly isRequired: boolean
  /** Lower-case. */
  readonly field: string
  /** Characters; from 1. */
  readonly minKeyLength: number
  /** URL of what callers may read about keys here. */
  readonly describedBy: string | null
  readonly methods: ReadonlySet<string>
  /** Null: not stated. */
  readonly scope: string | null
  /** Whether the route has keys of its own beside those of its upstream. */
  readonly isPerRoute: boolean
  readonly isReplayedToScope: boolean
  /** How long a record is kept. */
  readonly ttlMs: number
  /** How old a key may be that says its age; null: keys say none. */
  readonly maxKeyAgeMs: number | null
  readonly leaseMs: number
  readonly isJson: boolean
  /** Lower-case, sorted. */
  readonly fingerprintFields: readonly string[]
  /** Members of a JSON body that do not count; sorted. */
  readonly excludedMembers: readonly string[]
  readonly waits: boolean
  readonly waitMs: number
  readonly inDoubt: 'reject' | 'retry'
  /** Whether who repeats what nobody knows of is told as the first caller was. */
  readonly repeatsFailures: boolean
  readonly lateWindowMs: number
  readonly recordTimeoutMs: number
  /** Whether requests go on without a record when the store fails. */
  readonly failsOpen: boolean
  readonly releasing: ReadonlySet<number>
  readonly retriesServerErrors: boolean
  readonly maxRequestBytes: number
  readonly maxResponseBytes: number
  /** Of one scope; Infinity: no bound. */
  readonly quota: QuotaLimits
  /** Fields of answers that are neither kept nor replayed, with cookies unless they are asked for; lower-case. */
  readonly redacted: ReadonlySet<string>
  /** Whether a replay is marked in the spelling of Stripe too. */
  readonly saysAsStripe: boolean
  /** How long after it came an answer is shown; Infinity: as long as it is kept. */
  readonly maxReplayAgeMs: number
}

const day = 86_400_000
const mebibyte = 1_048_576
const cookies = ['set-cookie', 'set-cookie2']

export function settingsOf(options: IdempotencyOptions): Settings {
  const ttlMs = options.ttl ?? day
  const isTimeBased = options.timeBased === 'uuidv7'
  return {
    isRequired: options.required ?? false,
    field: (options.header ?? 'idempotency-key').toLowerCase(),
    minKeyLength: options.minKeyLength ?? 1,
    describedBy: options.describedBy ?? null,
    methods: new Set(options.methods ?? ['POST', 'PATCH']),
    scope: options.scope ?? null,
    isPerRoute: options.perRoute ?? false,
    isReplayedToScope: options.replayAuth === 'same-scope',
    ttlMs: isTimeBased ? keptFor(ttlMs) : ttlMs,
    maxKeyAgeMs: isTimeBased ? ttlMs : null,
    leaseMs: options.lease ?? 10_000,
    isJson: options.fingerprint?.mode === 'json',
    fingerprintFields: (options.fingerprint?.headers ?? []).map((name) => name.toLowerCase()).toSorted(),
    excludedMembers: (options.fingerprint?.exclude ?? []).toSorted(),
    waits: options.onConcurrent !== 'reject',
    waitMs: options.wait ?? 5_000,
    inDoubt: options.inDoubt ?? 'reject',
    repeatsFailures: options.unknownReplay === 'original',
    lateWindowMs: options.lateResponseWindow ?? 60_000,
    recordTimeoutMs: options.recordTimeout ?? 1_000,
    failsOpen: options.storeFailure === 'open',
    releasing: new Set(options.release ?? [401, 407, 421, 425, 429]),
    retriesServerErrors: options.onServerError === 'retry',
    maxRequestBytes: options.maxRequestBody ?? mebibyte,
    maxResponseBytes: options.maxResponseBody ?? mebibyte,
    quota: quotaOf(options, isTimeBased ? keptFor(ttlMs) : ttlMs),
    saysAsStripe: options.compatHeaders ?? false,
    redacted: new Set([
      ...(options.redact ?? []).map((name) => name.toLowerCase()), ...options.replay?.setCookie === true ? [] : cookies,
    ]),
    maxReplayAgeMs: options.replay?.maxAge ?? Infinity,
  }
}

/** What a scope may take of a store that is nearly full, where nothing is said of it. */
const fairKeys = 10_000

/** One scope that all share has nobody to be fair to: it is served until the store is full. */
function quotaOf({ quota, scope }: IdempotencyOptions, windowMs: number): QuotaLimits {
  const isShared = scope === undefined || scope === 'none'
  const { keys: maxKeys = Infinity, inFlight: maxInFlight = Infinity } = quota ?? {}
  const maxKeysWhenShort = quota?.keys ?? (isShared ? Infinity : fairKeys)
  return { maxKeys, maxKeysWhenShort, maxInFlight, windowMs }
}
