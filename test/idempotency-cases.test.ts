// The table of cases in docs/ and the tests that name them, held together.

import { existsSync, readFileSync } from 'node:fs'
import { test } from 'tap'

const table = readFileSync(new URL('../docs/idempotency-cases.md', import.meta.url), 'utf8')
const cases = 53

test('every case has a test that says its number, in each file the table names', async (t) => {
  const rows = [...table.matchAll(/^\| (S?\d+) \|.*\| (.*) \|$/gm)]
    .map(([, name = '', tests = '']) => ({ name, tests }))
  const expected = [...Array.from({ length: cases }, (_, i) => String(i + 1)), 'S9', 'S10', 'S11']
  t.strictSame(rows.map(({ name }) => name), expected)
  for (const { name, tests } of rows) {
    const files = [...tests.matchAll(/\]\(\.\.\/([^)]+)\)/g)].map(([, file = '']) => file)
    t.ok(files.length > 0, `${name} has a test`)
    const [first] = files
    for (const file of files) {
      const url = new URL(`../${file}`, import.meta.url)
      t.ok(existsSync(url), file)
      // What goes with a seam has its number in the first file only.
      if (name.startsWith('S') && file !== first) continue
      const label = name.startsWith('S') ? `\\b${name}` : `(?:case|case \\d+ and) ${name}`
      t.match(readFileSync(url, 'utf8'), new RegExp(`['\`][^'\`\\n]*${label}\\b[^'\`\\n]*['\`]`), `${name} in ${file}`)
    }
  }
})

test('every threat is numbered, and each file that stands against it is there', async (t) => {
  const rows = [...table.matchAll(/^\| T(\d+) \|.*\| (.*) \|$/gm)]
  t.strictSame(rows.map(([, number]) => Number(number)), Array.from({ length: 12 }, (_, i) => i + 1))
  for (const [, number, tests = ''] of rows) {
    const files = [...tests.matchAll(/\]\(\.\.\/([^)]+)\)/g)].map(([, file = '']) => file)
    t.ok(files.length > 0, `T${number} has a test`)
    for (const file of files) t.ok(existsSync(new URL(`../${file}`, import.meta.url)), file)
  }
})
