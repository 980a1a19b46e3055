// That a score tells good from bad, and that a constant can be changed without a seam in the code that uses it.

import { test } from 'tap'
import { FrozenLimit } from '../../test/sim/kernel/limits/static-limits.ts'
import { change, constantsOf } from './constants.ts'
import { scoreOf } from './score-board.ts'
import { scored } from './score-scenes.ts'
import type { Scored } from './score-scenes.ts'

const sceneOf = (name: string): Scored => scored.find((one) => one.name === name) as Scored

test('the learned limit scores nearly all there is, and limits that do not learn much less', async (t) => {
  for (const name of ['5x, 8 slots of 10 ms', 'slow dependency, 8 slots of 10 ms', '0.8x, 64 slots of 10 ms']) {
    const learned = scoreOf(sceneOf(name), [1, 2]).score
    t.ok(learned > 0.95 && learned < 1.03, `${name}: ${learned}`)
    const others = [2, 1024].map((limit) => scoreOf(sceneOf(name), [1, 2], () => new FrozenLimit(limit)).score)
    t.ok(Math.min(...others) < learned - 0.3, `${name}: ${others.join(', ')}`)
  }
})

test('a score loses five for each refusal there was room for, and half of what p99 is over its target', async (t) => {
  const { score, efficiency, slowness, falselyRefused } =
    scoreOf(sceneOf('2x, 8 slots of 10 ms'), [1], () => new FrozenLimit(40))
  t.ok(slowness > 1.2 && efficiency > 0.95, `${slowness}, ${efficiency}`)
  t.ok(Math.abs(score - (efficiency - 0.5 * (slowness - 1) - 5 * falselyRefused)) < 1e-9, `${score}`)
})

test('constants are found by their names', async (t) => {
  const found = new Map(['probing-law', 'accepted-wait', 'limited-admission', 'drain-rate'].flatMap((name) =>
    constantsOf(`proxy/algorithms/${name}.ts`)).map(({ name, value }) => [name, value]))
  t.ok(found.size > 30, `${found.size} of them`)
  for (const name of ['least', 'headroom', 'room', 'factor', 'maxMs', 'presenceBaselines']) {
    t.ok((found.get(name) ?? 0) > 0, name)
  }
})

test('a module is loaded with the constant it was given, and not at all when it has none of that name', async (t) => {
  const file = 'bench/simulations/fixtures/constants.ts'
  change({ file, name: 'room', value: 2.5 })
  const { law, least } = await import('./fixtures/constants.ts')
  t.strictSame([law.room, law.pace, least], [2.5, 0.5, 8])
  change({ file: 'proxy/algorithms/wilson.ts', name: 'nobody', value: 1 })
  await t.rejects(import('../../proxy/algorithms/wilson.ts'), /nobody is defined 0 times/)
})
