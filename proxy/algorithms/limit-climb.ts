// The way up from a limit that is a guess: wide steps, one a turnover, as long as they bring more useful work. Who
// starts under its usual load would else refuse for seconds what it could do. When a step no longer pays, the limit is
// set to what the law wants; from then on it is no guess.

import type { LimitWindow } from './limit-window.ts'
import { law, lawfulLimit, metLimit, neededLimit } from './probing-law.ts'

/** At most this much more in flight at the end of a window than at its start: no line builds up. */
const steady = 1.25

export class LimitClimb {
  /** Whether the limit is still a guess. */
  isAhead = true
  /** Mean time at the last step that has paid, ms. */
  meanMs = 0
  /** Steps that have paid. */
  steps = 0
  #from = 0
  #inFlight = 0
  #isLastTry = false

  /** Whether a step has been measured and the next one is under way. */
  get isOn(): boolean { return this.isAhead && this.meanMs > 0 }

  /** The limit is a guess again. */
  renew(): void {
    this.isAhead = true
    this.meanMs = 0
    this.steps = 0
  }

  /** The limit is no guess. */
  end(): void { this.isAhead = false }

  /** The limit after a window under one that binds. `knownMs`: the baseline if it is certain, else 0. */
  next(window: LimitWindow, limit: number, knownMs: number): number {
    if (window.isLosing) return this.#endAt(this.isOn ? this.#from : limit)
    if (!this.isOn) return this.#step(window, limit)
    if (isMet(window, limit)) {
      this.meanMs = Math.min(this.meanMs, window.meanMs)
      return this.#endAt(metLimit(window, this.#from, limit))
    }
    const elasticity = this.#elasticity(window)
    if (elasticity > law.climbing) {
      this.steps++
      return this.#step(window, limit)
    }
    if (elasticity > law.doubtful && !this.#isLastTry) {
      this.#isLastTry = true
      return limit
    }
    return this.#endAt(Math.min(limit, this.#lawful(window, knownMs)))
  }

  #lawful(window: LimitWindow, knownMs: number): number {
    const { throughput } = window
    // With a baseline that was learned before it, a climb that never paid may say that even the guess was too much.
    if (this.steps === 0 && knownMs > 0) return lawfulLimit(this.#from, throughput, knownMs)
    return Math.max(this.#from, neededLimit(this.#from, throughput, this.meanMs))
  }

  #step(window: LimitWindow, limit: number): number {
    this.meanMs = window.meanMs
    this.#inFlight = window.meanInFlight
    this.#from = limit
    this.#isLastTry = false
    return law.trialTo * limit
  }

  #endAt(limit: number): number {
    this.end()
    return limit
  }

  #elasticity(window: LimitWindow): number {
    const wider = Math.log(window.meanInFlight / this.#inFlight)
    return wider > 0 ? 1 - Math.log(window.meanMs / this.meanMs) / wider : 0
  }
}

/** Nobody had to wait, the limit was not reached, and no line builds up inside: nobody knows how far it could go on. */
function isMet(window: LimitWindow, limit: number): boolean {
  return window.isMet && window.peak < limit && window.inFlight < steady * window.first
}
