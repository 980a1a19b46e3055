// Callers who are slow with their bytes, in short: a share of the experiment in bench/simulations, so that it cannot
// rot. What the whole of it says stands in docs/decisions/0006.

import { test } from 'tap'
import { missed } from '../../../bench/simulations/criteria.ts'
import { playSlow, slowCriteria } from '../../../bench/simulations/slow-callers.ts'
import { seedsOf } from '../seeds.ts'

const brief = { slowFromMs: 12_000, slowAllMs: 32_000, untilMs: 45_000 }

for (const seed of seedsOf([1, 2, 3])) {
  test(`E9: 50 slow readers and 200 slow senders cost the others nothing: seed ${seed}`, async (t) => {
    const figures = await playSlow(seed, {}, brief)
    // By chance the line is short for two in a thousand, with slow callers or without.
    t.strictSame(missed(slowCriteria(figures)).filter((name) => !name.startsWith('others refused')), [])
    t.ok(figures.refused < 0.002, `${figures.refused} of the others refused`)
    t.ok(figures.streams > 200, `${figures.streams} slow ones hold no permit`)
    t.ok(figures.inUse <= 30 && figures.limit <= 30, `${figures.inUse} in use, limit ${figures.limit}`)
    t.strictSame(figures.broken, [])
  })
}

test('E9 can tell: where slow callers keep their permits, or the limit is the least, the others starve', async (t) => {
  for (const limit of [{ maxStreams: 0 }, { initial: 2, min: 2, max: 2 }]) {
    const figures = await playSlow(1, limit, brief)
    t.ok(missed(slowCriteria(figures)).length > 0, JSON.stringify(limit))
    t.ok(figures.served < 0.5, `${figures.served} served`)
  }
})
