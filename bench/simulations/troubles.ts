// More of the simulated experiments: what services go through in a day. A cold start, noise that is no overload,
// callers in batches, and a day of all of it one after the other. How they are judged is the business of limit.ts.

import { SlotPlant } from '../../test/sim/kernel/plants.ts'
import type { Plant } from '../../test/sim/kernel/plants.ts'
import { always, exponentialOf, lognormalOf } from '../../test/sim/kernel/samplers.ts'
import type { Schedule } from '../../test/sim/kernel/schedule.ts'
import type { Experiment } from './scenes.ts'

const isSlots = (plant: Plant): SlotPlant => plant as SlotPlant

/** Refuses for 3 s, then takes five times as long, falling to its own time with a time constant of 10 s. */
function coldStart(): Experiment {
  let faultRatio = 1
  return {
    name: 'E10 cold start', baselineMs: 50, byHand: [100],
    scene: {
      untilMs: 60_000, plant: (schedule) => new SlotPlant(schedule, Infinity),
      callers: () => [{ sampler: always(50), rateAt: () => 100, deadlineMs: 5_000 }],
      options: () => {
        faultRatio = 1
        return { faultRatio: () => faultRatio }
      },
      script: (schedule, plant) => {
        isSlots(plant).slowness = 0.1
        for (let ms = 3_000; ms < 60_000; ms += 100) {
          schedule.call(ms, () => {
            faultRatio = 0
            isSlots(plant).slowness = 1 + 4 * Math.exp(-(ms - 3_000) / 10_000)
          })
        }
      },
    },
    phases: [{ name: 'from 3 s on', fromS: 3, untilS: 60 }],
  }
}

/** Very uneven work, checks that are answered at once, and a stall of 150 ms each 5 s, as collectors make them. */
function noise(load: number): Experiment {
  const capacity = 200
  return {
    name: `E11 noise ${load}x`, baselineMs: 40, byHand: [8, 12, 20],
    scene: {
      untilMs: 120_000, plant: (schedule) => new SlotPlant(schedule, 8),
      callers: (streams) => [
        // Two requests a second for 20 s in the middle.
        { sampler: lognormalOf(streams('work'), 40, 2), deadlineMs: 1_000,
          rateAt: (now) => now > 50_000 && now < 70_000 ? 2 : capacity * load },
        { sampler: always(0.2), rateAt: () => 2, deadlineMs: 1_000 },
      ],
      script: (schedule, plant) => { stalls(schedule, isSlots(plant), 5_000, 150, 120_000) },
    },
    phases: [{ name: 'before', fromS: 10, untilS: 50 }, { name: 'after the quiet', fromS: 70, untilS: 120 }],
  }
}

function stalls(schedule: Schedule, plant: SlotPlant, everyMs: number, forMs: number, untilMs: number): void {
  for (let ms = everyMs; ms < untilMs; ms += everyMs) {
    schedule.call(ms, () => { plant.isStalled = true })
    schedule.call(ms + forMs, (now) => {
      plant.isStalled = false
      plant.nudge(now)
    })
  }
}

const batches: Experiment = {
  name: 'E18 batches of 50', baselineMs: 20, byHand: [8, 10, 12],
  scene: {
    untilMs: 60_000, plant: (schedule) => new SlotPlant(schedule, 8),
    callers: (streams) => [
      { sampler: exponentialOf(streams('work'), 20), rateAt: () => 200, batch: 50, deadlineMs: 500 },
    ],
  },
  phases: [{ name: 'all', fromS: 10, untilS: 60 }],
}

/** Until when, and how many a second. */
const dayRates = [[20_000, 100], [40_000, 200], [60_000, 100], [120_000, 300]] as const

const day: Experiment = {
  name: 'E20 the day', baselineMs: 40, byHand: [18, 20, 110],
  scene: {
    untilMs: 300_000, plant: (schedule) => new SlotPlant(schedule, 16),
    callers: (streams) => [
      { sampler: exponentialOf(streams('work'), 40), deadlineMs: 1_000,
        rateAt: (now) => dayRates.find(([untilMs]) => now < untilMs)?.[1] ?? 200 },
      // Twelve times as many sheddable ones.
      { sampler: exponentialOf(streams('spike'), 40), deadlineMs: 1_000, level: 2,
        rateAt: (now) => now >= 180_000 && now < 240_000 ? 2_400 : 0 },
    ],
    script: (schedule, plant) => {
      schedule.call(60_000, (now) => { isSlots(plant).resize(8, now) })
      schedule.call(120_000, (now) => {
        // What it waits for takes five times as long; of its own it has enough.
        isSlots(plant).resize(Infinity, now)
        isSlots(plant).slowness = 5
      })
      schedule.call(180_000, (now) => {
        isSlots(plant).slowness = 1
        isSlots(plant).resize(16, now)
      })
    },
  },
  phases: [{ name: 'up and down', fromS: 5, untilS: 60 }, { name: 'half the capacity', fromS: 62, untilS: 120 },
    { name: 'slow dependency', fromS: 123, untilS: 180 }, { name: 'spike', fromS: 182, untilS: 240 },
    { name: 'after', fromS: 242, untilS: 300 }],
}

export const troubles: readonly Experiment[] = [coldStart(), noise(0.7), noise(1.5), batches, day]
/** From any first limit the same end. */
export const fromAnyLimit: Experiment = { ...day, name: 'E20 the day from any limit' }
