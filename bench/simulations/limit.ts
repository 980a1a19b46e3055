// Decides between learned limits by simulation: every arm on every experiment over several seeds, against the best
// static limit tried by hand. It prints a table and writes nothing.
// Run: node bench/simulations/limit.ts [part of a name] [seeds] [part of an arm's name]

import type { Limit } from '../../proxy/algorithms/limit.ts'
import { ProbingLimit } from '../../proxy/algorithms/probing-limit.ts'
import { KneeLimit } from '../../test/sim/kernel/limits/knee-limit.ts'
import { AimdLimit, EnvoyGradientLimit, Gradient2Limit } from '../../test/sim/kernel/limits/published-limits.ts'
import { RulesLimit } from '../../test/sim/kernel/limits/rules-limit.ts'
import { FixedLimit, FrozenLimit } from '../../test/sim/kernel/limits/static-limits.ts'
import { play } from './world.ts'
import { experiments, scaleSweep } from './scenes.ts'
import type { Experiment, Phase } from './scenes.ts'
import { fromAnyLimit, troubles } from './troubles.ts'

const bounds = (initial: number): { initial: number; min: number; max: number } => ({ initial, min: 2, max: 1024 })

const arms: { readonly [name: string]: (initial: number) => Limit } = {
  probing: (initial) => new ProbingLimit({ ...bounds(initial), minWindowMs: 20 }),
  knee: (initial) => new KneeLimit(bounds(initial)),
  rules: (initial) => new RulesLimit(bounds(initial)),
  gradient2: (initial) => new Gradient2Limit(bounds(initial)),
  envoy: (initial) => new EnvoyGradientLimit(bounds(initial)),
  aimd: (initial) => new AimdLimit(bounds(initial)),
  frozen: (initial) => new FrozenLimit(initial),
  'always min': () => new FrozenLimit(2),
  'always max': () => new FrozenLimit(1024),
}

const [part = '', seeds = '5', arm = ''] = process.argv.slice(2)

interface Row { readonly goodput: number; readonly p99Ms: number; readonly refused: number; readonly limit: number }

function rowOf(experiment: Experiment, phase: Phase, make: () => Limit, seeds: number): Row & { worst: number } {
  const rows = Array.from({ length: seeds }, (_, i): Row => {
    const figures = play(experiment.scene, make(), i + 1).tally.between(phase.fromS, phase.untilS)
    return {
      goodput: figures.goodput, p99Ms: figures.p99Ms, refused: figures.refusedOnArrival + figures.refusedFromLine,
      limit: figures.meanLimit,
    }
  })
  const mean = (read: (row: Row) => number): number => rows.reduce((sum, row) => sum + read(row), 0) / seeds
  return {
    goodput: mean((row) => row.goodput), worst: Math.min(...rows.map((row) => row.goodput)),
    p99Ms: mean((row) => row.p99Ms), refused: mean((row) => row.refused), limit: mean((row) => row.limit),
  }
}

function print(cells: readonly string[]): void {
  process.stdout.write(`${cells.map((cell, i) => i === 0 ? cell.padEnd(12) : cell.padStart(9)).join('')}\n`)
}

function compare(experiment: Experiment, seeds: number, initials: readonly number[]): void {
  for (const phase of experiment.phases) {
    process.stdout.write(`\n${experiment.name}, ${phase.name}\n`)
    print(['arm', 'goodput', 'of best', 'worst', 'p99 ms', 'refused %', 'limit'])
    const byHand = experiment.byHand.map((limit) =>
      ({ limit, row: rowOf(experiment, phase, () => new FixedLimit(limit, experiment.baselineMs), seeds) }))
    const best = byHand.reduce((a, b) => b.row.goodput > a.row.goodput ? b : a)
    const show = (name: string, row: Row & { worst: number }): void => print([
      name, row.goodput.toFixed(1), (row.goodput / best.row.goodput).toFixed(3),
      (row.worst / best.row.goodput).toFixed(3), row.p99Ms.toFixed(0), (100 * row.refused).toFixed(2),
      row.limit.toFixed(1),
    ])
    show(`fixed ${best.limit}`, best.row)
    for (const [name, make] of Object.entries(arms)) {
      if (!name.includes(arm)) continue
      for (const initial of initials) {
        const label = initials.length > 1 ? `${name} ${initial}` : name
        if (initials.length > 1 && name !== 'probing') continue
        show(label, rowOf(experiment, phase, () => make(initial), seeds))
      }
    }
  }
}

for (const experiment of [...experiments, ...troubles]) {
  if (experiment.name.includes(part)) compare(experiment, Number(seeds), [10])
}
const allInitials = [2, 5, 10, 20, 50, 200, 1024]
if (fromAnyLimit.name.includes(part)) compare(fromAnyLimit, Number(seeds), allInitials)
for (const meanMs of [1, 10, 100, 1000]) {
  for (const c of [2, 8, 64]) {
    const experiment = scaleSweep(meanMs, c)
    if (experiment.name.includes(part)) compare(experiment, Number(seeds), allInitials)
  }
}
