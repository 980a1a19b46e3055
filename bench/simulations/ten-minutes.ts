// How fast the simulator is: ten minutes at a thousand requests a second, through the production limit and line, have
// to take less than five seconds. Run: node bench/simulations/ten-minutes.ts

import { defaultLearning } from '../../proxy/algorithms/limit.ts'
import { ProbingLimit } from '../../proxy/algorithms/probing-limit.ts'
import { SlotPlant } from '../../test/sim/kernel/plants.ts'
import { exponentialOf } from '../../test/sim/kernel/samplers.ts'
import { play } from './world.ts'

export interface PlayTime { readonly seconds: number; readonly requests: number; readonly events: number }

/** Eight slots of 20 ms at 2.5 times what they can. */
export function playTenMinutes(): PlayTime {
  const startedAt = performance.now()
  const { tally, schedule } = play({
    untilMs: 600_000,
    plant: (schedule) => new SlotPlant(schedule, 8),
    callers: (streams) => [{ sampler: exponentialOf(streams('work'), 20), rateAt: () => 1000, deadlineMs: 500 }],
  }, new ProbingLimit(defaultLearning), 1)
  const seconds = (performance.now() - startedAt) / 1000
  return { seconds, requests: 600 * tally.between(0, 600).offered, events: schedule.happened }
}

if (import.meta.main) {
  const { seconds, requests, events } = playTenMinutes()
  process.stdout.write(`ten minutes, ${requests} requests, ${events} events: ${seconds.toFixed(2)} s\n`)
}
