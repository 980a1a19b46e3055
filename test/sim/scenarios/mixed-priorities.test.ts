// A minute of twelve times the sheddable work, in short: a share of the experiment in bench/simulations, so that it
// cannot rot. What the whole of it says stands in docs/decisions/0006.

import { test } from 'tap'
import { missed } from '../../../bench/simulations/criteria.ts'
import { playSpike, spikeCriteria } from '../../../bench/simulations/mixed-priorities.ts'
import { seedsOf } from '../seeds.ts'

const brief = { warmMs: 5_000, risesAtMs: 15_000, fallsAtMs: 40_000 }
/** Who is let in by the cut is a fifth more than can be served: these get much, and not all. */
const unsure = 'users who get all or nothing'

for (const seed of seedsOf([1, 2, 3])) {
  test(`E8: a spike of sheddable work is nothing to the critical, and always the same are cut: seed ${seed}`,
    async (t) => {
      const figures = await playSpike(seed, {}, brief)
      t.strictSame(missed(spikeCriteria(figures)).filter((name) => !name.startsWith(unsure)), [])
      t.ok(figures.settled > 0.83, `${figures.settled} of the users get all or nothing once the cut has settled`)
      t.strictSame(figures.broken, [])
    })
}

test('E8 can tell: the least and the greatest limit fail it', async (t) => {
  for (const limit of [2, 1024]) {
    const figures = await playSpike(1, { initial: limit, min: limit, max: limit }, brief)
    t.ok(missed(spikeCriteria(figures)).some((name) => name.startsWith('critical served')), `${limit}`)
  }
})
