// Tables of docs/ whose rows name tests, as `FILE: “name”; “name”`, files apart by a line break: what they name, and
// whether it is there. A row that names no test that is there promises nothing.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { root } from './seawall.ts'

export interface NamedTest { readonly id: string; readonly file: string; readonly name: string }

export class NamedTests {
  readonly #rows: readonly { readonly id: string; readonly tests: string }[]

  /** `row` has the name of a row and its last cell as groups. */
  constructor(page: string, row: RegExp) {
    const text = readFileSync(join(root, page), 'utf8')
    this.#rows = [...text.matchAll(row)].map(([, id = '', tests = '']) => ({ id, tests }))
  }

  /** Every row is there, in order: of each letter so many, from one on. */
  areWhole(t: Test, counts: Readonly<Record<string, number>>): void {
    for (const [letter, count] of Object.entries(counts)) {
      const wanted = Array.from({ length: count }, (_, i) => `${letter}${i + 1}`)
      t.strictSame(this.#rows.map(({ id }) => id).filter((id) => id.startsWith(letter)), wanted)
    }
  }

  /** Every test that is named is in its file; returns them. */
  areThere(t: Test): readonly NamedTest[] {
    return this.#rows.flatMap(({ id, tests }) => {
      const named = tests.split('<br>').flatMap((part) => {
        const [file = '', ...names] = part.split(/: “|”; “|”$/)
        return names.filter((name) => name !== '').map((name) => ({ id, file, name }))
      })
      t.ok(named.length > 0, `${id} names a test`)
      for (const { file, name } of named) {
        const text = readFileSync(join(root, file), 'utf8').replaceAll('\\\'', '\'')
        t.ok(text.includes(`'${name}'`) || text.includes(`\`${name}\``), `${id}: ${file} has "${name}"`)
      }
      return named
    })
  }
}
