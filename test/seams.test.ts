// The tables of docs/overload-seams.md against the tests: a seam that names no test that is there shows nothing.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { root } from './support/seawall.ts'

const page = readFileSync(join(root, 'docs/overload-seams.md'), 'utf8')
const rows = [...page.matchAll(/^\| ([SA]\d+) \| .+ \| (.+) \|$/gm)].map(([, id = '', tests = '']) => ({ id, tests }))

test('every seam and every promise has a row', async (t) => {
  const last: Readonly<Record<string, number>> = { S: 40, A: 16 }
  for (const [letter, count] of Object.entries(last)) {
    const wanted = Array.from({ length: count }, (_, i) => `${letter}${i + 1}`)
    t.strictSame(rows.map(({ id }) => id).filter((id) => id.startsWith(letter)), wanted)
  }
})

test('every test that a row names is there', async (t) => {
  for (const { id, tests } of rows) {
    const named = tests.split('<br>').flatMap((part) => {
      const [file = '', ...names] = part.split(/: “|”; “|”$/)
      return names.filter((name) => name !== '').map((name) => ({ file, name }))
    })
    t.ok(named.length > 0, `${id} names a test`)
    for (const { file, name } of named) {
      const text = readFileSync(join(root, file), 'utf8').replaceAll('\\\'', '\'')
      t.ok(text.includes(`'${name}'`) || text.includes(`\`${name}\``), `${id}: ${file} has "${name}"`)
    }
  }
})
