// Joins a plant, callers and a limit into one run of the fast simulator: what every simulated experiment is made of.

import type { Limit } from '../../proxy/algorithms/limit.ts'
import { EventLoop } from '../../test/sim/kernel/event-loop.ts'
import type { Plant } from '../../test/sim/kernel/plants.ts'
import { Population } from '../../test/sim/kernel/population.ts'
import type { PopulationOptions } from '../../test/sim/kernel/population.ts'
import { Schedule } from '../../test/sim/kernel/schedule.ts'
import { Sidecar } from '../../test/sim/kernel/sidecar.ts'
import type { SidecarOptions } from '../../test/sim/kernel/sidecar.ts'
import { seededRandom } from '../../test/sim/seeded-random.ts'

/** A stream of chance by name, of the run's seed. */
export type Streams = (name: string) => () => number

export interface Scene {
  readonly untilMs: number
  readonly plant: (schedule: Schedule, streams: Streams) => Plant
  readonly callers: (streams: Streams) => readonly Omit<PopulationOptions, 'untilMs'>[]
  readonly script?: (schedule: Schedule, plant: Plant) => void
  readonly options?: SidecarOptions | (() => SidecarOptions)
  /** What one callback of the sidecar's loop costs, ms. */
  readonly turnMs?: number
}

/** Runs the scene with this limit and seed. */
export function play(scene: Scene, limit: Limit, seed: number): Sidecar {
  const schedule = new Schedule()
  const streams: Streams = (name) => seededRandom(seed, name)
  const plant = scene.plant(schedule, streams)
  const loop = new EventLoop(schedule, scene.turnMs ?? 0)
  const sidecar = new Sidecar(schedule, loop, plant, limit, streams('sidecar'), optionsOf(scene))
  scene.callers(streams).forEach((options, i) => {
    new Population(sidecar, streams(`arrivals ${i}`), { ...options, untilMs: scene.untilMs }).start(schedule)
  })
  scene.script?.(schedule, plant)
  schedule.runUntil(scene.untilMs)
  return sidecar
}

function optionsOf({ options }: Scene): SidecarOptions {
  return typeof options === 'function' ? options() : options ?? {}
}
