// HOT PATH — runs for every answer. Rules: docs/decisions/0004.
// What share of answers came within which time, of the last one to two thousand: logarithmic buckets of 5 %, in two
// generations so that the past is forgotten by counts and never by a clock. Percentiles of a route for hedges, for the
// question whether a cut was late, and for slow endpoints.

/** Buckets grow by this factor: the error of a percentile is half of it. */
const growth = 1.05
const logGrowth = Math.log(growth)
/** Upper edge of the first bucket, ms. */
const firstMs = 0.05
const buckets = 360
const generation = 1000

export class LatencyQuantile {
  #young = new Uint32Array(buckets)
  #old = new Uint32Array(buckets)
  #youngCount = 0
  #oldCount = 0
  /** Answers until the next percentile is worth computing anew. */
  #fresh = 0
  readonly #known = new Map<number, number>()

  /** How many answers the percentiles are made of. */
  get count(): number {
    return this.#youngCount + this.#oldCount
  }

  add(ms: number): void {
    const at = ms <= firstMs ? 0 : Math.min(buckets - 1, Math.ceil(Math.log(ms / firstMs) / logGrowth))
    this.#young[at] = (this.#young[at] as number) + 1
    this.#youngCount++
    if (++this.#fresh >= 32) this.#forgetKnown()
    if (this.#youngCount < generation) return
    const old = this.#old
    this.#old = this.#young
    this.#young = old.fill(0)
    this.#oldCount = this.#youngCount
    this.#youngCount = 0
  }

  /** The time within which `part` (0 to 1) of the answers came, ms; Infinity with fewer than `least` answers. */
  at(part: number, least = 20): number {
    if (this.count < least) return Infinity
    const known = this.#known.get(part)
    if (known !== undefined) return known
    const wanted = part * this.count
    let seen = 0
    let at = 0
    for (; at < buckets - 1; at++) {
      seen += (this.#young[at] as number) + (this.#old[at] as number)
      if (seen >= wanted) break
    }
    const ms = firstMs * growth ** at
    this.#known.set(part, ms)
    return ms
  }

  #forgetKnown(): void {
    this.#fresh = 0
    this.#known.clear()
  }
}
