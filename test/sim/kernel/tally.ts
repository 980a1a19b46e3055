// What a run is judged by: counts by virtual second, or another span, and latencies in bins of 2 %, so that a phase of
// any run can be looked at afterwards without keeping a request.

const binRatio = 1.02
const bins = 1200
const smallestMs = 1e-3

export interface Figures {
  /** Answers within the caller's deadline a second. */
  readonly goodput: number
  /** Arrivals of callers a second, retries included. */
  readonly offered: number
  /** Parts of the arrivals. */
  readonly refusedOnArrival: number
  readonly refusedFromLine: number
  /** Admitted, but answered after the caller had gone. */
  readonly late: number
  /** Of what was answered in time, ms from the arrival. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Longest wait of those refused out of the line, ms. */
  readonly p99LineRefusalMs: number
  readonly meanLimit: number
  readonly minLimit: number
  readonly maxLimit: number
}

class Second {
  arrived = 0
  good = 0
  refused = 0
  droppedFromLine = 0
  late = 0
  limit = 0
  /** By class. */
  readonly arrivedAt = [0, 0, 0]
  readonly goodAt = [0, 0, 0]
  readonly latencies = new Uint32Array(bins)
  readonly lineWaits = new Uint32Array(bins)
}

function binOf(ms: number): number {
  if (ms <= smallestMs) return 0
  return Math.min(bins - 1, Math.ceil(Math.log(ms / smallestMs) / Math.log(binRatio)))
}

export class Tally {
  readonly #seconds: Second[] = []
  readonly #limitOf: () => number

  readonly #spanMs: number

  /** `spanMs`: what is called a second below, for runs on another time scale. */
  constructor(limitOf: () => number, spanMs = 1000) {
    this.#limitOf = limitOf
    this.#spanMs = spanMs
  }

  arrived(level: number, now: number): void {
    const second = this.#at(now)
    second.arrived++
    second.arrivedAt[level] = (second.arrivedAt[level] as number) + 1
  }
  refused(now: number): void { this.#at(now).refused++ }
  late(now: number): void { this.#at(now).late++ }
  good(level: number, latencyMs: number, now: number): void {
    const second = this.#at(now)
    second.good++
    second.goodAt[level] = (second.goodAt[level] as number) + 1
    const bin = binOf(latencyMs)
    second.latencies[bin] = (second.latencies[bin] as number) + 1
  }
  dropped(waitMs: number, now: number): void {
    const second = this.#at(now)
    second.droppedFromLine++
    const bin = binOf(waitMs)
    second.lineWaits[bin] = (second.lineWaits[bin] as number) + 1
  }

  /** The part of one class that was answered in time in the seconds [from, until). */
  servedAt(level: number, fromS: number, untilS: number): number {
    const part = this.#seconds.slice(fromS, untilS)
    const good = part.reduce((sum, second) => sum + (second.goodAt[level] as number), 0)
    return good / part.reduce((sum, second) => sum + (second.arrivedAt[level] as number), 0)
  }

  /** Good answers in each second. */
  goodBySecond(): number[] { return this.#seconds.map((second) => second.good) }
  /** The limit at the first event of each second. */
  limitBySecond(): number[] { return this.#seconds.map((second) => second.limit) }
  refusedBySecond(): number[] { return this.#seconds.map((second) => second.refused + second.droppedFromLine) }

  /** Figures of the seconds [from, until). */
  between(fromS: number, untilS: number): Figures {
    const part = this.#seconds.slice(fromS, untilS)
    const sum = (read: (second: Second) => number): number => part.reduce((total, second) => total + read(second), 0)
    const arrived = sum((second) => second.arrived)
    const limits = part.map((second) => second.limit)
    const seconds = part.length * this.#spanMs / 1000
    return {
      goodput: sum((second) => second.good) / seconds,
      offered: arrived / seconds,
      refusedOnArrival: sum((second) => second.refused) / arrived,
      refusedFromLine: sum((second) => second.droppedFromLine) / arrived,
      late: sum((second) => second.late) / arrived,
      p50Ms: quantile(part.map((second) => second.latencies), 0.5),
      p99Ms: quantile(part.map((second) => second.latencies), 0.99),
      p99LineRefusalMs: quantile(part.map((second) => second.lineWaits), 0.99),
      meanLimit: limits.reduce((a, b) => a + b, 0) / limits.length,
      minLimit: Math.min(...limits),
      maxLimit: Math.max(...limits),
    }
  }

  #at(now: number): Second {
    const index = Math.floor(now / this.#spanMs)
    while (this.#seconds.length <= index) {
      const second = new Second()
      second.limit = this.#limitOf()
      this.#seconds.push(second)
    }
    return this.#seconds[index] as Second
  }
}

function quantile(histograms: readonly Uint32Array[], part: number): number {
  const all = new Float64Array(bins)
  let total = 0
  for (const histogram of histograms) {
    for (let i = 0; i < bins; i++) {
      all[i] = (all[i] as number) + (histogram[i] as number)
      total += histogram[i] as number
    }
  }
  let left = part * total
  for (let i = 0; i < bins; i++) {
    left -= all[i] as number
    if (left <= 0 && total > 0) return smallestMs * binRatio ** i
  }
  return 0
}
