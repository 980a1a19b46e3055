// That the experiments on the learned limit can tell: each is missed by a limit that does not learn. The long ones are
// left to the command.

import { test } from 'tap'
import { arms, judged, missesOf } from './controls.ts'

const brief = judged.filter(({ scene }) => scene.untilMs <= 150_000)
const controls = Object.keys(arms).filter((name) => name !== 'probing')

test('each experiment is missed by a limit that does not learn, and each of these misses some', async (t) => {
  const missed = new Map(controls.map((name) => [name, new Set<string>()]))
  for (const experiment of brief) {
    for (const name of controls) {
      const make = arms[name]
      if (make !== undefined && missesOf(experiment, make, [1]).length > 0) missed.get(name)?.add(experiment.name)
    }
    t.ok(controls.some((name) => missed.get(name)?.has(experiment.name)), experiment.name)
  }
  t.ok(brief.length >= 12, `${brief.length} experiments`)
  for (const [name, of] of missed) t.ok(of.size >= 5, `${name} misses ${of.size}`)
})

test('the learned limit reaches what they ask for', async (t) => {
  const learned = arms['probing']
  for (const name of ['E1 one thread 5 ms 5x', 'E4 slow dependency', 'E20 64 slots exp 10 ms 3x']) {
    const experiment = judged.find((one) => one.name === name)
    if (experiment === undefined || learned === undefined) return t.fail(name)
    t.strictSame(missesOf(experiment, learned, [1, 2]), [], name)
  }
})
