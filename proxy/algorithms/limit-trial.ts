// An experiment of a learned limit: what was measured before the number in flight was changed, and what the next window
// says about it. It changes no limit and knows none of the reasons.

import type { LimitWindow } from './limit-window.ts'
import { law } from './probing-law.ts'

export class LimitTrial {
  /** The limit before the experiment. */
  limit = 0
  /** Mean time before it, ms. */
  meanMs = 0
  #inFlight = 0
  #useful = 0

  /** Notes what holds before the change; `meanMs` may rest on more than this window. */
  begin(window: LimitWindow, limit: number, meanMs: number): void {
    this.limit = limit
    this.meanMs = meanMs
    this.#inFlight = window.meanInFlight
    this.#useful = window.useful
  }

  /** 0: time went with the number in flight, they queue; 1: it did not, each has what it needs. */
  elasticity(window: LimitWindow): number {
    const wider = Math.log(window.meanInFlight / this.#inFlight)
    return Math.abs(wider) < 0.05 ? 0.5 : 1 - Math.log(window.meanMs / this.meanMs) / wider
  }

  /** Whether the change was wide enough for its elasticity to be more than chance. */
  isTelling(window: LimitWindow): boolean {
    const wider = Math.log(window.meanInFlight / this.#inFlight)
    return wider * wider > law.likely * window.unevenness * (1 / this.#useful + 1 / window.useful)
  }

  /** Whether noticeably more are in flight than before. */
  isWider(window: LimitWindow): boolean {
    return Math.max(window.meanInFlight, window.inFlight) > 1.5 * this.#inFlight
  }

  /** Whether a raised limit has brought more useful work. */
  hasHelped(window: LimitWindow): boolean {
    if (window.isLosing) return false
    const elasticity = this.elasticity(window)
    // Where the limit no longer binds and no line builds up, the demand is met: enough that answers did not get slower.
    if (window.isMet && window.inFlight < 1.25 * window.first) return elasticity > 0.6
    return elasticity > law.elastic && this.#isMore(window)
  }

  /** More is done than before, beyond chance. */
  #isMore(window: LimitWindow): boolean {
    const rise = Math.log(window.meanInFlight / window.meanMs * this.meanMs / this.#inFlight)
    const variance = window.unevenness * (1 / this.#useful + 1 / window.useful)
    return rise > 0 && rise * rise > law.likely * variance
  }
}
