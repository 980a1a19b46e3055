// Rows F1 to F12 at once: thousands of mutated requests, and what the origin gets of them is what a second reader
// makes of them: one request for one request, byte for byte, or a refusal and nothing.

import { test } from 'tap'
import { fuzz } from './fuzzing.ts'

const cases = 5_000

test('F1 F3 F5 F6 F8 F9 P9 mutated requests reach the origin as one reading of them, or not at all', async (t) => {
  const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`seed ${seed}`)
  const startedAt = performance.now()
  const { served, refused, faults } = await fuzz(t, seed, cases)
  const tookMs = Math.round(performance.now() - startedAt)
  t.comment(`${served} requests served, ${refused} connections refused, ${tookMs} ms`)
  t.strictSame(faults, [], `seed ${seed}`)
  t.ok(served > cases / 5, 'enough of them were good')
  t.ok(refused > cases / 5, 'enough of them were not')
})
