import { test } from 'tap'
import { array, assert, constantFrom, nat, property, record } from 'fast-check'
import { RetryBudget } from './retry-budget.ts'

/** Requests at that rate for that time, each failing by lot; how many attempts were made for each. */
function run(budget: RetryBudget, options: {
  ratePerSecond: number; seconds: number; failing: (dice: number) => boolean; dice: () => number; fromMs?: number
}): { requests: number; retries: number; served: number } {
  const { ratePerSecond, seconds, failing, dice, fromMs = 0 } = options
  const seen = { requests: 0, retries: 0, served: 0 }
  for (let i = 0; i < ratePerSecond * seconds; i++) {
    const now = fromMs + i * 1000 / ratePerSecond
    seen.requests++
    budget.began(now)
    if (!failing(dice())) {
      budget.succeeded(now)
      seen.served++
      continue
    }
    for (let retry = 0; retry < 2; retry++) {
      if (!budget.take(1, now)) break
      seen.retries++
      if (failing(dice())) continue
      seen.served++
      break
    }
  }
  return seen
}

function diceOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

test('in a total outage next to nothing is sent twice', async (t) => {
  const budget = new RetryBudget()
  const dice = diceOf(1)
  run(budget, { ratePerSecond: 100, seconds: 60, failing: () => false, dice })
  run(budget, { ratePerSecond: 100, seconds: 5, failing: () => true, dice, fromMs: 60_000 })
  const outage = run(budget, { ratePerSecond: 100, seconds: 55, failing: () => true, dice, fromMs: 65_000 })
  t.ok(outage.retries / outage.requests <= 0.02, `${outage.retries} retries of ${outage.requests} requests`)
})

test('one failure in ten is almost always made good, at one more attempt in ten', async (t) => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const { requests, retries, served } = run(new RetryBudget(), {
      ratePerSecond: 200, seconds: 60, failing: (at) => at < 0.1, dice: diceOf(seed),
    })
    t.ok(served / requests >= 0.98, `seed ${seed}: ${served} of ${requests} served`)
    t.ok(retries / requests <= 0.1, `seed ${seed}: ${retries} retries of ${requests} requests`)
  }
})

test('low traffic can retry: the reserve is there at once, and comes back with time', async (t) => {
  const budget = new RetryBudget()
  let taken = 0
  while (budget.take(1, 0)) taken++
  t.equal(taken, 10)
  t.notOk(budget.take(1, 9_000))
  t.ok(budget.take(1, 10_001), 'one in ten seconds')
})

test('a timeout is paid twice, and what was not sent is paid back', async (t) => {
  const budget = new RetryBudget()
  t.ok(budget.take(2, 0))
  t.equal(budget.available(0), 8)
  budget.refund(2)
  t.equal(budget.available(0), 10)
})

test('under any history retries never exceed a tenth of the successes, the reserve and the trickle', async () => {
  assert(property(array(record({
    what: constantFrom('success', 'failure', 'retry'), afterMs: nat(2_000),
  }), { maxLength: 500 }), (history) => {
    const budget = new RetryBudget()
    let now = 0
    let successes = 0
    let retries = 0
    for (const { what, afterMs } of history) {
      now += afterMs
      if (what === 'retry') retries += budget.take(1, now) ? 1 : 0
      else {
        budget.began(now)
        if (what === 'success') {
          successes++
          budget.succeeded(now)
        }
      }
    }
    return retries <= 10 + 0.1 * successes + now / 10_000 + 1e-6
  }))
})

test('what can be saved is a tenth of ten seconds of traffic', async (t) => {
  const budget = new RetryBudget()
  for (let now = 0; now < 120_000; now++) {
    budget.began(now)
    budget.succeeded(now)
  }
  t.ok(Math.abs(budget.available(120_000) - 1_000) < 5, `${budget.available(120_000)} at 1,000 a second`)
})
