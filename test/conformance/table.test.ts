// The table of docs/conformance.md against the tests.

import { test } from 'tap'
import { NamedTests } from '../support/named-tests.ts'

const table = new NamedTests('docs/conformance.md', /^\| ([PFHIOCXS]\d+) \| [^|]+ \| (.+) \|$/gm)

test('every row of the table is there', async (t) => {
  table.areWhole(t, { P: 12, F: 14, H: 10, I: 6, O: 7, C: 11, X: 25 })
})

test('every test that a row names is there, and here it begins with the name of the row', async (t) => {
  for (const { id, file, name } of table.areThere(t)) {
    if (file.startsWith('test/conformance/')) t.ok(name.split(' ').includes(id), `"${name}" says that it is for ${id}`)
  }
})
