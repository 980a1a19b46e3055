// The tables of docs/overload-seams.md against the tests.

import { test } from 'tap'
import { NamedTests } from './support/named-tests.ts'

const table = new NamedTests('docs/overload-seams.md', /^\| ([SA]\d+) \| .+ \| (.+) \|$/gm)

test('every seam and every promise has a row', async (t) => { table.areWhole(t, { S: 40, A: 16 }) })

test('every test that a row names is there', async (t) => { table.areThere(t) })
