// When a learned limit may probe next: after a few windows of cruising, after more of them while probes find nothing
// new, at once where its baseline is in doubt.

import { law } from './probing-law.ts'

export class ProbePace {
  #since = Infinity
  #after = law.probeAfter

  /** Counts one more window; whether it is time. */
  isDue(): boolean { return ++this.#since > this.#after }

  /** A probe is over. */
  probed(isNews: boolean): void {
    this.#after = isNews ? law.probeAfter : Math.min(law.probeAfterMost, this.#after + 2)
    this.#since = 0
  }

  /** There is nothing to be found out for a while. */
  rest(): void { this.#since = 0 }

  /** The next window is the time. */
  hurry(): void { this.#since = Infinity }
}
