// HOT PATH — runs for every answer with a body. Rules: docs/decisions/0004.
// Sends the heads of answers whose first body byte has not come by the end of the loop's turn. An event stream must be
// seen to begin at once; a small answer must leave in one write with its head. One turn is what both can wait.

import type { Clock } from '../core/clock.ts'

/** An answer whose head may still be unsent. */
export interface UnsentHead {
  flushHead(): void
}

export class HeadFlusher {
  readonly #clock: Clock
  #unsent: UnsentHead[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Asks the answer at the end of this turn to send its head, should that not have happened. */
  add(answer: UnsentHead): void {
    if (this.#unsent.length === 0) this.#clock.endOfTurn(this.#flush)
    this.#unsent.push(answer)
  }

  readonly #flush = (): void => {
    const unsent = this.#unsent
    this.#unsent = []
    for (const answer of unsent) answer.flushHead()
  }
}
