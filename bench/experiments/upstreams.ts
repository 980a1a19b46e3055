// The upstreams experiment: what a failing dependency costs, how far it spreads and how it heals, with and without
// Seawall and beside other proxies. Scenarios are in upstreams/; here is only their list.
import { compileOnce } from '../contenders/seawall.ts'
import type { Experiment } from '../experiment.ts'
import type { Scenario } from '../overload/scenario.ts'
import { runScenarios } from '../overload/scenarios.ts'
import { gray } from '../upstreams/gray.ts'
import { halfOpen } from '../upstreams/half-open.ts'
import { hedging } from '../upstreams/hedging.ts'
import { metastable } from '../upstreams/metastable.ts'
import { outage } from '../upstreams/outage.ts'
import { partial } from '../upstreams/partial.ts'
import { slowProvider } from '../upstreams/slow-provider.ts'

const scenarios: readonly Scenario[] = [
  outage, partial, metastable, gray, hedging, halfOpen, slowProvider,
]
/** Every scenario has a timetable of its own. */
const numbers = { seconds: 0, rounds: 0, rate: 0 }

export const upstreams: Experiment = {
  name: 'upstreams',
  summary: 'dependencies that fail, slow down and come back: attempts, goodput and recovery with and without Seawall',
  defaults: numbers,
  short: numbers,
  parts: scenarios.map(({ name }) => name),
  run: (ground, options) => {
    compileOnce()
    return runScenarios('upstreams', scenarios, ground, options)
  },
}
