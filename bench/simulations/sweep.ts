// Whether the constants of the limit and its line stand on a plateau: each of them 0.7 and 1.3 times what it is, one at
// a time, scored in processes of their own, two at once. Takes half an hour.
// Run: node bench/simulations/sweep.ts [seeds] [part of a constant's name]

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { constantsOf } from './constants.ts'
import type { Constant } from './constants.ts'
import { meanOf } from './criteria.ts'
import type { Board, Score } from './score-board.ts'

const files = ['probing-law', 'accepted-wait', 'limited-admission', 'drain-rate']
  .map((name) => `proxy/algorithms/${name}.ts`)
const factors = [0.7, 1.3]
const workers = 2
const command = fileURLToPath(new URL('score.ts', import.meta.url))

const [seeds = '2', part = ''] = process.argv.slice(2)

interface Trial { readonly name: string; readonly options: readonly string[] }

function score(options: readonly string[]): Promise<Board> {
  const words = [command, seeds, '--json', ...options]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => { text += String(chunk) })
  return new Promise((resolve, reject) => {
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(text) as Board)
      else reject(new Error(`a worker ended with ${code}: ${options.join(' ')}`))
    })
  })
}

const meanScore = (scores: readonly Score[]): number => meanOf(scores.map((one) => one.score))
const leastScore = (scores: readonly Score[]): number => Math.min(...scores.map((one) => one.score))

function print(cells: readonly string[]): void {
  process.stdout.write(`${cells.map((cell, i) => i === 0 ? cell.padEnd(34) : cell.padStart(10)).join('')}\n`)
}

/** Changes against the board of the constants as they are, in points of a hundred. */
function show(name: string, board: Board, base: Board): void {
  const points = (is: number, was: number): string => (100 * (is - was)).toFixed(1)
  const worst = board.scores.reduce((a, b, i) => {
    const loss = b.score - (base.scores[i] as Score).score
    return loss < a.loss ? { loss, name: b.name } : a
  }, { loss: 0, name: '' })
  print([
    name, points(board.objective, base.objective), points(meanScore(board.scores), meanScore(base.scores)),
    points(leastScore(board.scores), leastScore(base.scores)),
    points(meanScore(board.heldOut), meanScore(base.heldOut)), `   ${(100 * worst.loss).toFixed(0)} ${worst.name}`,
  ])
}

function trialOf({ file, name, value }: Constant, factor: number): Trial {
  const other = Number((factor * value).toPrecision(6))
  return { name: `${name} ${value} -> ${other}`, options: [`--change=${file}:${name}=${other}`] }
}

const base = await score([])
process.stdout.write(`objective ${base.objective.toFixed(4)}, mean ${meanScore(base.scores).toFixed(4)}, `
  + `least ${leastScore(base.scores).toFixed(4)}, held out ${meanScore(base.heldOut).toFixed(4)}\n\n`)
print(['points of a hundred', 'objective', 'mean', 'least', 'held out', '   worst'])
const trials = [
  // The same constants with other seeds: what chance alone does.
  ...[1, 2].map((i): Trial => ({ name: `other seeds ${i}`, options: [`--first=${i * Number(seeds) + 1}`] })),
  ...files.flatMap(constantsOf).filter(({ name }) => name.includes(part))
    .flatMap((constant) => factors.map((factor) => trialOf(constant, factor))),
]
const left = trials.values()
await Promise.all(Array.from({ length: workers }, async () => {
  for (const { name, options } of left) show(name, await score(options), base)
}))
