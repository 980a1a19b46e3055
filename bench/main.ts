// The bench's command line: lists the experiments, runs one, prints and keeps what it found. Exit codes: 0 ok, 1 a
// check failed or the run ended badly, 2 usage.
import { parseArgs } from 'node:util'
import { minRounds } from './arms.ts'
import { catalogue, nearestName } from './catalogue.ts'
import type { Experiment, ExperimentOptions } from './experiment.ts'
import { onGround } from './ground.ts'
import { keepResults, resultDocument } from './results.ts'
import { renderTable } from './table.ts'

const usage = 'Usage: npm run bench -- list | NAME [PART…] [--seconds N | --minutes N] [--rounds N] [--rate N] '
  + '[--short] [--json]'
/** Longer runs are more rounds. */
const maxSeconds = 600
const maxRounds = 100
const maxRate = 100_000

/** What the user typed cannot be run. */
class UsageError extends Error {}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const isUsage = error instanceof UsageError || String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS')
  console.error(isUsage ? `${(error as Error).message}\n${usage}` : error)
  process.exitCode = isUsage ? 2 : 1
}

async function main(words: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      seconds: { type: 'string' }, minutes: { type: 'string' }, rounds: { type: 'string' }, rate: { type: 'string' },
      short: { type: 'boolean' }, json: { type: 'boolean' },
    },
  })
  const [name, ...rest] = positionals
  if (name === undefined) throw new UsageError('Which experiment?')
  if (name === 'list') {
    const width = Math.max(...catalogue.map((one) => one.name.length))
    for (const one of catalogue) {
      console.log(`${one.name.padEnd(width)}  ${one.summary}`)
      if (one.parts !== undefined) console.log(`${' '.repeat(width)}  parts: ${one.parts.join(' ')}`)
    }
    return 0
  }
  const experiment = named(name)
  const isShort = values.short === true
  if (isShort && experiment.short === undefined) throw new UsageError('This experiment does not take --short.')
  const defaults = isShort && experiment.short !== undefined ? experiment.short : experiment.defaults
  const options: ExperimentOptions = {
    seconds: secondsOf(values, defaults.seconds, experiment.maxSeconds ?? maxSeconds),
    rounds: numberOf('rounds', values.rounds, defaults.rounds, { min: minRounds, max: maxRounds }),
    rate: numberOf('rate', values.rate, defaults.rate, { min: 1, max: maxRate }),
    parts: partsOf(experiment, rest),
    isShort,
  }
  return await run(experiment, options, values.json === true)
}

async function run(experiment: Experiment, options: ExperimentOptions, asJson: boolean): Promise<number> {
  const findings = await onGround((text) => console.error(`${experiment.name}: ${text}`), (ground) =>
    experiment.run(ground, options))
  const document = resultDocument(experiment, options, findings)
  const files = keepResults(experiment, options, document, findings)
  if (asJson) process.stdout.write(document)
  else {
    for (const table of findings.tables) console.log(`${renderTable(table)}\n`)
    for (const note of findings.notes) console.log(note)
    for (const { claim, holds } of findings.checks) console.log(`${holds ? 'holds' : 'FAILS'}: ${claim}`)
  }
  console.error(`Written: ${files.join(', ')}`)
  return findings.checks.every((check) => check.holds) ? 0 : 1
}

function named(name: string): Experiment {
  const found = catalogue.find((one) => one.name === name)
  if (found !== undefined) return found
  const meant = nearestName(name, ['list', ...catalogue.map((one) => one.name)])
  throw new UsageError(`There is no experiment "${name}".${meant === undefined ? '' : ` Did you mean "${meant}"?`}`)
}

function partsOf({ name, parts = [] }: Experiment, words: readonly string[]): readonly string[] {
  const [unknown] = words.filter((word) => !parts.includes(word))
  if (unknown === undefined) return words
  if (parts.length === 0) throw new UsageError('One experiment at a time, please.')
  const meant = nearestName(unknown, parts)
  throw new UsageError(`${name} has no part "${unknown}".${meant === undefined ? '' : ` Did you mean "${meant}"?`}`)
}

function secondsOf(
  { seconds, minutes }: { seconds?: string | undefined, minutes?: string | undefined }, otherwise: number, max: number,
): number {
  if (minutes === undefined) return numberOf('seconds', seconds, otherwise, { min: 0.5, max })
  if (seconds !== undefined) throw new UsageError('Either --seconds or --minutes.')
  return 60 * numberOf('minutes', minutes, otherwise / 60, { min: 0.1, max: max / 60 })
}

function numberOf(
  option: string, given: string | undefined, otherwise: number, range: { min: number, max: number },
): number {
  if (given === undefined) return otherwise
  if (otherwise === 0) throw new UsageError(`This experiment does not take --${option}.`)
  const value = Number(given)
  if (given.trim() !== '' && value >= range.min && value <= range.max) {
    if (option !== 'rounds' || Number.isInteger(value)) return value
  }
  throw new UsageError(`--${option} must be a number from ${range.min} to ${range.max}, got "${given}".`)
}
