// The table of docs/conformance.md against the tests: a row that names no test that is there promises nothing.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { root } from '../support/seawall.ts'

const page = readFileSync(join(root, 'docs/conformance.md'), 'utf8')
const rows = [...page.matchAll(/^\| ([PFHIOCXS]\d+) \| [^|]+ \| (.+) \|$/gm)]
  .map(([, id = '', tests = '']) => ({ id, tests }))

test('every row of the table is there', async (t) => {
  const last: Readonly<Record<string, number>> = { P: 12, F: 14, H: 10, I: 6, O: 7, C: 11, X: 25 }
  for (const [letter, count] of Object.entries(last)) {
    const wanted = Array.from({ length: count }, (_, i) => `${letter}${i + 1}`)
    t.strictSame(rows.map(({ id }) => id).filter((id) => id.startsWith(letter)), wanted)
  }
})

test('every test that a row names is there, and here it begins with the name of the row', async (t) => {
  for (const { id, tests } of rows) {
    const named = tests.split('<br>').flatMap((part) => {
      const [file = '', ...names] = part.split(/: “|”; “|”$/)
      return names.filter((name) => name !== '').map((name) => ({ file, name }))
    })
    t.ok(named.length > 0, `${id} names a test`)
    for (const { file, name } of named) {
      const text = readFileSync(join(root, file), 'utf8').replaceAll('\\\'', '\'')
      t.ok(text.includes(`test('${name}'`) || text.includes(`test(\`${name}\``), `${id}: ${file} has "${name}"`)
      if (!file.startsWith('test/conformance/')) continue
      t.ok(name.split(' ').includes(id), `"${name}" says that it is for ${id}`)
    }
  }
})
