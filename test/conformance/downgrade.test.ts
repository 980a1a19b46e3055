// Row F13: what HTTP/2 lets a caller write, and HTTP/1.1 would read as something else, reaches no origin.

import { test } from 'tap'
import { fuzzDowngrade } from './downgrading.ts'

const cases = 4_000

test('F13 streams of HTTP/2 reach an origin of HTTP/1.1 as one request each, or not at all', async (t) => {
  const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`seed ${seed}`)
  const { served, refused, faults } = await fuzzDowngrade(t, seed, cases)
  t.comment(`${served} streams served, ${refused} refused`)
  t.strictSame(faults, [], `seed ${seed}`)
  t.ok(served > cases / 5, 'enough of them were good')
  t.ok(refused > cases / 5, 'enough of them were not')
})
