// Scores the learned limit and its line, all shapes at all scales, and prints every run, the worst first.
// Run: node bench/simulations/score.ts [seeds] [--first=SEED] [--change=FILE:NAME=VALUE] [--json]

import { change } from './constants.ts'
import type { Board } from './score-board.ts'

const options = process.argv.slice(2)
const seeds = Number(options.find((option) => !option.startsWith('--')) ?? 2)
const first = Number(options.find((option) => option.startsWith('--first='))?.slice('--first='.length) ?? 1)

for (const option of options) {
  const [, file, name, value] = /^--change=([^:]+):(\w+)=([\d.]+)$/.exec(option) ?? []
  if (file !== undefined && name !== undefined) change({ file, name, value: Number(value) })
}

// Only now: what it loads may have to be changed first.
const { boardOf } = await import('./score-board.ts')
const board = boardOf(Array.from({ length: seeds }, (_, i) => first + i))
process.stdout.write(options.includes('--json') ? `${JSON.stringify(board)}\n` : textOf(board))

function textOf({ scores, heldOut, objective }: Board): string {
  const rows = [...scores.toSorted((a, b) => a.score - b.score), ...heldOut].map((row) => [
    row.name.padEnd(44), row.score.toFixed(3), row.efficiency.toFixed(3), row.slowness.toFixed(2),
    (100 * row.falselyRefused).toFixed(2),
  ].map((cell, i) => i === 0 ? cell : cell.padStart(11)).join(''))
  const head = ['', 'score', 'efficiency', 'p99/target', 'refused %'].map((cell, i) =>
    i === 0 ? cell.padEnd(44) : cell.padStart(11)).join('')
  return `${head}\n${rows.join('\n')}\nobjective ${objective.toFixed(4)}\n`
}
