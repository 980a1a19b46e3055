// The table held against a second, independent writing of it: one test a cell, and one a classification.

import { test } from 'tap'
import type { FaultCode } from './codes.ts'
import type { Outcome, PolicyName } from './outcome.ts'
import { lessons, rowOf } from './outcome-matrix.ts'
import type { Evidence, Lesson, OutcomeRow } from './outcome-matrix.ts'

// Written the other way round than the code: column by column, rows in the order of the letters a to t.
const order: readonly OutcomeRow[] = [
  'shed', 'rate-limited', 'throttled', 'breaker-open', 'expired-waiting', 'connection-wait-over', 'not-connected',
  'stale-connection', 'reset', 'attempt-timeout', 'overload-marked', 'draining', 'unmarked-503', 'unmarked-429',
  'server-error', 'client-error', 'slow-request', 'success', 'left-waiting', 'cut-early', 'cut-late', 'lost-hedge',
  'body-broken',
]

const columns: { readonly [C in keyof Lesson]: string } = {
  sample: 'no no no no no no no no no censored no no no no no yes no yes no no censored censored no',
  brake: 'no no no no no no yes no yes yes yes no weak weak no no no no no no yes no no',
  breaker: 'none none none none none none fail none fail fail none ignorable half-fail none fail ok ok ok none '
    + 'ignorable half-fail ignorable fail',
  throttle: 'none none request request none none request none request request request none request request request '
    + 'accept accept accept none accept request none accept',
  retry: 'never never never never never never any safe-or-unsent safe safe other-endpoint safe safe safe '
    + 'gateway-safe never never never never never never never never',
  budget: '0 0 0 0 0 0 -1 0 -1 -2 -1 -1 -1 -1 -1 0.1 0 0.1 0 0 0 0 0',
  balance: 'none none none none none none penalty none penalty penalty retry-after retry-after penalty penalty penalty '
    + 'sample none sample none none censored censored penalty',
  key: 'undelivered undelivered undelivered undelivered undelivered undelivered undelivered keep in-doubt in-doubt '
    + 'marked marked record listed record listed record record undelivered detach detach keep in-doubt',
}

for (const [column, cells] of Object.entries(columns) as [keyof Lesson, string][]) {
  cells.split(' ').forEach((cell, i) => {
    const row = order[i] as OutcomeRow
    void test(`${row}: ${column} is ${cell}`, async (t) => {
      t.equal(String(lessons[row][column]), cell)
    })
  })
}

const plain: Evidence = {
  isWaiting: false, isStale: false, isMarked: false, isDraining: false, isBodyBroken: false, p99Ms: Infinity,
  isRouteDeadline: false, isCallersTurn: false,
}
const reply = (status: number): Outcome => (
  { kind: 'reply', status, reason: '', headers: [], body: null, origin: 'upstream' })
const failed = (fault: FaultCode): Outcome => ({ kind: 'failed', fault, cause: '' })
const refused = (by: PolicyName): Outcome => (
  { kind: 'refused', by, code: 'shed.limit', status: 503, retryAfterMs: 0 })
const cut = (by: 'caller' | 'rival' | 'drain' | 'deadline', elapsedMs: number): Outcome => (
  { kind: 'abandoned', by, elapsedMs })

const classified: readonly [string, Outcome, Partial<Evidence>, OutcomeRow][] = [
  ['a refusal at the door', refused('shed'), {}, 'shed'],
  ['a refusal by the permit', refused('permit'), {}, 'shed'],
  ['a refusal while draining', refused('drain'), {}, 'shed'],
  ['a refusal by a rate limit', refused('rateLimit'), {}, 'rate-limited'],
  ['a refusal by the throttle', refused('throttle'), {}, 'throttled'],
  ['a refusal by an open breaker', refused('breaker'), {}, 'breaker-open'],
  ['a deadline gone before dispatch', refused('deadline'), {}, 'expired-waiting'],
  ['a deadline gone at the last look', refused('timeouts'), {}, 'expired-waiting'],
  ['a refused connection', failed('upstream.refused'), {}, 'not-connected'],
  ['an unknown name', failed('upstream.dns'), {}, 'not-connected'],
  ['a failed handshake', failed('upstream.tls'), {}, 'not-connected'],
  ['a connection not accepted in time', failed('upstream.connect-timeout'), {}, 'not-connected'],
  ['a reset on a fresh connection', failed('upstream.reset'), {}, 'reset'],
  ['a reset on a stale connection', failed('upstream.reset'), { isStale: true }, 'stale-connection'],
  ['an answer that is not HTTP', failed('upstream.malformed'), {}, 'reset'],
  ['an attempt out of time', failed('upstream.timeout'), {}, 'attempt-timeout'],
  ['a marked 503', reply(503), { isMarked: true }, 'overload-marked'],
  ['a 503 of a Seawall that leaves', reply(503), { isMarked: true, isDraining: true }, 'draining'],
  ['an unmarked 503', reply(503), {}, 'unmarked-503'],
  ['a marked 429', reply(429), { isMarked: true }, 'overload-marked'],
  ['an unmarked 429', reply(429), {}, 'unmarked-429'],
  ['a 500', reply(500), {}, 'server-error'],
  ['a 504', reply(504), { isMarked: true }, 'server-error'],
  ['a 404', reply(404), {}, 'client-error'],
  ['a 408', reply(408), {}, 'slow-request'],
  ['a 204', reply(204), {}, 'success'],
  ['a redirect', reply(302), {}, 'success'],
  ['a tunnel', { kind: 'tunnel' }, {}, 'success'],
  ['a broken body', reply(200), { isBodyBroken: true }, 'body-broken'],
  ['a caller that left the queue', cut('caller', 5), { isWaiting: true }, 'left-waiting'],
  ['a caller that left early', cut('caller', 29), { p99Ms: 10 }, 'cut-early'],
  ['a caller that left late', cut('caller', 30), { p99Ms: 10 }, 'cut-late'],
  ['a caller that left without a baseline', cut('caller', 1e6), {}, 'cut-early'],
  ['a deadline of one caller without a baseline', cut('deadline', 1e6), {}, 'cut-early'],
  ['a deadline while the caller was to send on', cut('deadline', 100_000),
    { isRouteDeadline: true, isCallersTurn: true, p99Ms: 10 }, 'cut-early'],
  ['a deadline of the route without a baseline', cut('deadline', 1), { isRouteDeadline: true }, 'cut-late'],
  ['a deadline of the route, early by the baseline', cut('deadline', 1), { isRouteDeadline: true, p99Ms: 10 },
    'cut-early'],
  ['a hedge that lost', cut('rival', 1e6), { p99Ms: 1 }, 'lost-hedge'],
  ['an attempt cut by a drain', cut('drain', 1e6), { p99Ms: 1 }, 'cut-early'],
]

for (const [name, outcome, evidence, row] of classified) {
  void test(`${name} is row ${row}`, async (t) => {
    t.equal(rowOf(outcome, { ...plain, ...evidence }), row)
  })
}
