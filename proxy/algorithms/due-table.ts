// HOT PATH — runs for every request of a route with rate limits. Rules: docs/decisions/0004.
// When each of very many keys is due, in memory that never grows: a table of fixed size, eight places to a bucket, a
// key known only by a seeded hash of 64 bits. A key that is due is as good as absent, so its place is free; where a
// bucket is full of others, the one that is due soonest goes, which forgives it the least.

const places = 8
const none = 0

export class DueTable {
  readonly #buckets: number
  readonly #high: Uint32Array
  readonly #low: Uint32Array
  readonly #due: Float64Array
  readonly #seed: number
  #evictions = 0

  /** At least `maxKeys` places; `seed` (32 bits) is secret, so that nobody can aim at a bucket. */
  constructor(maxKeys: number, seed: number) {
    this.#buckets = 2 ** Math.max(0, Math.ceil(Math.log2(maxKeys / places)))
    const size = this.#buckets * places
    // Fresh pages of the kernel: what no key has touched takes no memory.
    this.#high = new Uint32Array(size)
    this.#low = new Uint32Array(size)
    this.#due = new Float64Array(size)
    this.#seed = seed | 0
  }

  /** Keys that it can hold. */
  get capacity(): number {
    return this.#buckets * places
  }

  /** Keys that lost their place before they were due. */
  get evictions(): number {
    return this.#evictions
  }

  /** The place of this key, for `due` and `set` in the same turn. */
  find(key: string, now: number): number {
    let high = 0xdeadbeef ^ this.#seed
    let low = 0x41c6ce57 ^ this.#seed
    for (let i = 0; i < key.length; i++) {
      const code = key.charCodeAt(i)
      high = Math.imul(high ^ code, 2654435761)
      low = Math.imul(low ^ code, 1597334677)
    }
    high = (Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)) >>> 0
    low = (Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)) >>> 0
    return this.#place(high === none ? 1 : high, low, now)
  }

  /** When the key at that place is due, clock ms; -Infinity: at any time. */
  due(place: number): number {
    return this.#due[place] as number
  }

  set(place: number, dueAt: number): void {
    this.#due[place] = dueAt
  }

  #place(high: number, low: number, now: number): number {
    const first = (low & (this.#buckets - 1)) * places
    let free = first
    let soonest = Infinity
    for (let at = first; at < first + places; at++) {
      const isEmpty = this.#high[at] === none
      if (!isEmpty && this.#high[at] === high && this.#low[at] === low) return at
      const due = isEmpty ? -Infinity : this.#due[at] as number
      if (due < soonest) {
        soonest = due
        free = at
      }
    }
    if (soonest > now) this.#evictions++
    this.#high[free] = high
    this.#low[free] = low
    this.#due[free] = -Infinity
    return free
  }
}
