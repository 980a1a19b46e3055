// Scores the learned limit with the constants as they are loaded. For each run: the part of the possible goodput, less
// half of what its p99 is over its target, less five times what was refused though there was room.

import { ProbingLimit } from '../../proxy/algorithms/probing-limit.ts'
import { defaultLearning } from '../../proxy/algorithms/limit.ts'
import type { Limit } from '../../proxy/algorithms/limit.ts'
import type { Tally } from '../../test/sim/kernel/tally.ts'
import { meanOf } from './criteria.ts'
import { experiments } from './scenes.ts'
import type { Experiment } from './scenes.ts'
import { scored } from './score-scenes.ts'
import type { Judged, Scored } from './score-scenes.ts'
import { play } from './world.ts'

export interface Score {
  readonly name: string
  readonly score: number
  readonly efficiency: number
  /** p99 over its target. */
  readonly slowness: number
  readonly falselyRefused: number
}

export interface Board {
  readonly scores: readonly Score[]
  /** Plants that no constant was chosen for: the part of their known peak. */
  readonly heldOut: readonly Score[]
  /** Half the mean and half the least of the scores. */
  readonly objective: number
}

export function boardOf(seeds: readonly number[]): Board {
  const scores = scored.map((one) => scoreOf(one, seeds))
  const values = scores.map(({ score }) => score)
  const objective = 0.5 * meanOf(values) + 0.5 * Math.min(...values)
  return { scores, heldOut: heldOut.map((one) => heldOutOf(one, seeds)), objective }
}

const learned = (): Limit => new ProbingLimit(defaultLearning)

/** One run; of another limit where one is given. */
export function scoreOf(
  { name, scene, goodput, calm, targetMs }: Scored, seeds: readonly number[], make: () => Limit = learned,
): Score {
  const rows = seeds.map((seed) => {
    const { tally } = play(scene, make(), seed)
    const efficiency = efficiencyOf(tally, goodput)
    const slowness = Math.max(...goodput.map(({ from, until }) => tally.between(from, until).p99Ms)) / targetMs
    const falselyRefused = refusedOf(tally, calm)
    const score = efficiency - 0.5 * Math.max(0, slowness - 1) - 5 * falselyRefused
    return { score, efficiency, slowness, falselyRefused }
  })
  const mean = (read: (row: typeof rows[number]) => number): number => meanOf(rows.map(read))
  return {
    name, score: mean((row) => row.score), efficiency: mean((row) => row.efficiency),
    slowness: mean((row) => row.slowness), falselyRefused: mean((row) => row.falselyRefused),
  }
}

/** Of all that could be answered, at most all of it: chance may make the work less than it is on average. */
function efficiencyOf(tally: Tally, judged: readonly Judged[]): number {
  const spans = judged.reduce((sum, { from, until }) => sum + until - from, 0)
  return judged.reduce((sum, { from, until, perSecond }) =>
    sum + (until - from) * Math.min(1.02, tally.between(from, until).goodput / perSecond), 0) / spans
}

function refusedOf(tally: Tally, calm: readonly Judged[]): number {
  const parts = calm.map(({ from, until }) => tally.between(from, until))
  const arrived = parts.reduce((sum, { offered }) => sum + offered, 0)
  if (arrived === 0) return 0
  return parts.reduce((sum, { offered, refusedOnArrival, refusedFromLine }) =>
    sum + offered * (refusedOnArrival + refusedFromLine), 0) / arrived
}

/** Peaks of plants that get slower when pushed, a second. */
const heldOut = ([['E3 thrashing 1.5x', 740], ['E3 thrashing 3x', 740], ['collector-coupled 3x', 400],
  ['E1 four shared cores exp 10 ms 5x', 400]] as const).map(([name, peak]) =>
  ({ experiment: experiments.find((one) => one.name === name) as Experiment, peak }))

function heldOutOf({ experiment, peak }: typeof heldOut[number], seeds: readonly number[]): Score {
  const { name, scene, phases } = experiment
  const efficiency = meanOf(seeds.map((seed) => {
    const phase = phases[phases.length - 1]
    return play(scene, learned(), seed).tally
      .between(phase?.fromS ?? 0, phase?.untilS ?? 0).goodput / peak
  }))
  return { name, score: efficiency, efficiency, slowness: 0, falselyRefused: 0 }
}
