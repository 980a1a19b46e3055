// The upstreams experiment: what a failing dependency costs, how far it spreads and how it heals, with and without
// Seawall and beside other proxies. Scenarios are in upstreams/; here is only their list.
import { compileOnce } from '../contenders/seawall.ts'
import type { Experiment, ExperimentOptions, Findings } from '../experiment.ts'
import type { Ground } from '../ground.ts'
import { scenarioFiles } from '../overload/keep.ts'
import type { Ran } from '../overload/keep.ts'
import type { Scenario } from '../overload/scenario.ts'
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
  run: runAll,
}

async function runAll(ground: Ground, { parts, isShort }: ExperimentOptions): Promise<Findings> {
  const settings = { seconds: 0, rounds: 1, isShort }
  const chosen = scenarios.filter(({ name }) => parts.length === 0 || parts.includes(name))
  compileOnce()
  const ran: Ran[] = []
  for (const scenario of chosen) {
    const startMs = performance.now()
    const own = { ...ground, progress: (text: string) => ground.progress(`${scenario.name}: ${text}`) }
    ran.push({ scenario, findings: await scenario.run(own, settings) })
    ground.progress(`${scenario.name}: took ${Math.round((performance.now() - startMs) / 1000)} s`)
  }
  const named = (scenario: Scenario, text: string): string => `${scenario.name}: ${text}`
  return {
    tables: ran.flatMap(({ scenario, findings }) => findings.tables.map((table) =>
      ({ ...table, title: named(scenario, table.title) }))),
    panels: [],
    notes: ran.flatMap(({ scenario, findings }) => findings.notes.map((note) => named(scenario, note))),
    data: Object.fromEntries(ran.map(({ scenario, findings }) => [scenario.name, findings.data])),
    checks: ran.flatMap(({ scenario, findings }) => findings.checks.map(({ claim, holds }) =>
      ({ claim: named(scenario, claim), holds }))),
    files: scenarioFiles('upstreams', ran, settings, scenarios.map(({ name }) => name)),
  }
}
