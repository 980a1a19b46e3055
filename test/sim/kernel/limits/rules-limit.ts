// Ordered rules over the estimated queue and the correlations of concurrency with throughput and latency, after the
// best published rule set, with three repairs: steps in proportion, measured throughput, and a baseline frozen while
// the limit binds. An arm of experiments.

import { LimitWindow } from '../../../../proxy/algorithms/limit-window.ts'
import type { Limit, LimitBounds, LimitLesson } from '../../../../proxy/algorithms/limit.ts'

const history = 50

export class RulesLimit implements Limit {
  limit: number
  baselineMs = 0
  readonly #bounds: LimitBounds
  readonly #window = new LimitWindow()
  readonly #inFlight: number[] = []
  readonly #throughput: number[] = []
  readonly #times: number[] = []
  #latencies: number[] = []
  #medians: number[] = []
  #recentMs = 0

  constructor(bounds: LimitBounds) {
    this.#bounds = { ...bounds, initial: bounds.initial }
    this.limit = bounds.initial
  }

  observe(inFlight: number, isBinding: boolean, now: number): void { this.#window.observe(inFlight, isBinding, now) }

  learn(lesson: LimitLesson, latencyMs: number, now: number): void {
    this.#window.learn(lesson, latencyMs, now)
    if (lesson.sample !== 'no') this.#latencies.push(latencyMs)
    if (this.#window.elapsedMs < 1000 || this.#latencies.length < 50) return
    this.#close()
    this.#latencies = []
    this.#window.open(now)
  }

  #close(): void {
    const sorted = this.#latencies.sort((a, b) => a - b)
    this.#medians.push(sorted[Math.floor(0.9 * sorted.length)] as number)
    if (this.#medians.length > 5) this.#medians.shift()
    const median = this.#medians.toSorted((a, b) => a - b)[Math.floor(this.#medians.length / 2)] as number
    this.#recentMs += this.#recentMs === 0 ? median : (median - this.#recentMs) / 3
    const { bindingRatio, meanInFlight, throughput } = this.#window
    if (this.baselineMs === 0) this.baselineMs = this.#recentMs
    else if (bindingRatio < 0.5) this.baselineMs += 0.18 * (this.#recentMs - this.baselineMs)
    push(this.#inFlight, meanInFlight)
    push(this.#throughput, throughput)
    push(this.#times, this.#recentMs)
    this.#decide(bindingRatio >= 0.5)
  }

  #decide(isFull: boolean): void {
    const tens = Math.max(1, Math.floor(Math.log10(this.limit)))
    const queue = Math.ceil(this.limit * (1 - this.baselineMs / this.#recentMs))
    const withThroughput = correlation(this.#inFlight, this.#throughput)
    const withTime = correlation(this.#inFlight, this.#times)
    const step = Math.max(1, 0.1 * this.limit)
    if (queue > 6 * tens) return this.#set(this.limit - step)
    if (isFull && withThroughput < 0) return this.#set(this.limit - step)
    if (isFull && withThroughput < 0.3 && withTime > 0.5) return this.#set(this.limit - step)
    if (isFull && variation(this.#throughput) < 0.2 && withTime > 0.5) return this.#set(this.limit - step)
    if (queue < 3 * tens && isFull) this.#set(this.limit + step)
  }

  #set(limit: number): void {
    const cap = Math.max(this.#bounds.initial, 5 * this.#window.peak)
    this.limit = Math.min(this.#bounds.max, cap, Math.max(this.#bounds.min, limit))
  }
}

function push(values: number[], value: number): void {
  values.push(value)
  if (values.length > history) values.shift()
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function variation(values: readonly number[]): number {
  const m = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - m) ** 2))) / m
}

/** 0 while nothing varies. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const ma = mean(a)
  const mb = mean(b)
  const spread = Math.sqrt(mean(a.map((x) => (x - ma) ** 2)) * mean(b.map((y) => (y - mb) ** 2)))
  return spread === 0 ? 0 : mean(a.map((x, i) => (x - ma) * ((b[i] as number) - mb))) / spread
}
