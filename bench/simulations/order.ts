// First in, first out against newest first in the line, with the learned limit. Run: node bench/simulations/order.ts
// [seeds]. Prints a table; writes nothing.

import { ProbingLimit } from '../../proxy/algorithms/probing-limit.ts'
import { NewestFirstLine } from '../../test/sim/kernel/newest-first-line.ts'
import { play } from './world.ts'
import type { Scene } from './world.ts'
import { experiments } from './scenes.ts'

const names = ['E2 8 slots exp 20 ms 2x', 'E2 8 slots exp 20 ms 5x', 'E2 8 slots exp 20 ms 10x', 'E7 bimodal 1.5x',
  'E18 bursts 4x-0', 'calm 0.8x']
const seeds = Number(process.argv[2] ?? 5)

/** The same scene, with the newest served first. */
function newestFirst(scene: Scene): Scene {
  return { ...scene, options: () => ({ line: new NewestFirstLine() }) }
}

for (const { name, scene, phases } of experiments.filter((one) => names.includes(one.name))) {
  const phase = phases[phases.length - 1]
  for (const order of ['oldest', 'newest']) {
    const mean = { goodput: 0, p50Ms: 0, p99Ms: 0, fromLine: 0, lineMs: 0 }
    for (let seed = 1; seed <= seeds; seed++) {
      const arm = order === 'oldest' ? scene : newestFirst(scene)
      const limit = new ProbingLimit({ initial: 10, min: 2, max: 1024, minWindowMs: 20 })
      const figures = play(arm, limit, seed).tally.between(phase?.fromS ?? 0, phase?.untilS ?? 0)
      const { refusedFromLine, refusedOnArrival } = figures
      mean.goodput += figures.goodput / seeds
      mean.p50Ms += figures.p50Ms / seeds
      mean.p99Ms += figures.p99Ms / seeds
      mean.fromLine += 100 * refusedFromLine / (refusedFromLine + refusedOnArrival) / seeds
      mean.lineMs += figures.p99LineRefusalMs / seeds
    }
    const cells = [`${mean.goodput.toFixed(1)} a second`, `p50 ${mean.p50Ms.toFixed(0)} ms`,
      `p99 ${mean.p99Ms.toFixed(0)} ms`, `from the line ${mean.fromLine.toFixed(2)} %`,
      `at ${mean.lineMs.toFixed(0)} ms`]
    process.stdout.write(`${name.padEnd(28)}${order}  ${cells.join('  ')}\n`)
  }
}
