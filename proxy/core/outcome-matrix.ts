// The one table that says who learns what from which ending. Most real bugs of resilience libraries are a wrong cell of
// it: a local refusal that trains the limiter, a cancelled probe that closes the circuit. Readers ask `rowOf` once and
// read their column; nobody classifies an outcome a second way.

import type { Outcome, PolicyName } from './outcome.ts'

/** Endings, as finely as anybody has to tell them apart. */
export type OutcomeRow =
  | 'shed' | 'rate-limited' | 'throttled' | 'breaker-open' | 'expired-waiting' | 'connection-wait-over'
  | 'not-connected' | 'stale-connection' | 'reset' | 'attempt-timeout' | 'overload-marked' | 'draining' | 'unmarked-503'
  | 'unmarked-429' | 'server-error' | 'client-error' | 'slow-request' | 'success' | 'left-waiting'
  | 'cut-early' | 'cut-late' | 'lost-hedge' | 'body-broken'

/** What each reader does with an ending. */
export interface Lesson {
  /** Latency sample of the limit: censored means "at least this long". */
  readonly sample: 'no' | 'yes' | 'censored'
  /** Overload signal for the limit's brake; weak counts half. */
  readonly brake: 'no' | 'weak' | 'yes'
  /** The breaker's book; ignorable gives a probe's token back. */
  readonly breaker: 'none' | 'ok' | 'fail' | 'half-fail' | 'ignorable'
  /** The throttle's counters: a request, or a request and an accept. */
  readonly throttle: 'none' | 'request' | 'accept'
  /**
   * Whether we may send again. any: every method. safe: idempotent methods, or a key where the upstream deduplicates.
   * safe-or-unsent: idempotent methods, or not one byte was handed to the socket; free and once. other-endpoint: as
   * safe, and never the same one. gateway-safe: as safe, for 502 and 504 only.
   */
  readonly retry: 'never' | 'any' | 'safe' | 'safe-or-unsent' | 'other-endpoint' | 'gateway-safe'
  /** Change of the retry budget, in retries; a success pays only for a first attempt. */
  readonly budget: number
  /** What the balancer notes for the endpoint. */
  readonly balance: 'none' | 'sample' | 'penalty' | 'retry-after' | 'censored'
  /**
   * The record of a key. undelivered: released if sticky `delivered` is no, else in doubt. listed: released for 401,
   * 407, 421, 425 and 429 from the only attempt dispatched, else recorded. marked: released if the upstream says
   * not-processed, else recorded. detach: the work goes on without its caller.
   */
  readonly key: 'undelivered' | 'keep' | 'in-doubt' | 'record' | 'listed' | 'marked' | 'detach'
}

type LessonRow = readonly [
  Lesson['sample'], Lesson['brake'], Lesson['breaker'], Lesson['throttle'], Lesson['retry'], number,
  Lesson['balance'], Lesson['key'],
]

const rows: { readonly [R in OutcomeRow]: LessonRow } = {
  //                      sample     brake  breaker     throttle  retry            budget balance     key
  'shed':                 ['no',      'no',  'none',     'none',   'never',         0,   'none',       'undelivered'],
  'rate-limited':         ['no',      'no',  'none',     'none',   'never',         0,   'none',       'undelivered'],
  'throttled':            ['no',      'no',  'none',     'request','never',         0,   'none',       'undelivered'],
  'breaker-open':         ['no',      'no',  'none',     'request','never',         0,   'none',       'undelivered'],
  'expired-waiting':      ['no',      'no',  'none',     'none',   'never',         0,   'none',       'undelivered'],
  'connection-wait-over': ['no',      'no',  'none',     'none',   'never',         0,   'none',       'undelivered'],
  'not-connected':        ['no',      'yes', 'fail',     'request','any',           -1,  'penalty',    'undelivered'],
  'stale-connection':     ['no',      'no',  'none',     'none',   'safe-or-unsent',0,   'none',       'keep'],
  'reset':                ['no',      'yes', 'fail',     'request','safe',          -1,  'penalty',    'in-doubt'],
  'attempt-timeout':      ['censored','yes', 'fail',     'request','safe',          -2,  'penalty',    'in-doubt'],
  'overload-marked':      ['no',      'yes', 'none',     'request','other-endpoint',-1,  'retry-after','marked'],
  // One of several leaves: nobody is overloaded, nothing is broken, and the others have to be asked.
  'draining':             ['no',      'no',  'ignorable','none',   'safe',          -1,  'retry-after','marked'],
  'unmarked-503':         ['no',      'weak','half-fail','request','safe',          -1,  'penalty',    'record'],
  'unmarked-429':         ['no',      'weak','none',     'request','safe',          -1,  'penalty',    'listed'],
  'server-error':         ['no',      'no',  'fail',     'request','gateway-safe',  -1,  'penalty',    'record'],
  'client-error':         ['yes',     'no',  'ok',       'accept', 'never',         0.1, 'sample',     'listed'],
  // A 408 says that the upload was slow: it took the caller's time, so it is no sample and earns nothing.
  'slow-request':         ['no',      'no',  'ok',       'accept', 'never',         0,   'none',       'record'],
  'success':              ['yes',     'no',  'ok',       'accept', 'never',         0.1, 'sample',     'record'],
  'left-waiting':         ['no',      'no',  'none',     'none',   'never',         0,   'none',       'undelivered'],
  'cut-early':            ['no',      'no',  'ignorable','accept', 'never',         0,   'none',       'detach'],
  'cut-late':             ['censored','yes', 'half-fail','request','never',         0,   'censored',   'detach'],
  'lost-hedge':           ['censored','no',  'ignorable','none',   'never',         0,   'censored',   'keep'],
  'body-broken':          ['no',      'no',  'fail',     'accept', 'never',         0,   'penalty',    'in-doubt'],
}

/** Every row with its lesson. */
export const lessons: { readonly [R in OutcomeRow]: Lesson } = Object.fromEntries(
  Object.entries(rows).map(([row, [sample, brake, breaker, throttle, retry, budget, balance, key]]) =>
    [row, { sample, brake, breaker, throttle, retry, budget, balance, key }]),
) as { readonly [R in OutcomeRow]: Lesson }

/** What the outcome itself does not say. */
export interface Evidence {
  /** It left or was refused before anything was dispatched. */
  readonly isWaiting: boolean
  /** A reused connection broke before a byte of the answer. */
  readonly isStale: boolean
  /** The answer is marked as an overload: proxy-status with shed.* or drain.*, x-envoy-overloaded, or Retry-After. */
  readonly isMarked: boolean
  /** It is the answer of a Seawall that leaves, and that is believed. */
  readonly isDraining: boolean
  /** The body broke after the head. */
  readonly isBodyBroken: boolean
  /** The upstream was waiting for the caller: what it took says nothing of it. */
  readonly isCallersTurn: boolean
  /** The route's learned p99, ms; Infinity while there is no baseline. */
  readonly p99Ms: number
  /** Whether the deadline that cut it was set by the route, not by one impatient caller. */
  readonly isRouteDeadline: boolean
}

/** A cut is evidence against the upstream from this many times the route's p99 on. */
const lateFactor = 3

const refusedRow: { readonly [P in PolicyName]?: OutcomeRow } = {
  rateLimit: 'rate-limited', throttle: 'throttled', breaker: 'breaker-open', balance: 'breaker-open',
  deadline: 'expired-waiting', timeouts: 'expired-waiting', forward: 'connection-wait-over',
}

/** The row of an attempt's ending (or of an exchange that never became one). */
export function rowOf(outcome: Outcome, evidence: Evidence): OutcomeRow {
  switch (outcome.kind) {
    case 'refused': return refusedRow[outcome.by] ?? 'shed'
    case 'tunnel': return 'success'
    case 'failed': return failedRow(outcome.fault, evidence)
    case 'abandoned': {
      if (evidence.isWaiting) return 'left-waiting'
      if (outcome.by === 'rival') return 'lost-hedge'
      if (outcome.by === 'drain' || evidence.isCallersTurn) return 'cut-early'
      const isLate = evidence.p99Ms === Infinity
        ? outcome.by === 'deadline' && evidence.isRouteDeadline
        : outcome.elapsedMs >= lateFactor * evidence.p99Ms
      return isLate ? 'cut-late' : 'cut-early'
    }
    case 'reply': return evidence.isBodyBroken ? 'body-broken' : replyRow(outcome.status, evidence)
  }
}

function failedRow(fault: string, evidence: Evidence): OutcomeRow {
  switch (fault) {
    case 'upstream.refused': case 'upstream.dns': case 'upstream.tls': case 'upstream.connect-timeout':
    case 'upstream.none':
      return 'not-connected'
    case 'upstream.timeout': case 'upstream.stalled': return 'attempt-timeout'
    default: return evidence.isStale ? 'stale-connection' : 'reset'
  }
}

function replyRow(status: number, { isMarked, isDraining }: Evidence): OutcomeRow {
  if (isDraining) return 'draining'
  if (status === 503) return isMarked ? 'overload-marked' : 'unmarked-503'
  if (status === 429) return isMarked ? 'overload-marked' : 'unmarked-429'
  if (status >= 500) return 'server-error'
  if (status === 408) return 'slow-request'
  return status >= 400 ? 'client-error' : 'success'
}
