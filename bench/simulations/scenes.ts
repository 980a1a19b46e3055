// The simulated experiments on the learned limit: plants, loads and scripts, and over which seconds they are judged.

import { SharedPlant, SlotPlant, scalability } from '../../test/sim/kernel/plants.ts'
import type { Plant } from '../../test/sim/kernel/plants.ts'
import { always, exponentialOf, lognormalOf, mixOf } from '../../test/sim/kernel/samplers.ts'
import { bursts } from '../../test/sim/kernel/population.ts'
import type { Scene, Streams } from './world.ts'

/** A part of a run, in seconds. */
export interface Phase { readonly name: string; readonly fromS: number; readonly untilS: number }

export interface Experiment {
  readonly name: string
  readonly scene: Scene
  readonly phases: readonly Phase[]
  /** What a static limit would be told by hand: limits to try, and the baseline for its line. */
  readonly byHand: readonly number[]
  readonly baselineMs: number
}

type Rate = (now: number) => number
type Work = (streams: Streams) => () => number

function scene(plant: Scene['plant'], work: Work, rateAt: Rate, untilS: number, deadlineMs: number): Scene {
  return {
    untilMs: untilS * 1000, plant,
    callers: (streams) => [{ sampler: work(streams), rateAt, deadlineMs }],
  }
}

const exponential = (meanMs: number): Work => (streams) => exponentialOf(streams('work'), meanMs)
const slots = (c: number): Scene['plant'] => (schedule) => new SlotPlant(schedule, c)

/** 0.7 of the capacity for 20 s, then `load` times it for 40 s. */
function overload(name: string, c: number, meanMs: number, load: number, work: Work, deadlineMs: number): Experiment {
  const capacity = 1000 * c / meanMs
  const rateAt: Rate = (now) => capacity * (now < 20_000 ? 0.7 : load)
  return {
    name: `${name} ${load}x`, scene: scene(slots(c), work, rateAt, 60, deadlineMs), baselineMs: meanMs,
    byHand: [c, Math.ceil(1.15 * c), Math.ceil(1.4 * c)].map((limit) => Math.max(2, limit)),
    phases: [{ name: 'calm', fromS: 5, untilS: 20 }, { name: 'first second', fromS: 20, untilS: 21 },
      { name: 'overload', fromS: 22, untilS: 60 }],
  }
}

const overloads = [2, 5, 10].flatMap((load) => [
  overload('E2 8 slots exp 20 ms', 8, 20, load, exponential(20), 500),
  overload('E1 one thread 5 ms', 1, 5, load, () => always(5), 500),
  overload('E2 8 slots lognormal 40 ms', 8, 40, load, (s) => lognormalOf(s('work'), 40, 1), 1000),
])

const sharedCores: Experiment = {
  name: 'E1 four shared cores exp 10 ms 5x', baselineMs: 10, byHand: [4, 5, 6],
  scene: scene((s) => new SharedPlant(s, (n) => Math.min(n, 4)), exponential(10), () => 2000, 60, 500),
  phases: [{ name: 'overload', fromS: 10, untilS: 60 }],
}

const thrashing = [1, 1.5, 3].map((load): Experiment => ({
  name: `E3 thrashing ${load}x`, baselineMs: 18, byHand: [12, 16, 22],
  scene: scene((s) => new SharedPlant(s, scalability(0.05, 0.002)), exponential(10), () => 740 * load, 60, 500),
  phases: [{ name: 'all', fromS: 10, untilS: 60 }],
}))

const isSlots = (plant: Plant): SlotPlant => plant as SlotPlant

const slowDependency: Experiment = {
  name: 'E4 slow dependency', baselineMs: 50, byHand: [60, 100],
  scene: {
    ...scene(slots(Infinity), () => always(50), () => 100, 150, 2000),
    script: (schedule, plant) => {
      schedule.call(30_000, () => { isSlots(plant).slowness = 10 })
      schedule.call(90_000, () => { isSlots(plant).slowness = 1 })
    },
  },
  phases: [{ name: 'first 3 s', fromS: 30, untilS: 33 }, { name: 'slow', fromS: 33, untilS: 90 },
    { name: 'fast again', fromS: 92, untilS: 150 }],
}

const capacityStep: Experiment = {
  name: 'E6 capacity 16-8-16', baselineMs: 40, byHand: [10, 16, 20],
  scene: {
    ...scene(slots(16), exponential(40), () => 320, 180, 1000),
    script: (schedule, plant) => {
      schedule.call(60_000, (now) => isSlots(plant).resize(8, now))
      schedule.call(120_000, (now) => isSlots(plant).resize(16, now))
    },
  },
  phases: [{ name: 'halved', fromS: 62, untilS: 120 }, { name: 'restored', fromS: 122, untilS: 180 }],
}

function bimodal(load: number): Experiment {
  const mix = (streams: Streams): () => number => mixOf(streams('work'), [[0.9, 5], [0.1, 200]])
  return {
    name: `E7 bimodal ${load}x`, baselineMs: 24.5, byHand: [16, 18, 22],
    scene: scene(slots(16), mix, () => 653 * load, 60, 1000),
    phases: [{ name: 'all', fromS: 10, untilS: 60 }],
  }
}

const ratchet: Experiment = {
  name: 'E17a ratchet 60 min', baselineMs: 120, byHand: [13],
  scene: scene(slots(12), exponential(120), () => 105, 3600, 2000),
  phases: [{ name: 'first 10 min', fromS: 10, untilS: 600 }, { name: 'last 50 min', fromS: 600, untilS: 3600 }],
}

const stableBad: Experiment = {
  name: 'E17b all time out', baselineMs: 50, byHand: [2],
  scene: {
    ...scene(slots(Infinity), () => always(50), () => 100, 300, Infinity),
    options: { attemptTimeoutMs: 5000 },
    script: (schedule, plant) => { schedule.call(30_000, () => { isSlots(plant).slowness = 1e6 }) },
  },
  phases: [{ name: 'dead', fromS: 90, untilS: 300 }],
}

const slower: Experiment = {
  name: 'E17c 3x slower 1.3x', baselineMs: 60, byHand: [9, 11],
  scene: {
    ...scene(slots(8), exponential(20), () => 173, 900, 1000),
    script: (schedule, plant) => { schedule.call(60_000, () => { isSlots(plant).slowness = 3 }) },
  },
  phases: [{ name: 'slow', fromS: 65, untilS: 900 }],
}

const burst: Experiment = {
  name: 'E18 bursts 4x-0', baselineMs: 20, byHand: [8, 10, 12],
  scene: scene(slots(8), exponential(20), bursts(1600, 200, 0, 600), 60, 500),
  phases: [{ name: 'all', fromS: 10, untilS: 60 }],
}

const calm: Experiment = {
  name: 'calm 0.8x', baselineMs: 20, byHand: [10, 12, 20],
  scene: scene(slots(8), exponential(20), () => 320, 60, 500),
  phases: [{ name: 'all', fromS: 5, untilS: 60 }],
}

const faults: Experiment = {
  name: 'F14 10 % of 503 at 0.7x', baselineMs: 20, byHand: [12, 20],
  scene: { ...scene(slots(8), exponential(20), () => 280, 120, 500), options: { faultRatio: () => 0.1 } },
  phases: [{ name: 'all', fromS: 5, untilS: 120 }],
}

const coupled: Experiment = {
  name: 'collector-coupled 3x', baselineMs: 20, byHand: [8, 10, 12],
  scene: scene((s) => new SlotPlant(s, 8, 0.02), exponential(20), () => 1200, 60, 500),
  phases: [{ name: 'all', fromS: 10, untilS: 60 }],
}

const start: Experiment = {
  name: 'start 64 slots exp 100 ms 0.8x', baselineMs: 100, byHand: [70, 90],
  scene: scene(slots(64), exponential(100), () => 512, 20, 3000),
  phases: [{ name: 'first second', fromS: 0, untilS: 1 }, { name: 'second', fromS: 1, untilS: 2 },
    { name: 'after', fromS: 2, untilS: 20 }],
}

/** Callers give up after 300 ms and try again at once, three times in all; `script` does what it does from 20 s on. */
function storm(name: string, endsAtS: number, script: NonNullable<Scene['script']>): Experiment {
  return {
    name: `E5 ${name}`, baselineMs: 40, byHand: [8, 10, 12],
    scene: {
      untilMs: 60_000, plant: slots(8), script,
      callers: (streams) => [{
        sampler: exponential(40)(streams), rateAt: () => 180, deadlineMs: 300, maxAttempts: 3,
      }],
    },
    phases: [{ name: 'from 3 s after', fromS: endsAtS + 3, untilS: endsAtS + 8 },
      { name: 'later', fromS: endsAtS + 8, untilS: 60 }],
  }
}

const storms = [
  storm('stands still for 5 s', 25, (schedule, plant) => {
    schedule.call(20_000, () => { isSlots(plant).isStalled = true })
    schedule.call(25_000, (now) => {
      isSlots(plant).isStalled = false
      isSlots(plant).nudge(now)
    })
  }),
  storm('five times the time for 10 s', 30, (schedule, plant) => {
    schedule.call(20_000, () => { isSlots(plant).slowness = 5 })
    schedule.call(30_000, () => { isSlots(plant).slowness = 1 })
  }),
]

export const experiments: readonly Experiment[] = [
  ...overloads, sharedCores, ...thrashing, slowDependency, capacityStep, bimodal(0.8), bimodal(1.5), ratchet, stableBad,
  slower, burst, calm, faults, coupled, start, ...storms,
]

/** Eight slots of this service time at three times their capacity, from any first limit: same end for all. */
export function scaleSweep(meanMs: number, c: number): Experiment {
  // Long enough for the same number of requests at every time scale, and at least 20 s.
  const untilS = Math.max(20, Math.min(900, meanMs * 0.6))
  return {
    name: `E20 ${c} slots exp ${meanMs} ms 3x`, baselineMs: meanMs, byHand: [c, Math.ceil(1.2 * c)],
    scene: scene(slots(c), exponential(meanMs), () => 3000 * c / meanMs, untilS, 25 * meanMs + 500),
    phases: [{ name: 'second half', fromS: Math.floor(untilS / 2), untilS }],
  }
}
