import { test } from 'tap'
import { assert, double, integer, nat, property } from 'fast-check'
import { fullJitter } from './backoff.ts'

test('the span doubles with each failure until its most', async (t) => {
  const spans = [0, 1, 2, 3, 4, 5].map((failures) => fullJitter(failures, 10, 100, 1))
  t.strictSame(spans, [10, 20, 40, 80, 100, 100])
})

test('the wait is anywhere in the span, and never beyond it', async (t) => {
  assert(property(
    nat(5_000), integer({ min: 1, max: 1_000 }), integer({ min: 1, max: 10_000 }),
    double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    (failures, baseMs, maxMs, dice) => {
      const waitMs = fullJitter(failures, baseMs, maxMs, dice)
      return waitMs >= 0 && waitMs <= maxMs && waitMs <= baseMs * 2 ** Math.min(failures, 30)
    },
  ))
  t.equal(fullJitter(3, 10, 1_000, 0), 0, 'nothing keeps a lucky one waiting')
})
