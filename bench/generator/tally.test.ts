// How endings are told apart, and that every one of them is counted once.
import { test } from 'tap'
import { Series } from './series.ts'
import { Tally, endingOf, refusalKindOf } from './tally.ts'

test('an answer is good, a refusal or a failure by its status', async (t) => {
  const statuses = [200, 204, 302, 404, 429, 500, 502, 503, 504]
  t.strictSame(statuses.map(endingOf),
    ['ok', 'ok', 'failed', 'failed', 'refused', 'failed', 'failed', 'refused', 'failed'])
})

test('where a refusal was decided is told by its code, and without one by its latency', async (t) => {
  t.equal(refusalKindOf('shed.limit', 400), 'on-arrival', 'a slow one on arrival stays one, and spoils its percentile')
  t.equal(refusalKindOf('shed.queue', 0.5), 'from-queue')
  t.equal(refusalKindOf('bulkhead.full', 1), 'on-arrival')
  t.equal(refusalKindOf('bulkhead.timeout', 50), 'from-queue')
  t.equal(refusalKindOf('', 2), 'on-arrival')
  t.equal(refusalKindOf('', 400), 'from-queue')
})

test('refusals are counted by kind and by code beside the outcomes, never instead of them', async (t) => {
  const tally = new Tally()
  tally.answered(200, 30)
  tally.answered(503, 1, 'shed.limit')
  tally.answered(503, 2, 'shed.limit')
  tally.answered(503, 60, 'shed.queue')
  tally.answered(429, 1)
  tally.answered(502, 1)
  tally.failed('timeout', 500)
  const { 'on-arrival': onArrival, 'from-queue': fromQueue } = tally.refusals()
  t.equal(onArrival?.count, 3)
  t.equal(onArrival?.maxMs, 2)
  t.equal(fromQueue?.count, 1)
  t.equal(fromQueue?.minMs, 60)
  t.strictSame(tally.refusalCodes(), { 'shed.limit': 2, 'shed.queue': 1, '': 1 })
  const counts = Object.values(tally.outcomes()).map(({ count }) => count)
  t.equal(counts.reduce((sum, count) => sum + count, 0), 7)
})

test('a series counts each request in the moment it was due, whenever it ended', async (t) => {
  const series = new Series(100, 300)
  const requests = [
    { dueMs: 0, ending: 'ok', tookMs: 20 }, { dueMs: 99.9, ending: 'late', tookMs: 500 },
    { dueMs: 100, ending: 'refused', tookMs: 1 }, { dueMs: 150, ending: 'ok', tookMs: 400 },
    { dueMs: 150, ending: 'ok', tookMs: 40 }, { dueMs: 299, ending: 'failed', tookMs: 1 },
  ] as const
  for (const { dueMs, ending, tookMs } of requests) {
    series.offered(dueMs)
    series.ended(dueMs, ending, tookMs)
  }
  t.strictSame(series.moments(), [
    { atMs: 0, offered: 2, ok: 1, late: 1, refused: 0, failed: 0, p99Ms: 20 },
    { atMs: 100, offered: 3, ok: 2, late: 0, refused: 1, failed: 0, p99Ms: 400 },
    { atMs: 200, offered: 1, ok: 0, late: 0, refused: 0, failed: 1, p99Ms: 0 },
  ])
})
