// The brake of a learned limit: explicit signals of overload lower it whatever latency says. It has to prove itself: if
// the signals stay as many while the limit falls, they do not come from load, and it lets go, longer each time.

import type { LimitWindow } from './limit-window.ts'

/** Fewer signals than this, or a smaller part of the endings, are no overload. */
const fewestSignals = 3
const signalRatio = 0.05

/** While the limit does not bind, it is not what lets too many in: a few failures then say nothing of load. */
const metSignalRatio = 0.25

/** Brakes before it has to have helped, and windows of rest without one that end an episode. */
const trials = 3
const restWindows = 10

/** Windows for which it is off when it has not helped: at first, and at most. */
const offWindows = 100
const offWindowsMost = 6400

/** Of all endings: nearly nothing useful comes back. */
const outageRatio = 0.9

export class Brake {
  /** Whether the last decision was about an outage, and not about an overload. */
  isOutage = false
  /** Brakes in this episode, and windows since the last of them. */
  #count = 0
  #rested = 0
  #firstRatio = 0
  #firstLimit = 0
  #off = 0
  #nextOff = offWindows

  /** The limit to go to after this window; 0: nothing to say. */
  decide(window: LimitWindow, limit: number): number {
    this.isOutage = false
    if (this.#off > 0) {
      this.#off--
      return 0
    }
    const ratio = window.endings > 0 ? window.overloads / window.endings : 0
    if (ratio <= (window.isMet ? metSignalRatio : signalRatio) || window.overloads < fewestSignals) {
      if (++this.#rested > restWindows) this.#endEpisode()
      return 0
    }
    this.#rested = 0
    const used = Math.min(limit, window.peak)
    // There is no work to lose, so it goes down fast.
    this.isOutage = ratio > outageRatio
    if (this.isOutage) return 0.3 * used
    if (this.#count === 0) {
      this.#firstRatio = ratio
      this.#firstLimit = limit
    } else if (this.#count >= trials && ratio > 0.8 * this.#firstRatio) {
      this.#count = 0
      this.#off = this.#nextOff
      this.#nextOff = Math.min(offWindowsMost, 2 * this.#nextOff)
      return this.#firstLimit
    }
    this.#count++
    return 0.85 * used
  }

  #endEpisode(): void {
    if (this.#count > 0) this.#nextOff = offWindows
    this.#count = 0
  }
}
