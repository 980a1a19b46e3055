// Faults as people read them in a terminal: one line that an editor's terminal makes a link of, three lines of the text
// with the place underlined, and what to do. Data for machines is the faults themselves.

import type { Fault } from './fault.ts'
import type { Source } from './source.ts'
import { withoutCredentials } from './describe.ts'
import { isSecretKey } from './document.ts'

export interface RenderOptions {
  /** ANSI colours; the caller knows whether it writes to a terminal. */
  readonly colours: boolean
}

/** Columns of text shown of a line; longer lines are cut around the place. */
const widestLine = 100
/** Faults shown; whoever has more begins with these. */
const mostFaults = 50

/** All faults with their frames, and a closing line that counts them. `source` null: there is no text to show. */
export function renderFaults(faults: readonly Fault[], source: Source | null, options: RenderOptions): string {
  const paint = options.colours ? colour : plain
  const shown = faults.slice(0, mostFaults).map((fault) => renderFault(fault, source, paint))
  const errors = faults.filter(({ severity }) => severity === 'error').length
  const warnings = faults.length - errors
  const more = faults.length > mostFaults ? `, the first ${mostFaults} shown` : ''
  return `${shown.join('\n')}\n${count(errors, 'error')}, ${count(warnings, 'warning')}${more}\n`
}

/** `FILE:LINE:COL  code  what, expected, got` alone. */
export function headline(fault: Fault): string {
  const place = fault.line === 0 ? fault.file : `${fault.file}:${fault.line}:${fault.column}`
  const severity = fault.severity === 'warning' ? ' (warning)' : ''
  const expected = fault.expected === null ? '' : `, expected ${fault.expected}`
  const got = fault.got === null ? '' : `, got ${fault.got}`
  return `${place}  ${fault.code}${severity}  ${fault.message}${expected}${got}`
}

type Paint = (style: 'error' | 'warning' | 'place' | 'faint', text: string) => string

const styles = { error: 31, warning: 33, place: 1, faint: 2 } as const

const plain: Paint = (_style, text) => text
const colour: Paint = (style, text) => `\u001B[${styles[style]}m${text}\u001B[0m`

function renderFault(fault: Fault, source: Source | null, paint: Paint): string {
  const [place = '', ...rest] = headline(fault).split('  ')
  const [code = '', ...what] = rest
  const lines = [`${paint('place', place)}  ${paint(fault.severity, code)}  ${what.join('  ')}`]
  if (source !== null && fault.line > 0) lines.push(...frame(fault, source, paint))
  lines.push(`  fix: ${fault.fix}`)
  return `${lines.join('\n')}\n`
}

function frame(fault: Fault, source: Source, paint: Paint): readonly string[] {
  const width = String(fault.line + 1).length
  const start = Math.max(0, fault.column - 1 - widestLine / 2)
  const isLong = source.lineAt(fault.line).length > widestLine
  const lines: string[] = []
  for (let line = Math.max(1, fault.line - 1); line <= Math.min(source.lineCount, fault.line + 1); line++) {
    const text = window(safe(source.lineAt(line)), isLong ? start : 0)
    const isIt = line === fault.line
    const number = String(line).padStart(width)
    lines.push(`${paint('faint', `${isIt ? '>' : ' '} ${number} |`)} ${text}`.trimEnd())
    if (!isIt) continue
    const column = fault.column - 1 - (isLong ? start : 0)
    const length = Math.max(1, Math.min(fault.length, text.length - column))
    // Tabs stay tabs, so that the carets stand under what they mean whatever a tab is wide.
    const indent = text.slice(0, column).replace(/[^\t]/g, ' ').padEnd(column)
    lines.push(`${paint('faint', `${' '.repeat(width + 3)}|`)} ${indent}${paint(fault.severity, '^'.repeat(length))}`)
  }
  return lines
}

function window(text: string, start: number): string {
  return text.length > widestLine || start > 0 ? text.slice(start, start + widestLine) : text
}

const keyAndText = /("(?:[^"\\]|\\.)*")(\s*:\s*")((?:[^"\\]|\\.)*)/g

/** Says where a secret is and shows none of it; a default written into the expression would be one. */
const isReference = /^(\$\{(file:[^}]*|[A-Za-z0-9_]+)\})*$/

/** Control characters of a file must not reach a terminal, nor secrets written in plain a log; columns stay. */
function safe(text: string): string {
  const masked = text.replace(keyAndText, (whole, key: string, colon: string, value: string) =>
    isSecretKey(key) && !isReference.test(value) ? `${key}${colon}${'*'.repeat(value.length)}` : whole)
  return withoutCredentials(masked).replace(/(?!\t)\p{Cc}/gu, '?')
}

function count(number: number, word: string): string { return `${number} ${word}${number === 1 ? '' : 's'}` }
