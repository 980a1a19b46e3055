// State that outlives a configuration, by key: admissions, readiness, connections. A reload compiles new plans over the
// same parts, so that permits in flight survive a changed number.

import type { Figures } from '../core/meter.ts'

/** Figures of a part, for status: of an upstream, or of a route where one is named. */
export interface ShownPart {
  readonly name: string
  readonly upstream: string
  readonly route: string | null
  inspect(): Figures
}

/** Key of the latencies of a route at an upstream. */
export function paceKey(upstream: string, route: string): string {
  return `pace:${upstream}/${route}`
}

export class Parts {
  readonly #parts = new Map<string, unknown>()
  readonly #shown = new Map<string, ShownPart>()

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

  /** Shows these figures in the status; the last to name the same place counts. */
  show(part: ShownPart): void {
    this.#shown.set(`${part.name}:${part.upstream}/${part.route ?? ''}`, part)
  }

  shown(): Iterable<ShownPart> {
    return this.#shown.values()
  }
}
