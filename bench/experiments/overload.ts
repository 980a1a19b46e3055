// The overload experiment: scenarios, run one after the other, each with every contender in one go. What they have in
// common is in overload/; here is only their list.
import { compileOnce } from '../contenders/seawall.ts'
import type { Experiment, ExperimentOptions, Findings } from '../experiment.ts'
import type { Ground } from '../ground.ts'
import { capacityHalves } from '../overload/capacity-halves.ts'
import { scenarioFiles } from '../overload/keep.ts'
import type { Ran } from '../overload/keep.ts'
import { memoryUnderLoad } from '../overload/memory.ts'
import { refusalCost } from '../overload/refusal-cost.ts'
import type { Scenario } from '../overload/scenario.ts'
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
  run: runAll,
}

async function runAll(ground: Ground, { seconds, rounds, parts, isShort }: ExperimentOptions): Promise<Findings> {
  const settings = { seconds, rounds, isShort }
  const chosen = scenarios.filter(({ name }) => parts.length === 0 || parts.includes(name))
  compileOnce()
  const ran: Ran[] = []
  for (const scenario of chosen) {
    const startMs = performance.now()
    const own = { ...ground, progress: (text: string) => ground.progress(`${scenario.name}: ${text}`) }
    ran.push({ scenario, findings: await scenario.run(own, settings) })
    ground.progress(`${scenario.name}: took ${Math.round((performance.now() - startMs) / 1000)} s`)
  }
  return {
    tables: ran.flatMap(({ findings }) => findings.tables),
    panels: [],
    notes: ran.flatMap(({ scenario, findings }) => findings.notes.map((note) => `${scenario.name}: ${note}`)),
    data: Object.fromEntries(ran.map(({ scenario, findings }) => [scenario.name, findings.data])),
    checks: ran.flatMap(({ scenario, findings }) => findings.checks.map(({ claim, holds }) =>
      ({ claim: `${scenario.name}: ${claim}`, holds }))),
    files: scenarioFiles('overload', ran, settings, scenarios.map(({ name }) => name)),
  }
}
