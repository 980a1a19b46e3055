import { test } from 'tap'
import { AcceptedWait } from './accepted-wait.ts'

const boundMs = 60

test('half of the bound is accepted at first, and in a burst', async (t) => {
  const accepted = new AcceptedWait()
  t.equal(accepted.mostMs(1, boundMs, 0), 30)
  accepted.observe(1, boundMs, 1000)
  t.equal(accepted.mostMs(1, boundMs, 1000 + 5 * boundMs), 30, 'as long as somebody has waited for five bounds')
})

test('a quarter is accepted once somebody has waited nearly all the time', async (t) => {
  const accepted = new AcceptedWait()
  accepted.observe(1, boundMs, 0)
  t.equal(accepted.mostMs(1, boundMs, 8 * boundMs), 30)
  t.equal(accepted.mostMs(1, boundMs, 9 * boundMs), 15)
})

test('a line that runs empty for a moment still stands, one that has been empty for a while does not', async (t) => {
  const accepted = new AcceptedWait()
  accepted.observe(1, boundMs, 0)
  accepted.observe(3, boundMs, 1000)
  t.equal(accepted.mostMs(1, boundMs, 1010), 15)
  t.equal(accepted.mostMs(1, boundMs, 1000 + 2 * boundMs), 30)
})

test('a line that is empty half of the time never stands', async (t) => {
  const accepted = new AcceptedWait()
  for (let now = 0; now < 10_000; now += 10) {
    accepted.observe(now % 20 === 0 ? 1 : 3, boundMs, now)
    t.equal(accepted.mostMs(1, boundMs, now), 30, `at ${now} ms`)
  }
})

test('a line of lower classes does not stand for a higher one', async (t) => {
  const accepted = new AcceptedWait()
  accepted.observe(1, boundMs, 0)
  t.strictSame([0, 1, 2].map((level) => accepted.mostMs(level, boundMs, 2000)), [30, 15, 15])
})
