// The way back after an outage. What was learned before it is likely to hold after it (the upstream was started again,
// its network was gone), so the limit need not be learned anew: it returns by strides, as long as answers are as fast
// as they were and nothing signals overload.

import type { LimitWindow } from './limit-window.ts'

/** Growth a window: five windows make ten of one. */
const stride = 1.6

/** Answers this many times as long as the baseline say that there is a queue already. */
const tooSlow = 2

export class LimitReturn {
  #to = 0

  get isOn(): boolean { return this.#to > 0 }

  /** An outage: `limit` is what it was before. */
  begin(limit: number): void {
    this.#to = Math.max(this.#to, limit)
  }

  /** The limit after this window; 0: it is not on its way back. */
  next(window: LimitWindow, limit: number, baselineMs: number): number {
    if (this.#to === 0) return 0
    // What ends badly is the brake's affair; on the way up it ends the return.
    if (window.useful === 0 || window.overloads > 0 || window.meanMs > tooSlow * baselineMs) {
      if (window.useful > 0) this.#to = 0
      return 0
    }
    const next = Math.min(this.#to, stride * limit)
    if (next === this.#to) this.#to = 0
    return next
  }
}
