// Rows for names of the configuration (routes, upstreams, pairs of both): a name keeps its row for the life of the
// process, so that a reload which reorders or adds routes never makes a counter fall. It forgets no name, and has a
// bound.

/** Past this many names everything counts under `_other`: endless reloads must not become endless series. */
const maxNames = 4096

export class NameSlots {
  readonly #slots = new Map<string, number>()
  readonly #labels: Readonly<Record<string, string>>[] = []
  readonly #overflow: Readonly<Record<string, string>>
  readonly #grown: (rows: number) => void

  /** `overflow`: labels of the row for what no longer fits. `grown` is told how many rows there are, each time. */
  constructor(overflow: Readonly<Record<string, string>>, grown: (rows: number) => void) {
    this.#overflow = overflow
    this.#grown = grown
  }

  /** The row of these labels; `key` must be one text for one set of labels. */
  slot(key: string, labels: Readonly<Record<string, string>>): number {
    const known = this.#slots.get(key)
    if (known !== undefined) return known
    if (this.#labels.length >= maxNames) return this.#overflowSlot()
    return this.#add(key, labels)
  }

  labels(row: number): Readonly<Record<string, string>> {
    return this.#labels[row] ?? this.#overflow
  }

  get rows(): number {
    return this.#labels.length
  }

  #overflowSlot(): number {
    return this.#slots.get(overflowKey) ?? this.#add(overflowKey, this.#overflow)
  }

  #add(key: string, labels: Readonly<Record<string, string>>): number {
    const row = this.#labels.push(labels) - 1
    this.#slots.set(key, row)
    this.#grown(this.#labels.length)
    return row
  }
}

/** No name in a configuration contains a NUL. */
const overflowKey = '\0other'
