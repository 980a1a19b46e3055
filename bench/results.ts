// Keeps what an experiment found: JSON with every figure and the picture, in results/ beside this file. Overwrites the
// last run of the same experiment; history is the repository's business. A short run, or one of some parts, has files
// of its own: it may not replace what a whole one found.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Experiment, ExperimentOptions, Findings } from './experiment.ts'
import { machine } from './ground.ts'
import { renderSheet } from './svg.ts'

const folder = new URL('results/', import.meta.url)

/** The document that is written and, with --json, printed. */
export function resultDocument(experiment: Experiment, options: ExperimentOptions, findings: Findings): string {
  const { notes, checks, data } = findings
  const taken = new Date().toISOString()
  const document = { experiment: experiment.name, taken, machine: machine(), options, checks, notes, data }
  return `${JSON.stringify(document, null, 2)}\n`
}

/** Returns the names of the files written, relative to the checkout. */
export function keepResults(
  experiment: Experiment, options: ExperimentOptions, document: string, findings: Findings,
): readonly string[] {
  const { cpu, node } = machine()
  const notes = [...findings.notes, `Machine: ${cpu}, Node ${node}.`]
  const { name, summary } = experiment
  const base = baseName(name, options)
  // Without a panel there would be a sheet of words.
  const picture = findings.panels.length === 0 ? {}
    : { [`${base}.svg`]: renderSheet({ title: name, subtitle: summary, panels: findings.panels, notes }) }
  const files = findings.files ?? { [`${base}.json`]: document, ...picture }
  writeResults(files)
  return Object.keys(files).map((file) => `bench/results/${file}`)
}

/** Contents by name, relative to the folder of results. */
export function writeResults(files: Readonly<Record<string, string>>): void {
  for (const [file, content] of Object.entries(files)) {
    const path = fileURLToPath(new URL(file, folder))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
}

/** The name its files have, without the ending. */
export function baseName(experiment: string, { isShort, parts }: ExperimentOptions): string {
  return `${isShort ? 'short/' : ''}${[experiment, ...parts].join('-')}`
}
