import { test } from 'tap'
import { Allowance } from './allowance.ts'

test('so much at once, and what comes back with time', async (t) => {
  const allowance = new Allowance(3, 2, 1000)
  t.ok([1, 2, 3].every(() => allowance.take(1, 1000)))
  t.notOk(allowance.take(1, 1000))
  t.notOk(allowance.take(1, 1400), 'what was refused has been taken as well')
  t.ok(allowance.take(1, 3000))
})

test('what is not used is not saved beyond the most', async (t) => {
  const allowance = new Allowance(3, 2, 0)
  t.notOk(allowance.take(4, 1_000_000))
})
