// Runs the scenarios of an experiment one after the other and puts what they found into one: for the screen as a whole,
// for the folder of results each by itself, so that one that was not run keeps what it found before.
import type { ExperimentOptions, Findings } from '../experiment.ts'
import type { Ground } from '../ground.ts'
import { scenarioFiles } from './keep.ts'
import type { Ran } from './keep.ts'
import type { Scenario } from './scenario.ts'

/** `experiment` names the files; `scenarios` are all it has, in the order of its page. */
export async function runScenarios(
  experiment: string, scenarios: readonly Scenario[], ground: Ground, options: ExperimentOptions,
): Promise<Findings> {
  const { seconds, rounds, parts, isShort } = options
  const settings = { seconds, rounds, isShort }
  const ran: Ran[] = []
  for (const scenario of scenarios.filter(({ name }) => parts.length === 0 || parts.includes(name))) {
    const startMs = performance.now()
    const own = { ...ground, progress: (text: string) => ground.progress(`${scenario.name}: ${text}`) }
    ran.push({ scenario, findings: await scenario.run(own, settings) })
    ground.progress(`${scenario.name}: took ${Math.round((performance.now() - startMs) / 1000)} s`)
  }
  const named = ({ name }: Scenario, text: string): string => text.startsWith(`${name}: `) ? text : `${name}: ${text}`
  return {
    tables: ran.flatMap(({ scenario, findings }) => findings.tables.map((table) =>
      ({ ...table, title: named(scenario, table.title) }))),
    panels: [],
    notes: ran.flatMap(({ scenario, findings }) => findings.notes.map((note) => named(scenario, note))),
    data: Object.fromEntries(ran.map(({ scenario, findings }) => [scenario.name, findings.data])),
    checks: ran.flatMap(({ scenario, findings }) => findings.checks.map(({ claim, holds }) =>
      ({ claim: named(scenario, claim), holds }))),
    files: scenarioFiles(experiment, ran, settings, scenarios.map(({ name }) => name)),
  }
}
