// The way back to full traffic after a breaker has closed: few calls at once, half as many more with every round of
// successes, until what was usual before is reached. It stands in no other time.

import type { Lesson } from '../core/outcome-matrix.ts'

/** Calls at once at the beginning, at least. */
const leastAtOnce = 2
/** Over a round of as many successes as there are calls at once, this makes 1.5 times as many. */
const perSuccess = 0.5
/** It ends by time as well: so many times what a probe took, within these bounds, ms. */
const probesLong = 30
const shortestMs = 2_000
const longestMs = 30_000
/** Half-life of the memory of how many calls are usual at once, ms. */
const usualHalfLifeMs = 30_000

export class Ramp {
  #until = -1
  #inFlight = 0
  /** The most calls at once of late, decaying from `#usualAt` on. */
  #usual = 0
  #usualAt = 0
  atOnce = 0

  isOn(now: number): boolean { return now < this.#until }

  /** `probeMs`: what the last probe took. */
  begin(least: number, probeMs: number, now: number): void {
    this.#until = now + Math.min(longestMs, Math.max(shortestMs, probesLong * probeMs))
    this.atOnce = Math.max(leastAtOnce, least)
    this.#inFlight = 0
  }

  end(): void {
    this.#until = -1
    this.#inFlight = 0
  }

  /** Whether one more call may run now. */
  admit(now: number): boolean {
    if (now < this.#until && this.#inFlight >= this.atOnce) return false
    this.#inFlight++
    if (this.#inFlight >= this.#usualAtTime(now)) {
      this.#usual = this.#inFlight
      this.#usualAt = now
    }
    return true
  }

  ended(lesson: Lesson['breaker'], now: number): void {
    if (this.#inFlight > 0) this.#inFlight--
    if (now >= this.#until) return
    if (lesson === 'ok') this.atOnce += perSuccess
    else if (lesson === 'fail' || lesson === 'half-fail') this.atOnce = Math.max(leastAtOnce, this.atOnce / 2)
    if (this.atOnce > this.#usualAtTime(now)) this.#until = -1
  }

  #usualAtTime(now: number): number {
    return this.#usual * 2 ** ((this.#usualAt - now) / usualHalfLifeMs)
  }
}
