import { test } from 'tap'
import { seededRandom } from '../../test/sim/seeded-random.ts'
import { AdaptiveThrottle } from './adaptive-throttle.ts'

/** Feeds `ratePerS` for that long; returns how many were let through and accepted. */
function feed(throttle: AdaptiveThrottle, fromMs: number, forMs: number, ratePerS: number, accepts: () => boolean) {
  let passed = 0
  for (let now = fromMs; now < fromMs + forMs; now += 1000 / ratePerS) {
    if (!throttle.admit(now)) continue
    passed++
    throttle.note(accepts() ? 'accept' : 'request', now)
  }
  return passed
}

test('nothing is held back while half of all attempts are accepted', async (t) => {
  const throttle = new AdaptiveThrottle(2, seededRandom(1), 0)
  let i = 0
  t.equal(feed(throttle, 0, 30_000, 100, () => i++ % 2 === 0), 3000)
})

test('an upstream that accepts nothing is soon asked one in twenty, and never nothing', async (t) => {
  const throttle = new AdaptiveThrottle(2, seededRandom(2), 0)
  feed(throttle, 0, 5_000, 200, () => false)
  t.ok(throttle.refusedShare(5_000) >= 0.9)
  const passed = feed(throttle, 5_000, 10_000, 200, () => false)
  t.ok(passed > 50 && passed < 200, `${passed} of 2000`)
})

test('one attempt a second is let through at the least', async (t) => {
  const throttle = new AdaptiveThrottle(2, () => 0, 0)
  feed(throttle, 0, 2_000, 100, () => false)
  const passed = feed(throttle, 2_000, 10_000, 100, () => false)
  t.ok(passed >= 9 && passed <= 11, `${passed}`)
})

test('S32: it lets everything through again within ten seconds of the end of the fault', async (t) => {
  for (const ratePerS of [50, 500, 5_000]) {
    const throttle = new AdaptiveThrottle(2, seededRandom(3), 0)
    feed(throttle, 0, 60_000, ratePerS, () => false)
    feed(throttle, 60_000, 10_000, ratePerS, () => true)
    t.equal(throttle.refusedShare(70_000), 0, `${ratePerS}/s`)
  }
})

test('a handful of failures at a low rate is none of its business', async (t) => {
  const throttle = new AdaptiveThrottle(2, seededRandom(4), 0)
  t.equal(feed(throttle, 0, 60_000, 1, () => false), 60)
})

test('what says nothing about the upstream moves nothing', async (t) => {
  const throttle = new AdaptiveThrottle(2, seededRandom(5), 0)
  for (let i = 0; i < 1000; i++) throttle.note('none', i)
  t.equal(throttle.refusedShare(1_000), 0)
})
