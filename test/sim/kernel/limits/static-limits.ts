// Limits that do not learn: the hand-tuned one to compare with, and the negative controls that every experiment must be
// able to tell from a good one. They measure a baseline, because the line in front is bounded by it.

import type { Limit, LimitLesson } from '../../../../proxy/algorithms/limit.ts'
import { LimitWindow } from '../../../../proxy/algorithms/limit-window.ts'

/** The same number for ever. The baseline is what the best static limit would be told by hand. */
export class FixedLimit implements Limit {
  readonly limit: number
  readonly baselineMs: number

  constructor(limit: number, baselineMs: number) {
    this.limit = limit
    this.baselineMs = baselineMs
  }

  observe(): void { /* It does not learn. */ }
  learn(): void { /* It does not learn. */ }
}

/** Stays at the first limit, and measures its baseline like a limit that learns: as if updates were forgotten. */
export class FrozenLimit implements Limit {
  readonly limit: number
  baselineMs = 0
  readonly #window = new LimitWindow()

  constructor(limit: number) { this.limit = limit }

  observe(inFlight: number, isBinding: boolean, now: number): void { this.#window.observe(inFlight, isBinding, now) }

  learn(lesson: LimitLesson, latencyMs: number, now: number): void {
    this.#window.learn(lesson, latencyMs, now)
    if (this.#window.useful < 50) return
    const { meanMs } = this.#window
    this.baselineMs = this.baselineMs === 0 ? meanMs : Math.min(this.baselineMs, meanMs)
    this.#window.open(now)
  }
}
