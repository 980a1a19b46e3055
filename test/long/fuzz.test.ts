// The fuzzing of test/conformance, for long enough to meet what is rare.

import { test } from 'tap'
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
