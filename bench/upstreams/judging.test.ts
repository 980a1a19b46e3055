// What turns the books of callers and endpoints into figures and verdicts.
import { test } from 'tap'
import type { Moment } from '../generator/plan.ts'
import { atLeast, atMost, checksOf, claimsTable, percent, times } from './claims.ts'
import type { CallersReport } from './callers-plan.ts'
import type { Seen } from './endpoint-plan.ts'
import { firstOf } from './half-open.ts'
import {
  arrivalPoints, arrivals, attemptsPerCall, goodputPoints, mostInFlight, shareOf, successRatio,
} from './judging.ts'
import { meanOfTailed, tailedTimes } from './tailed-times.ts'

const all = { fromMs: 0, untilMs: Infinity }
const seenAt = (...times: readonly number[]): { readonly seen: readonly Seen[] } =>
  ({ seen: times.map((atMs) => [atMs, atMs + 1, 200] as const) })

/** Ten moments a second, each with a tenth. */
function reportOf(rates: readonly { offered: number, ok: number }[]): CallersReport {
  const nothing = { count: 0, minMs: 0, meanMs: 0, p50Ms: 0, p90Ms: 0, p99Ms: 0, p999Ms: 0, maxMs: 0 }
  const series: readonly Moment[] = rates.flatMap(({ offered, ok }, second) =>
    Array.from({ length: 10 }, (_, tenth) => ({
      atMs: second * 1000 + tenth * 100, offered: offered / 10, ok: ok / 10, late: 0, refused: 0, failed: 0, p99Ms: 0,
    })))
  return { calls: 0, attempts: 0, ok: nothing, endings: {}, series, lateness: nothing }
}

test('attempts a call are what reached the endpoints in a time over the calls that were due in it', async (t) => {
  const report = reportOf([{ offered: 10, ok: 10 }, { offered: 20, ok: 5 }])
  const endpoints = [seenAt(100, 1100, 1200), seenAt(1999, 2000)]
  t.equal(arrivals(endpoints, all), 5)
  t.equal(attemptsPerCall(report, endpoints, { fromMs: 1000, untilMs: 2000 }), 3 / 20)
  t.equal(successRatio(report, { fromMs: 1000, untilMs: 2000 }), 0.25)
  t.equal(successRatio(report, { fromMs: 0, untilMs: 2000 }), 0.5)
})

test('the share of an endpoint counts requests that were never answered', async (t) => {
  const silent = { seen: [[10, -1, 0], [20, -1, 0]] as const }
  t.equal(shareOf([seenAt(1, 2, 3, 4, 5, 6), silent], 1, all), 0.25)
  t.ok(Number.isNaN(shareOf([], 1, all)))
})

test('in flight at once counts overlaps and not those who follow each other', async (t) => {
  const one: readonly Seen[] = [[0, 10, 503], [10, 20, 503], [25, 30, 200]]
  t.equal(mostInFlight(one, all), 1)
  t.equal(mostInFlight([...one, [15, 40, 200]], all), 2)
  t.equal(mostInFlight([[0, -1, 0], [5, 6, 200]], all), 2, 'what is never answered stays')
  t.equal(mostInFlight([[0, 100, 200], [5, 50, 200]], { fromMs: 10, untilMs: 20 }), 0, 'nobody came in that time')
  t.equal(mostInFlight([[0, 100, 200], [15, 50, 200]], { fromMs: 10, untilMs: 20 }), 2, 'who was there before counts')
})

test('the first three after a moment end with the third', async (t) => {
  const { seen } = seenAt(1, 5, 7, 8, 9)
  const span = firstOf(seen, 3, 5)
  t.equal(seen.filter(([atMs]) => atMs >= span.fromMs && atMs < span.untilMs).length, 3)
  t.equal(firstOf(seen, 3, 8).untilMs, Infinity, 'fewer came: all that did')
})

test('the plots have a point a second', async (t) => {
  t.strictSame(arrivalPoints([seenAt(0, 999, 1000, 2500, 9999)], 3000), [[1, 2], [2, 1], [3, 1]])
  t.strictSame(goodputPoints(reportOf([{ offered: 10, ok: 10 }, { offered: 10, ok: 5 }])), [[1, 10], [2, 5]])
})

test('a claim has its target, what was found and the verdict, and nothing found is no success', async (t) => {
  const claims = [
    atMost('a', 1.02, 1.02, times), atMost('b', 1.03, 1.02, times), atMost('c', NaN, 1, times),
    atLeast('d', 0.98, 0.98, percent), atLeast('e', 0.97, 0.98, percent), atLeast('f', NaN, 0, percent),
  ]
  t.strictSame(checksOf(claims).map(({ holds }) => holds), [true, false, false, true, false, false])
  t.strictSame(claimsTable(claims).rows[1], ['b', '≤ 1.020', '1.030', 'FAILS'])
})

test('tailed times have the mean they say and one in a hundred far out', async (t) => {
  for (const seed of [1, 2, 3]) {
    const next = tailedTimes(seed)
    const values = Array.from({ length: 100_000 }, next)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const tail = values.filter((value) => value === 50).length / values.length
    t.ok(Math.abs(mean / meanOfTailed - 1) < 0.05, `seed ${seed}: mean ${mean}`)
    t.ok(Math.abs(tail - 0.01) < 0.002, `seed ${seed}: ${tail} in the tail`)
  }
})
