// Where the findings of a run go.
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import { baseName } from './results.ts'

test('what a short run or some parts found does not replace what a whole run did', async (t) => {
  const whole = { seconds: 1, rounds: 3, rate: 0, parts: [], isShort: false }
  t.equal(baseName('keyed', whole), 'keyed')
  t.equal(baseName('keyed', { ...whole, parts: ['none', 'lmdb'] }), 'keyed-none-lmdb')
  t.equal(baseName('keyed', { ...whole, isShort: true }), 'short/keyed')
})

test('every picture that is kept shows something', async (t) => {
  const folder = new URL('results/', import.meta.url)
  const pictures = readdirSync(folder).filter((name) => name.endsWith('.svg'))
  t.ok(pictures.length > 10)
  for (const name of pictures) t.match(readFileSync(new URL(name, folder), 'utf8'), /<circle |<polyline /, name)
})
