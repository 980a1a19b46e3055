import { test } from 'tap'
import { array, assert, boolean, property } from 'fast-check'
import { HedgeBudget } from './hedge-budget.ts'

test('hedges never exceed the share of requests that went well', async () => {
  assert(property(array(boolean(), { maxLength: 2_000 }), (history) => {
    const budget = new HedgeBudget(0.05)
    let successes = 0
    let hedges = 0
    for (const isSuccess of history) {
      if (isSuccess) {
        successes++
        budget.succeeded()
      } else if (budget.take()) hedges++
    }
    return hedges <= successes * 0.05 + 1e-6
  }))
})

test('little is saved, and what was not sent is paid back', async (t) => {
  const budget = new HedgeBudget(0.05)
  for (let i = 0; i < 10_000; i++) budget.succeeded()
  t.equal(budget.available, 10)
  t.ok(budget.take())
  budget.refund()
  t.equal(budget.available, 10)
})
