// The real experiments of `npm run bench -- overload` in virtual time, phase by phase as they are run, beside what was
// measured (bench/results/overload.json): throughput within 5 %, p99 within 20 %, or the simulator is to be doubted.
// Run: node bench/simulations/real-runs.ts [seeds]

import { readFileSync } from 'node:fs'
import { defaultLearning } from '../../proxy/algorithms/limit.ts'
import { ProbingLimit } from '../../proxy/algorithms/probing-limit.ts'
import { DistantPlant, SlotPlant } from '../../test/sim/kernel/plants.ts'
import { always } from '../../test/sim/kernel/samplers.ts'
import type { Schedule } from '../../test/sim/kernel/schedule.ts'
import type { Figures, Tally } from '../../test/sim/kernel/tally.ts'
import { exponentialTimes } from '../origins/service-times.ts'
import { quantileOf } from './criteria.ts'
import { play } from './world.ts'

/** What one callback takes at these rates: a proxied request has two, a refusal one (refusal-cost, at 4,000/s). */
const turnMs = 0.05
/** There and back. A static limit of 6 gives 286 a second in earnest: 21 ms for each, half of one for the ticks. */
const awayMs = 0.5

/** A stretch of load: parts of the capacity, seconds. */
type Stretch = readonly [load: number, seconds: number]

interface Service {
  readonly slots: number
  readonly perSecond: number
  /** Work of each of its jobs, ms, from its start on: for every stretch there is a new process. */
  readonly work: () => () => number
  readonly tickMs: number
}

interface RealRun {
  readonly service: Service
  readonly course: readonly Stretch[]
  readonly resize?: readonly (readonly [atS: number, slots: number])[]
}

interface Row {
  readonly what: string
  readonly real: number
  readonly simulated: readonly number[]
  /** NaN: only shown. */
  readonly within: number
}

const rests: Stretch = [0, 1]
/** As steady.ts has it: a warm-up, then for each load a second to get used to it, and three that count. */
const steadyCourse: readonly Stretch[] = [[0.7, 1], rests, [2, 4], rests, [5, 4], rests, [10, 4]]
const steadyLoads = [[2, 3], [5, 8], [10, 13]] as const

const slots: Service = {
  slots: 8, perSecond: 400, tickMs: 1,
  work: () => {
    const times = exponentialTimes(1)
    return () => 20 * times()
  },
}
/** Reading and writing a request takes the busy thread 0.08 ms beside its 5 ms of work: 197 a second at most. */
const busy: Service = { slots: 1, perSecond: 200, tickMs: 0, work: () => () => 5.08 }

function simulate({ service, course, resize = [] }: RealRun, seed: number): Tally {
  const ends = course.map((_, i) => course.slice(0, i + 1).reduce((sum, [, seconds]) => sum + 1000 * seconds, 0))
  let slots: SlotPlant | null = null
  let draw = service.work()
  return play({
    untilMs: ends[ends.length - 1] as number, turnMs,
    plant: (schedule: Schedule) => {
      slots = new SlotPlant(schedule, service.slots)
      return new DistantPlant(schedule, slots, { awayMs, tickMs: service.tickMs, workMs: () => draw() })
    },
    callers: () => [{
      sampler: always(1), deadlineMs: 500,
      rateAt: (now) => service.perSecond * (course[ends.findIndex((end) => now < end)]?.[0] ?? 0),
    }],
    script: (schedule) => {
      for (const end of ends) schedule.call(end - 1, () => { draw = service.work() })
      for (const [atS, count] of resize) schedule.call(1000 * atS, (now) => { slots?.resize(count, now) })
    },
  }, new ProbingLimit(defaultLearning), seed).tally
}

interface Measured { readonly median: number }
interface MeasuredArm { readonly name: string; readonly figures: { readonly [name: string]: Measured | undefined } }
interface MeasuredLoad { readonly factor?: number; readonly load?: number; readonly arms: readonly MeasuredArm[] }

const file = new URL('../results/overload.json', import.meta.url)
const measured = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly [scenario: string]: {
    readonly data: readonly MeasuredLoad[] | { readonly results: readonly MeasuredLoad[] }
  }
}

function realOf(scenario: string, load: number, figure: string): number {
  const data = measured[scenario]?.data
  const loads = data === undefined ? [] : 'results' in data ? data.results : data
  const arm = loads.find((one) => (one.factor ?? one.load) === load)?.arms.find(({ name }) => name === 'seawall')
  return arm?.figures[figure]?.median ?? NaN
}

function steady(scenario: string, service: Service, seeds: readonly number[]): readonly Row[] {
  const tallies = seeds.map((seed) => simulate({ service, course: steadyCourse }, seed))
  return steadyLoads.flatMap(([load, fromS]) => {
    const figures = tallies.map((tally) => tally.between(fromS, fromS + 3))
    const row = (what: string, figure: string, within: number, read: (figures: Figures) => number): Row => ({
      what: `${scenario} ${load}x, ${what}`, real: realOf(scenario, load, figure), within, simulated: figures.map(read),
    })
    return [
      row('goodput a second', 'goodputPerSecond', 0.05, ({ goodput }) => goodput),
      row('p99 ms', 'admittedP99Ms', 0.2, ({ p99Ms }) => p99Ms),
      row('p50 ms', 'admittedP50Ms', NaN, ({ p50Ms }) => p50Ms),
      row('limit', 'limit', NaN, ({ meanLimit }) => meanLimit),
    ]
  })
}

/** Half of the slots go after 3 s and come back after 8; a second at 0.7 before it all. */
function halves(seeds: readonly number[]): readonly Row[] {
  return [0.8, 2].flatMap((load) => {
    const tallies = seeds.map((seed) =>
      simulate({ service: slots, course: [[0.7, 1], rests, [load, 13]], resize: [[5, 4], [10, 8]] }, seed))
    return ([['before', 2, 5], ['halved', 5, 10], ['returned', 10, 15]] as const).map(([part, fromS, untilS]) => ({
      what: `capacity-halves ${load}x, ${part}`, real: realOf('capacity-halves', load, `${part}PerSecond`),
      within: 0.05, simulated: tallies.map((tally) => tally.between(fromS, untilS).goodput),
    }))
  })
}

const seeds = Array.from({ length: Number(process.argv[2] ?? 15) }, (_, i) => i + 1)
const rows = [
  ...steady('steady-slots', slots, seeds), ...steady('steady-cpu', busy, seeds), ...halves(seeds),
]
process.stdout.write(`${''.padEnd(40)}${['real', 'simulated', '(a tenth', 'nine)', 'off'].map((cell) =>
  cell.padStart(11)).join('')}\n`)
for (const { what, real, simulated, within } of rows) {
  const median = quantileOf(simulated, 0.5)
  const off = median / real - 1
  const verdict = Number.isNaN(within) ? '' : Math.abs(off) <= within ? '  holds' : '  FAILS'
  const cells = [real, median, quantileOf(simulated, 0.1), quantileOf(simulated, 0.9)].map((x) => x.toPrecision(4))
  process.stdout.write(`${what.padEnd(40)}${[...cells, `${(100 * off).toFixed(1)} %`].map((cell) =>
    cell.padStart(11)).join('')}${verdict}\n`)
}
