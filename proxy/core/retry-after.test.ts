import { test } from 'tap'
import type { Outcome } from './outcome.ts'
import { retryAfterMs } from './retry-after.ts'

const reply = (status: number, value: string): Outcome =>
  ({ kind: 'reply', status, reason: '', headers: ['x', 'y', 'Retry-After', value], body: null, origin: 'upstream' })
const at = Date.UTC(2026, 10, 21, 6, 0, 0)

test('seconds and dates are time spans', async (t) => {
  t.equal(retryAfterMs(reply(503, '7'), at), 7_000)
  t.equal(retryAfterMs(reply(429, ' 0 '), at), 0)
  t.equal(retryAfterMs(reply(503, 'Sat, 21 Nov 2026 06:00:30 GMT'), at), 30_000)
  t.equal(retryAfterMs(reply(503, 'Sat, 21 Nov 2026 05:00:30 GMT'), at), 0)
})

test('what is neither says nothing, and more than a day is a day', async (t) => {
  for (const value of ['', '-1', '1.5', 'soon', '2026-11-21', '1e3', 'Sat, 99 Nov 2026 06:00:30 GMT']) {
    t.equal(retryAfterMs(reply(503, value), at), 0, value)
  }
  t.equal(retryAfterMs(reply(503, '999999999'), at), 86_400_000)
})

test('only answers that fail, and 429, are asked', async (t) => {
  t.equal(retryAfterMs(reply(200, '7'), at), 0)
  t.equal(retryAfterMs(reply(301, '7'), at), 0)
  t.equal(retryAfterMs({ kind: 'failed', fault: 'upstream.reset', cause: '' }, at), 0)
})
