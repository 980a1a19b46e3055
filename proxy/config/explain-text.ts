// An explanation and a map of timeouts as text for people: aligned columns, no colours, so that it can be pasted.

import type { Explanation } from './explain.ts'
import { formatQuantity } from './quantity.ts'
import type { TimeoutRow } from './timeouts-map.ts'

/** Longer cells are not cut; they only stop pushing the others to the right. */
const widestCell = 68

export function explanationText(explanation: Explanation, file: string): string {
  const { method, path, host, listener, route, index, upstream, mode, modeOrigin, worstCase } = explanation
  const request = `${method} ${path} on listener ${listener}${host === '' ? '' : `, host ${host}`}`
  if (route === null || worstCase === null) {
    return `${request}: no route takes it\nanswer   404 route.none\n`
  }
  const lines = [
    request,
    `route    ${route}, routes[${index}] of ${file}: the first in the file that matches`,
    `upstream ${upstream ?? ''}`,
    `mode     ${mode ?? ''}  ${modeOrigin}`,
  ]
  lines.push('', 'policies, in the order in which they act')
  lines.push(...aligned(explanation.policies.map(({ name, state, origin }) => [name, state, origin])))
  for (const part of ['route', 'upstream', 'listener', 'all'] as const) {
    const rows = explanation.values.filter((value) => value.part === part)
    if (rows.length === 0) continue
    lines.push('', titles[part](explanation))
    lines.push(...aligned(rows.map(({ name, value, origin }) => [name, value, origin])))
  }
  const time = worstCase.timeMs === null ? 'time without bound' : formatQuantity('duration', worstCase.timeMs)
  lines.push('', `worst case: ${worstCase.attempts} attempt${worstCase.attempts === 1 ? '' : 's'}, ${time}`)
  lines.push(...worstCase.because.map((sentence) => `  ${sentence}`))
  return `${lines.join('\n')}\n`
}

const titles = {
  route: ({ route }: Explanation): string => `on route ${route ?? ''}`,
  upstream: ({ upstream }: Explanation): string => `on upstream ${upstream ?? ''}`,
  listener: ({ listener }: Explanation): string => `on listener ${listener}`,
  all: (): string => 'everywhere',
} as const

export function timeoutsText(rows: readonly TimeoutRow[]): string {
  const lines: string[] = []
  let route: string | null | undefined
  // One alignment for all parts: the eye goes down the column of values.
  const table = aligned(rows.map(({ name, value, covers, origin }) => [name, value, covers, origin]))
  rows.forEach((row, i) => {
    if (i > 0 && row.route !== route) lines.push('')
    if (row.route !== route) lines.push(row.route === null ? 'everywhere' : `route ${row.route}`)
    route = row.route
    lines.push(table[i] ?? '')
  })
  return `${lines.join('\n')}\n`
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => {
    const { length } = row[column] ?? ''
    return length > widestCell ? 0 : length
  })))
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
}
