// What an upstream did over its latest windows, whether or not the limit was binding: how long answers took and how
// many there were. It is what a change is seen against.

import type { LimitWindow } from './limit-window.ts'
import { law } from './probing-law.ts'

/** The weight of one window. */
const weight = 0.1

export class UsualPace {
  #meanMs = 0
  #throughput = 0

  learn(window: LimitWindow): void {
    const part = this.#meanMs === 0 ? 1 : weight
    this.#meanMs += part * (window.meanMs - this.#meanMs)
    this.#throughput += part * (window.throughput - this.#throughput)
  }

  /** From now on this is how long answers take. */
  reset(meanMs: number): void { this.#meanMs = meanMs }

  /** The window's answers took longer, beyond chance. */
  isSlower(window: LimitWindow): boolean {
    return this.#meanMs > 0 && window.meanMs > this.#meanMs && window.errorsFrom(this.#meanMs) > law.certain
  }

  /** Slower beyond chance, and less done: more load alone does not look like that. */
  isChanged(window: LimitWindow): boolean {
    return !window.isLosing && window.throughput < law.suspicious * this.#throughput && this.isSlower(window)
  }
}
