// What a run of scenarios leaves behind: one JSON with every scenario's latest figures (a scenario that was not run
// keeps its own), the tables as a page, and a picture a scenario. A short run leaves them in a folder of its own,
// because it may not replace what a real one found.
import { readFileSync } from 'node:fs'
import type { Findings } from '../experiment.ts'
import { machine } from '../ground.ts'
import { renderSheet } from '../svg.ts'
import { renderTable } from '../table.ts'
import type { Scenario, Settings } from './scenario.ts'

interface Kept {
  readonly taken: string
  readonly machine: Readonly<Record<string, string | number>>
  readonly settings: Settings
  readonly summary: string
  readonly tables: readonly string[]
  readonly notes: readonly string[]
  readonly checks: Findings['checks']
  readonly data: unknown
}

type Book = Readonly<Record<string, Kept>>

export interface Ran {
  readonly scenario: Scenario
  readonly findings: Findings
}

/** Contents by file name, relative to the folder of results. `order` is that of the page. */
export function scenarioFiles(
  experiment: string, ran: readonly Ran[], settings: Settings, order: readonly string[],
): Readonly<Record<string, string>> {
  const folder = settings.isShort ? 'short/' : ''
  const fresh = ran.map(({ scenario, findings }) => [scenario.name, entryOf(scenario, findings, settings)] as const)
  const all: Book = { ...bookIn(`../results/${folder}${experiment}.json`), ...Object.fromEntries(fresh) }
  const book = Object.fromEntries(order.flatMap((name) => all[name] === undefined ? [] : [[name, all[name]] as const]))
  const pictures = ran.filter(({ findings }) => findings.panels.length > 0).map(({ scenario, findings }) => [
    `${folder}${experiment}-${scenario.name}.svg`,
    renderSheet({
      title: `${experiment}: ${scenario.name}`, subtitle: scenario.summary, panels: findings.panels,
      notes: [...findings.notes, `Machine: ${machine().cpu}, Node ${machine().node}.`],
    }),
  ])
  return {
    [`${folder}${experiment}.json`]: renderBook(book),
    [`${folder}${experiment}.md`]: renderPage(book, experiment),
    ...Object.fromEntries(pictures),
  }
}

function entryOf(scenario: Scenario, findings: Findings, settings: Settings): Kept {
  const { tables, notes, checks, data } = findings
  return {
    taken: new Date().toISOString(), machine: machine(), settings, summary: scenario.summary,
    tables: tables.map(renderTable), notes, checks, data,
  }
}

function bookIn(path: string): Book {
  try {
    return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Book
  } catch {
    // The first run, or a file nobody can read any more: both begin a new book.
    return {}
  }
}

// One line a scenario: thousands of numbers, one below the other, would only make differences unreadable.
function renderBook(book: Book): string {
  const lines = Object.entries(book).map(([name, kept]) => `${JSON.stringify(name)}: ${JSON.stringify(kept)}`)
  return `{\n${lines.join(',\n')}\n}\n`
}

export function renderPage(book: Book, experiment: string): string {
  const sections = Object.entries(book).map(([name, { summary, taken, machine: on, tables, notes, checks }]) => [
    `## ${name}`,
    `${summary}.`,
    ...tables.map((table) => `\`\`\`text\n${table}\n\`\`\``),
    checks.map(({ claim, holds }) => `- ${holds ? 'holds' : '**fails**'}: ${claim}`).join('\n'),
    notes.map((note) => `- ${note}`).join('\n'),
    `Taken ${taken} on ${on.cpu}, ${on.cores} cores, Linux ${on.kernel}, Node ${on.node}.`,
  ].filter((part) => part !== '').join('\n\n'))
  const title = `${experiment.slice(0, 1).toUpperCase()}${experiment.slice(1)}`
  const opening = `# ${title}\n\nWritten by \`npm run bench -- ${experiment}\`; figures of every round are in the ` +
    'JSON file beside this page, and each scenario has its picture.'
  return `${[opening, ...sections].join('\n\n')}\n`
}
