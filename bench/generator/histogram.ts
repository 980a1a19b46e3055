// A log-linear histogram of durations in nanoseconds: exact below 512 ns, within 0.4 % above, up to 73 minutes.
// Whole milliseconds, as most load tools keep them, cannot show what a proxy adds. Does not keep single samples.
import type { LatencySummary } from './plan.ts'

/** 2^8 steps an octave: a step is at most 1/256 of its value. */
const stepBits = 8
const steps = 2 ** stepBits
const maxExponent = 42
const slots = (maxExponent - stepBits) * steps + 2 * steps
const largestNs = 2 ** (maxExponent + 1) - 1
const nsPerMs = 1e6

export class Histogram {
  readonly #counts = new Uint32Array(slots)
  #count = 0
  #sumMs = 0
  #minMs = Infinity
  #maxMs = 0

  get count(): number {
    return this.#count
  }

  /** Takes a duration in milliseconds, fractions included; negative ones count as zero. */
  record(durationMs: number): void {
    const valueMs = durationMs > 0 ? durationMs : 0
    const index = slotOf(Math.min(Math.round(valueMs * nsPerMs), largestNs))
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#count++
    this.#sumMs += valueMs
    if (valueMs < this.#minMs) this.#minMs = valueMs
    if (valueMs > this.#maxMs) this.#maxMs = valueMs
  }

  /** Nearest rank: the smallest recorded value that `ratio` (0–1) of all values do not exceed. 0 when empty. */
  percentileMs(ratio: number): number {
    if (this.#count === 0) return 0
    const rank = Math.max(1, Math.ceil(ratio * this.#count))
    if (rank >= this.#count) return this.#maxMs
    let seen = 0
    for (let index = 0; index < slots; index++) {
      seen += this.#counts[index] ?? 0
      if (seen >= rank) return Math.min(Math.max(middleOf(index) / nsPerMs, this.#minMs), this.#maxMs)
    }
    return this.#maxMs
  }

  summary(): LatencySummary {
    const isEmpty = this.#count === 0
    return {
      count: this.#count,
      minMs: isEmpty ? 0 : this.#minMs,
      meanMs: isEmpty ? 0 : this.#sumMs / this.#count,
      p50Ms: this.percentileMs(0.5),
      p90Ms: this.percentileMs(0.9),
      p99Ms: this.percentileMs(0.99),
      p999Ms: this.percentileMs(0.999),
      maxMs: this.#maxMs,
    }
  }
}

// Values below 2 × steps are their own slot; above, each octave adds `steps` slots, and the two ranges join without a
// gap.
function slotOf(valueNs: number): number {
  const exponent = valueNs < 2 ** 32 ? 31 - Math.clz32(valueNs) : 63 - Math.clz32(valueNs / 2 ** 32)
  if (exponent <= stepBits) return valueNs
  const shift = exponent - stepBits
  return shift * steps + Math.floor(valueNs / 2 ** shift)
}

function middleOf(index: number): number {
  if (index < 2 * steps) return index
  const shift = Math.floor(index / steps) - 1
  const width = 2 ** shift
  return (index - shift * steps) * width + (width - 1) / 2
}
