// State that outlives a configuration, by key: admissions, readiness, connections. A reload compiles new plans over the
// same parts, so that permits in flight survive a changed number.

export class Parts {
  readonly #parts = new Map<string, unknown>()

  /** The part of that key; `make` runs when there is none yet. A key always names one type. */
  part<T>(key: string, make: () => T): T {
    const known = this.#parts.get(key)
    if (known !== undefined) return known as T
    const made = make()
    this.#parts.set(key, made)
    return made
  }

  /** Every part whose key starts with `prefix`, with the rest of its key. */
  *named<T>(prefix: string): Iterable<[string, T]> {
    for (const [key, part] of this.#parts) if (key.startsWith(prefix)) yield [key.slice(prefix.length), part as T]
  }
}
