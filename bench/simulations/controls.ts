// What every experiment on the learned limit has to reach, and that it can tell: limits that do not learn have to miss
// something in each. Prints what each arm misses, and nothing where it reaches all.
// Run: node bench/simulations/controls.ts [part of a name] [seeds]

import type { Limit } from '../../proxy/algorithms/limit.ts'
import { defaultLearning } from '../../proxy/algorithms/limit.ts'
import { ProbingLimit } from '../../proxy/algorithms/probing-limit.ts'
import { FrozenLimit } from '../../test/sim/kernel/limits/static-limits.ts'
import type { Figures } from '../../test/sim/kernel/tally.ts'
import { atLeast, atMost, meanOf, missed } from './criteria.ts'
import type { Criterion } from './criteria.ts'
import { experiments, scaleSweep } from './scenes.ts'
import type { Experiment } from './scenes.ts'
import { troubles } from './troubles.ts'
import { play } from './world.ts'

type Mean = (read: (figures: Figures) => number) => number
type Judge = (mean: Mean) => readonly Criterion[]

/** By name of the experiment, then of the phase. */
type Goals = { readonly [experiment: string]: { readonly [phase: string]: Judge } }

export const arms: { readonly [name: string]: () => Limit } = {
  probing: () => new ProbingLimit(defaultLearning),
  'frozen at 10': () => new FrozenLimit(10),
  'always min': () => new FrozenLimit(2),
  'always max': () => new FrozenLimit(1024),
}

const served = (least: number): Judge => (mean) => [atLeast('goodput', mean(({ goodput }) => goodput), least)]
const quick = (least: number, mostMs: number): Judge => (mean) =>
  [...served(least)(mean), atMost('p99 ms', mean(({ p99Ms }) => p99Ms), mostMs)]
const refusedOf: (figures: Figures) => number = ({ refusedOnArrival, refusedFromLine }) =>
  refusedOnArrival + refusedFromLine
const unrefused = (least: number, most: number): Judge => (mean) =>
  [...served(least)(mean), atMost('refused', mean(refusedOf), most)]

const goals: Goals = {
  'E1 one thread 5 ms 5x': { overload: quick(0.93 * 200, 35) },
  'E2 8 slots exp 20 ms 2x': { overload: quick(0.95 * 400, 150) },
  'E2 8 slots exp 20 ms 5x': { overload: quick(0.93 * 400, 150) },
  'E2 8 slots exp 20 ms 10x': { overload: quick(0.9 * 400, 200) },
  'E20 64 slots exp 10 ms 3x': { 'second half': quick(0.95 * 6_400, 100) },
  'E3 thrashing 1.5x': { all: served(0.93 * 740) },
  'E3 thrashing 3x': { all: served(0.93 * 740) },
  'E4 slow dependency': { slow: unrefused(97, 0.001), 'fast again': served(97) },
  'E5 stands still for 5 s': { 'from 3 s after': served(0.9 * 180) },
  'E5 five times the time for 10 s': { 'from 3 s after': served(0.9 * 180) },
  'E6 capacity 16-8-16': { halved: quick(0.95 * 200, 200), restored: served(0.97 * 320) },
  'E7 bimodal 0.8x': { all: unrefused(0.97 * 522, 0.001) },
  'E7 bimodal 1.5x': { all: served(0.93 * 653) },
  'E17a ratchet 60 min': { 'last 50 min': (mean) => [
    ...served(0.95 * 100)(mean), atMost('limit', mean(({ meanLimit }) => meanLimit), 18),
  ] },
  'E17b all time out': { dead: (mean) => [atMost('limit', mean(({ meanLimit }) => meanLimit), 2.5)] },
  'E17c 3x slower 1.3x': { slow: served(0.93 * 133) },
  'E20 the day': {
    'up and down': served(0.93 * 133), 'half the capacity': served(0.93 * 200), 'slow dependency': served(0.93 * 200),
    spike: served(0.93 * 400), after: served(0.93 * 200),
  },
}

/** What that limit misses in that experiment, as means of these seeds. */
export function missesOf({ name, scene, phases }: Experiment, make: () => Limit, seeds: readonly number[]): string[] {
  const tallies = seeds.map((seed) => play(scene, make(), seed).tally)
  return phases.flatMap((phase) => {
    const judge = goals[name]?.[phase.name]
    if (judge === undefined) return []
    const figures = tallies.map((tally) => tally.between(phase.fromS, phase.untilS))
    return missed(judge((read) => meanOf(figures.map(read)))).map((one) => `${phase.name}: ${one}`)
  })
}

/** The experiments that have goals. */
export const judged: readonly Experiment[] = [...experiments, scaleSweep(10, 64), ...troubles].filter(({ name }) =>
  name in goals)

if (import.meta.main) {
  const [part = '', count = '3'] = process.argv.slice(2)
  const seeds = Array.from({ length: Number(count) }, (_, i) => i + 1)
  for (const experiment of judged.filter(({ name }) => name.includes(part))) {
    process.stdout.write(`${experiment.name}\n`)
    for (const [name, make] of Object.entries(arms)) {
      const misses = missesOf(experiment, make, seeds)
      process.stdout.write(`  ${name.padEnd(14)}${misses.length === 0 ? 'reaches all' : misses.join('; ')}\n`)
    }
  }
}
