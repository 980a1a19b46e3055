// The fuzzing of test/conformance, for long enough to meet what is rare.

import { test } from 'tap'
import { fuzzDowngrade } from '../conformance/downgrading.ts'
import { fuzz } from '../conformance/fuzzing.ts'

const cases = 200_000

const name = '200,000 mutated requests reach the origin as one reading of them, or not at all'

test(name, { timeout: 590_000 }, async (t) => {
  const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`seed ${seed}`)
  const { served, refused, faults } = await fuzz(t, seed, cases)
  t.comment(`${served} requests served, ${refused} connections refused`)
  t.strictSame(faults, [], `seed ${seed}`)
  t.ok(served > cases / 5 && refused > cases / 5, 'enough of each')
})

test('100,000 streams of HTTP/2 reach an origin of HTTP/1.1 as one request each, or not at all', {
  timeout: 590_000,
}, async (t) => {
  const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`seed ${seed}`)
  const { served, refused, faults } = await fuzzDowngrade(t, seed, cases / 2)
  t.comment(`${served} streams served, ${refused} refused`)
  t.strictSame(faults, [], `seed ${seed}`)
  t.ok(served > cases / 10 && refused > cases / 10, 'enough of each')
})
