// Aligned text tables for the terminal. Formats numbers for reading; the JSON beside it keeps them all.
import type { Spread } from './statistics.ts'

export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  /** The first cell of a row is its name; the others align right. */
  readonly rows: readonly (readonly string[])[]
}

export function renderTable({ title, columns, rows }: Table): string {
  const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((row) => row[index]?.length ?? 0)))
  const line = (cells: readonly string[]): string => widths
    .map((width, index) => index === 0 ? (cells[index] ?? '').padEnd(width) : (cells[index] ?? '').padStart(width))
    .join('  ').trimEnd()
  return [title, line(columns), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

/** Three significant digits, without exponents. */
export function short(value: number): string {
  const size = Math.abs(value)
  if (size >= 100 || size === 0) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(size >= 10 ? 1 : 2)
}

/** `median (min–max)`, or a dash for a figure an arm does not have. */
export function spreadCell(spread: Spread | undefined): string {
  return spread === undefined ? '–' : `${short(spread.median)} (${short(spread.min)}–${short(spread.max)})`
}

export function ratioCell(spread: Spread | undefined): string {
  return spread === undefined ? '–' : `${spread.median.toFixed(2)}×`
}
