// Laws of published limiters, re-made from their formulas to be measured against: two gradients and an additive one.
// Each closes a window of fixed time, as its original does; they are arms of experiments and nothing else.

import type { Limit, LimitBounds, LimitLesson } from '../../../../proxy/algorithms/limit.ts'
import { LimitWindow } from '../../../../proxy/algorithms/limit-window.ts'

/** A limit that decides when `windowMs` have passed and `fewest` samples were seen. */
abstract class WindowedLimit implements Limit {
  limit: number
  baselineMs = 0
  protected readonly bounds: LimitBounds
  protected readonly window = new LimitWindow()
  readonly #windowMs: number
  protected sumMs = 0
  protected samples = 0
  protected leastMs = Infinity

  constructor(bounds: LimitBounds, windowMs: number) {
    this.bounds = bounds
    this.limit = bounds.initial
    this.#windowMs = windowMs
  }

  observe(inFlight: number, isBinding: boolean, now: number): void { this.window.observe(inFlight, isBinding, now) }

  learn(lesson: LimitLesson, latencyMs: number, now: number): void {
    this.window.learn(lesson, latencyMs, now)
    if (lesson.sample !== 'no') {
      this.sumMs += latencyMs
      this.samples++
      this.leastMs = Math.min(this.leastMs, latencyMs)
    }
    if (this.window.elapsedMs < this.#windowMs || this.samples < 10) return
    this.limit = Math.min(this.bounds.max, Math.max(this.bounds.min, this.decide(this.sumMs / this.samples)))
    this.sumMs = 0
    this.samples = 0
    this.window.open(now)
  }

  protected abstract decide(meanMs: number): number
}

/** Long-term mean over short-term mean, clamped to 0.5 to 1, with a constant queue of 4 (windows of 1 s). */
export class Gradient2Limit extends WindowedLimit {
  #longMs = 0

  constructor(bounds: LimitBounds) {
    super({ min: 20, max: 200, initial: Math.max(20, bounds.initial) }, 1000)
  }

  protected decide(meanMs: number): number {
    this.#longMs += this.#longMs === 0 ? meanMs : (meanMs - this.#longMs) / 300
    if (this.#longMs > 2 * meanMs) this.#longMs *= 0.95
    this.baselineMs = this.#longMs
    if (this.window.peak < this.limit / 2) return this.limit
    const gradient = Math.max(0.5, Math.min(1, 1.5 * this.#longMs / meanMs))
    return 0.8 * this.limit + 0.2 * (this.limit * gradient + 4)
  }
}

/** Mean of a probe at a limit of 3 over the mean, clamped to 0.5 to 2; updates of 100 ms, a probe each 60 s. */
export class EnvoyGradientLimit extends WindowedLimit {
  #updates = 0
  #kept = 0

  constructor(bounds: LimitBounds) { super(bounds, 100) }

  protected decide(meanMs: number): number {
    this.#updates++
    if (this.#kept > 0) {
      // The probe is over: what it measured is the baseline.
      this.baselineMs = meanMs
      const { limit } = { limit: this.#kept }
      this.#kept = 0
      return limit
    }
    if (this.#updates % 600 === 1) {
      this.#kept = this.limit
      return 3
    }
    const gradient = Math.max(0.5, Math.min(2, 1.25 * this.baselineMs / meanMs))
    return this.limit * gradient + Math.sqrt(this.limit * gradient)
  }
}

/** One more a window while it is used, a tenth less after a loss. */
export class AimdLimit extends WindowedLimit {
  constructor(bounds: LimitBounds) { super(bounds, 100) }

  protected decide(meanMs: number): number {
    this.baselineMs = this.baselineMs === 0 ? meanMs : Math.min(this.baselineMs, meanMs)
    if (this.window.overloads > 0) return 0.9 * this.limit
    return this.window.peak >= 0.9 * Math.floor(this.limit) ? this.limit + 1 : this.limit
  }
}
