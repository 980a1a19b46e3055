// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// Counters as one flat array: a row for a name of the configuration, a column for every combination of closed labels.
// Counting is one addition and allocates nothing; names are only put together when somebody scrapes.

import type { LabelSet } from './label-sets.ts'

export class CounterTable {
  readonly #sets: readonly LabelSet[]
  readonly #width: number
  #counts: Float64Array

  constructor(sets: readonly LabelSet[]) {
    this.#sets = sets
    this.#width = sets.reduce((product, set) => product * set.values.length, 1)
    this.#counts = new Float64Array(this.#width)
  }

  /** Makes room for `rows` rows; not for the hot path. */
  reserve(rows: number): void {
    const needed = rows * this.#width
    if (needed <= this.#counts.length) return
    // Half as much again: doubling would hold megabytes of zeros where routes are many.
    const grown = new Float64Array(Math.max(needed, Math.ceil(this.#counts.length * 1.5)))
    grown.set(this.#counts)
    this.#counts = grown
  }

  /** Adds one; `column` comes from the same label sets, first set first: `(a * B + b) * C + c`. */
  add(row: number, column: number): void {
    const at = row * this.#width + column
    this.#counts[at] = (this.#counts[at] as number) + 1
  }

  /** Visits every slot that was counted in, with its labels. `always`: the column that is shown though it is zero. */
  each(rows: number, visit: (row: number, labels: Record<string, string>, count: number) => void, always = -1): void {
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < this.#width; column += 1) {
        const count = this.#counts[row * this.#width + column] as number
        if (count > 0 || column === always) visit(row, this.#labels(column), count)
      }
    }
  }

  #labels(column: number): Record<string, string> {
    const labels: Record<string, string> = {}
    let below = this.#width
    for (const { name, values } of this.#sets) {
      below /= values.length
      labels[name] = values[Math.floor(column / below) % values.length] as string
    }
    return labels
  }
}
