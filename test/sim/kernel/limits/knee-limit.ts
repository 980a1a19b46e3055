// A gradient law whose direction is gated by how throughput answers to concurrency: the first design of the learned
// limit, kept as the arm to beat. Windows, baseline, elasticity and probes as designed; none of its constants is tuned.

import { Brake } from '../../../../proxy/algorithms/limit-brake.ts'
import { LimitWindow } from '../../../../proxy/algorithms/limit-window.ts'
import type { Limit, LimitBounds, LimitLesson } from '../../../../proxy/algorithms/limit.ts'

const tolerance = 0.2
const history = 30

/** Fifth part of the values of the last minute, each weighing half as much after it. */
class Baseline {
  readonly #values: { ms: number; at: number }[] = []

  learn(ms: number, now: number): void {
    this.#values.push({ ms, at: now })
    while (this.#values.length > 400 || (this.#values[0] as { at: number }).at < now - 60_000) this.#values.shift()
  }

  get ms(): number {
    if (this.#values.length === 0) return 0
    const sorted = this.#values.map(({ ms }) => ms).sort((a, b) => a - b)
    return sorted[Math.floor(0.2 * sorted.length)] as number
  }

  forget(): void { this.#values.length = 0 }
}

/** Slope of ln throughput on ln in flight over the last windows; null while too little has varied. */
class Elasticity {
  readonly #points: { x: number; y: number }[] = []

  learn(inFlight: number, throughput: number): void {
    this.#points.push({ x: Math.log(inFlight), y: Math.log(throughput) })
    if (this.#points.length > history) this.#points.shift()
  }

  get value(): number | null {
    let sum = 0
    let sx = 0
    let sy = 0
    let sxx = 0
    let sxy = 0
    let weight = 1
    for (let i = this.#points.length - 1; i >= 0; i--) {
      const { x, y } = this.#points[i] as { x: number; y: number }
      sum += weight
      sx += weight * x
      sy += weight * y
      sxx += weight * x * x
      sxy += weight * x * y
      weight *= 2 ** (-1 / 8)
    }
    const variance = sxx / sum - (sx / sum) ** 2
    if (this.#points.length < 3 || variance < 1e-4) return null
    return Math.min(1, Math.max(0, (sxy / sum - sx * sy / sum ** 2) / variance))
  }

  forget(): void { this.#points.length = 0 }
}

export class KneeLimit implements Limit {
  limit: number
  readonly #bounds: LimitBounds
  readonly #window = new LimitWindow()
  readonly #brake = new Brake()
  readonly #baseline = new Baseline()
  readonly #elasticity = new Elasticity()
  #isStarting = true
  #lastInFlight = 0
  #lastThroughput = 0
  #bindingWindows = 0
  #probe: 'none' | 'up' | 'down' = 'none'
  #kept = 0
  #atFloor = 0
  #peak = 0

  constructor(bounds: LimitBounds) {
    this.#bounds = bounds
    this.limit = bounds.initial
  }

  get baselineMs(): number { return this.#baseline.ms }

  observe(inFlight: number, isBinding: boolean, now: number): void { this.#window.observe(inFlight, isBinding, now) }

  learn(lesson: LimitLesson, latencyMs: number, now: number): void {
    this.#window.learn(lesson, latencyMs, now)
    const windowMs = Math.min(1000, Math.max(50, 8 * this.baselineMs))
    const { elapsedMs, endings } = this.#window
    if ((elapsedMs < windowMs || endings < 8) && elapsedMs < 4 * windowMs) return
    this.#close(now)
    this.#window.open(now)
  }

  #close(now: number): void {
    const window = this.#window
    const { meanMs, throughput, meanInFlight, bindingRatio } = window
    this.#peak = Math.max(window.peak, 0.99 * this.#peak)
    const braked = this.#brake.decide(window, this.limit)
    if (braked !== 0) {
      this.#elasticity.forget()
      return this.#set(braked)
    }
    if (bindingRatio < 0.5 || this.#probe === 'down') {
      if (meanMs !== Infinity) this.#baseline.learn(meanMs, now)
    } else if (throughput > 0 && meanInFlight > 0) this.#elasticity.learn(meanInFlight, throughput)
    if (bindingRatio < 0.5) return this.#set(Math.min(this.limit, Math.max(this.#bounds.initial, 4 * this.#peak)))
    if (this.#probes()) return
    this.#follow(meanMs, throughput, meanInFlight)
    this.#escape()
  }

  /** Every eight binding windows one window above and one below. */
  #probes(): boolean {
    if (this.#probe === 'up') {
      this.#probe = 'down'
      this.#set(0.75 * this.#kept)
      return true
    }
    if (this.#probe === 'down') {
      this.#probe = 'none'
      this.#set(this.#kept)
      return true
    }
    if (++this.#bindingWindows % 8 !== 0) return false
    this.#probe = 'up'
    this.#kept = this.limit
    this.#set(this.limit + Math.max(1, 0.1 * this.limit))
    return true
  }

  #follow(meanMs: number, throughput: number, inFlight: number): void {
    const elasticity = this.#elasticity.value
    if (elasticity === null || this.#isStarting) {
      const rise = this.#lastThroughput > 0 ? throughput / this.#lastThroughput - 1 : 1
      const wider = this.#lastInFlight > 0 ? inFlight / this.#lastInFlight - 1 : 1
      this.#lastThroughput = throughput
      const last = this.#lastInFlight
      this.#lastInFlight = inFlight
      if (rise > 0.5 * wider) return this.#set(1.5 * this.limit)
      this.#isStarting = false
      return this.#set(Math.max(last, 1))
    }
    if (elasticity >= 0.7) return this.#set(1.25 * this.limit)
    const base = this.baselineMs > 0 ? this.baselineMs : meanMs
    const gradient = Math.min(1, Math.max(0.6, (1 + tolerance) * base / meanMs))
    const queue = inFlight * (1 - base / meanMs)
    const room = elasticity >= 0.25 || queue < Math.max(1, 0.25 * Math.sqrt(this.limit)) ? Math.sqrt(this.limit) : 0
    this.#set(this.limit * gradient + 0.5 * room)
  }

  #escape(): void {
    this.#atFloor = this.limit <= this.#bounds.min ? this.#atFloor + 1 : 0
    if (this.#atFloor < 5) return
    this.#atFloor = 0
    this.#baseline.forget()
    this.#elasticity.forget()
    this.#isStarting = true
    this.#lastInFlight = 0
    this.#lastThroughput = 0
  }

  #set(limit: number): void {
    this.limit = Math.min(this.#bounds.max, Math.max(this.#bounds.min, limit))
  }
}
