import { test } from 'tap'
import { exponential, seededRandom } from '../../test/sim/seeded-random.ts'
import { FailureEvidence, FailureWindow } from './failure-evidence.ts'
import { wilsonLower, wilsonUpper } from './wilson.ts'

const hourMs = 3_600_000

/** Calls at that rate, all failing, until it trips; how many that took. */
function failuresUntilTrip(evidence: FailureEvidence, ratePerS: number, fromMs: number): number {
  for (let i = 1; i <= 100_000; i++) if (evidence.note(0, 1, fromMs + (i * 1000) / ratePerS)) return i
  return Infinity
}

test('E12: where everything fails it trips after four to six calls, at any rate', async (t) => {
  for (const ratePerS of [0.2, 2, 20, 200, 5_000]) {
    const calls = failuresUntilTrip(new FailureEvidence(), ratePerS, 0)
    t.ok(calls >= 4 && calls <= 6, `${calls} calls at ${ratePerS}/s`)
  }
})

test('after an hour of good answers an outage is seen within seconds, or within 20 calls where those are rarer',
  async (t) => {
    for (const ratePerS of [0.2, 2, 20, 200, 5_000]) {
      const evidence = new FailureEvidence()
      const calls = Math.min(100_000, hourMs / 1000 * ratePerS)
      for (let i = 0; i < calls; i++) evidence.note(1, 0, (i * 1000) / ratePerS)
      const needed = failuresUntilTrip(evidence, ratePerS, (calls * 1000) / ratePerS)
      t.ok(needed <= 20 || needed / ratePerS <= 2, `${needed} calls at ${ratePerS}/s`)
    }
  })

test('E12: one call in five failing by chance trips at most once in 24 hours', async (t) => {
  for (const ratePerS of [0.2, 2, 20]) {
    for (const seed of [1, 2, 3]) {
      const random = seededRandom(seed, String(ratePerS))
      const evidence = new FailureEvidence()
      let trips = 0
      for (let now = 0; now < 24 * hourMs; now += exponential(random, 1000 / ratePerS)) {
        const isFailed = random() < 0.2
        if (!evidence.note(isFailed ? 0 : 1, isFailed ? 1 : 0, now)) continue
        trips++
        evidence.reset()
      }
      t.ok(trips <= 1, `${trips} trips at ${ratePerS}/s, seed ${seed}`)
    }
  }
})

test('E12: one blip of three failures does not trip, at any rate and at any moment', async (t) => {
  for (const ratePerS of [0.2, 2, 20, 5_000]) {
    for (const before of [0, 1, 10, 1000]) {
      const evidence = new FailureEvidence()
      let now = 0
      const next = (): number => now += 1000 / ratePerS
      for (let i = 0; i < before; i++) evidence.note(1, 0, next())
      t.notOk([1, 2, 3].some(() => evidence.note(0, 1, next())), `${ratePerS}/s after ${before}`)
    }
  }
})

test('E12: failures an hour apart never add up', async (t) => {
  const evidence = new FailureEvidence()
  for (let i = 0; i < 200; i++) t.notOk(evidence.note(0, 1, i * hourMs))
})

test('a blip of a busy service, shorter than a quarter of a second, does not trip', async (t) => {
  const evidence = new FailureEvidence()
  for (let i = 0; i < 50_000; i++) evidence.note(1, 0, i * 0.2)
  let tripped = false
  for (let i = 0; i < 1_250; i++) tripped ||= evidence.note(0, 1, 10_000 + i * 0.2)
  t.notOk(tripped)
})

test('half a failure counts half: it takes twice as many', async (t) => {
  const evidence = new FailureEvidence()
  let calls = 1
  while (!evidence.note(0, 0.5, calls)) calls++
  t.ok(calls >= 8 && calls <= 9, `${calls}`)
})

test('the classic rule counts failures within its window, and forgets them with it', async (t) => {
  const rule = new FailureWindow(3, 1000)
  t.strictSame([0, 600, 1100].map((at) => rule.note(0, 1, at)), [false, false, false], 'the first has left by then')
  t.equal(rule.note(0, 1, 1200), true)
  rule.reset()
  t.equal(rule.note(0, 1, 1300), false)
  t.equal(rule.note(1, 0, 1300), false)
  t.strictSame([0.5, 0.5, 0.5].map((weight) => rule.note(0, weight, 1301)), [false, false, false])
  t.equal(rule.note(0, 0.5, 1302), true)
})

test('the bounds of Wilson are those of the tables', async (t) => {
  t.ok(Math.abs(wilsonLower(4, 4) - 0.5101) < 0.001)
  t.ok(Math.abs(wilsonUpper(0, 4) - 0.4899) < 0.001)
  t.ok(Math.abs(wilsonLower(60, 91) - 0.557) < 0.002)
  t.equal(wilsonLower(0, 0), 0)
  t.equal(wilsonUpper(0, 0), 1)
})

test('failures at a rate that has fallen are not outweighed by what came thick before', async (t) => {
  for (const perSecond of [14, 100]) {
    const evidence = new FailureEvidence()
    let now = 0
    for (let i = 0; i < 10_000; i++) evidence.note(1, 0, now += 1)
    let failures = 0
    do failures++
    while (!evidence.note(0, 1, now += 1000 / perSecond) && failures < 1_000)
    t.ok(failures <= Math.max(40, 1.6 * perSecond), `${failures} failures at ${perSecond} a second`)
  }
})
