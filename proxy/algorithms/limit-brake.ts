// The brake of a learned limit: explicit signals of overload lower it whatever latency says. It has to prove itself: if
// the signals stay as they are while useful work falls, they do not come from load, and it lets go.

import type { LimitWindow } from './limit-window.ts'

/** Fewer signals than this, or a smaller part of the endings, are no overload. */
const fewestSignals = 3
const signalRatio = 0.05

/** Brakes before it has to have helped, and windows for which it is off when it has not. */
const trials = 3
const offWindows = 100

export class Brake {
  #inARow = 0
  #firstRatio = 0
  #firstLimit = 0
  #off = 0

  /** The limit to go to after this window; 0: nothing to say. */
  decide(window: LimitWindow, limit: number): number {
    const ratio = window.endings > 0 ? window.overloads / window.endings : 0
    if (this.#off > 0) {
      this.#off--
      return 0
    }
    if (ratio <= signalRatio || window.overloads < fewestSignals) {
      this.#inARow = 0
      return 0
    }
    const used = Math.min(limit, window.peak)
    // Nearly nothing useful comes back: there is no work to lose, so it goes down fast.
    if (ratio > 0.9) return 0.3 * used
    if (this.#inARow === 0) {
      this.#firstRatio = ratio
      this.#firstLimit = limit
    } else if (this.#inARow >= trials && ratio > 0.8 * this.#firstRatio) {
      this.#inARow = 0
      this.#off = offWindows
      return this.#firstLimit
    }
    this.#inARow++
    return 0.85 * used
  }
}
