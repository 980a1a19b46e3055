// Runs the scenarios of an experiment one after the other and puts what they found into one: for the screen as a whole,
// for the folder of results each by itself, so that one that was not run keeps what it found before. What one found is
// written at once: a long run that is ended, or a scenario that breaks, takes nothing of the others with it.
import type { ExperimentOptions, Findings } from '../experiment.ts'
import type { Ground } from '../ground.ts'
import { writeResults } from '../results.ts'
import { scenarioFiles } from './keep.ts'
import type { Ran } from './keep.ts'
import type { Scenario, Settings } from './scenario.ts'

/** `experiment` names the files; `scenarios` are all it has, in the order of its page. */
export async function runScenarios(
  experiment: string, scenarios: readonly Scenario[], ground: Ground, options: ExperimentOptions,
): Promise<Findings> {
  const { seconds, rounds, parts, isShort } = options
  const settings = { seconds, rounds, isShort }
  const ran: Ran[] = []
  const broken: Findings['checks'][number][] = []
  for (const scenario of scenarios.filter(({ name }) => parts.length === 0 || parts.includes(name))) {
    const startMs = performance.now()
    const own = { ...ground, progress: (text: string) => ground.progress(`${scenario.name}: ${text}`) }
    const findings = await foundBy(scenario, own, settings)
    if (findings === null) {
      broken.push({ claim: named(scenario, 'it runs to its end'), holds: false })
      continue
    }
    ran.push({ scenario, findings })
    writeResults(scenarioFiles(experiment, ran, settings, scenarios.map(({ name }) => name)))
    ground.progress(`${scenario.name}: took ${Math.round((performance.now() - startMs) / 1000)} s`)
  }
  return {
    tables: ran.flatMap(({ scenario, findings }) => findings.tables.map((table) =>
      ({ ...table, title: named(scenario, table.title) }))),
    panels: [],
    notes: ran.flatMap(({ scenario, findings }) => findings.notes.map((note) => named(scenario, note))),
    data: Object.fromEntries(ran.map(({ scenario, findings }) => [scenario.name, findings.data])),
    checks: [...broken, ...ran.flatMap(({ scenario, findings }) => findings.checks.map(({ claim, holds }) =>
      ({ claim: named(scenario, claim), holds })))],
    files: scenarioFiles(experiment, ran, settings, scenarios.map(({ name }) => name)),
  }
}

const named = ({ name }: Scenario, text: string): string => text.startsWith(`${name}: `) ? text : `${name}: ${text}`

/** Null: it broke. The others are run all the same, and its figures of before stay. */
async function foundBy(scenario: Scenario, ground: Ground, settings: Settings): Promise<Findings | null> {
  try {
    return await scenario.run(ground, settings)
  } catch (error) {
    ground.progress(`broke: ${error instanceof Error ? error.message : String(error)}`)
    return null
  }
}
