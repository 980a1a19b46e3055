// The overload experiment: scenarios, run one after the other, each with every contender in one go. What they have in
// common is in overload/; here is only their list.
import { compileOnce } from '../contenders/seawall.ts'
import type { Experiment } from '../experiment.ts'
import { capacityHalves } from '../overload/capacity-halves.ts'
import { memoryUnderLoad } from '../overload/memory.ts'
import { refusalCost } from '../overload/refusal-cost.ts'
import type { Scenario } from '../overload/scenario.ts'
import { runScenarios } from '../overload/scenarios.ts'
import { slowDependency } from '../overload/slow-dependency.ts'
import { spike } from '../overload/spike.ts'
import { steadyCpu, steadySlots } from '../overload/steady.ts'

const scenarios: readonly Scenario[] = [
  steadySlots, steadyCpu, capacityHalves, slowDependency, spike, refusalCost, memoryUnderLoad,
]

export const overload: Experiment = {
  name: 'overload',
  summary: 'goodput and refusals under too much load: nothing, nginx, HAProxy, Envoy and Seawall',
  defaults: { seconds: 3, rounds: 3, rate: 0 },
  short: { seconds: 1.5, rounds: 1, rate: 0 },
  parts: scenarios.map(({ name }) => name),
  run: (ground, options) => {
    compileOnce()
    return runScenarios('overload', scenarios, ground, options)
  },
}
