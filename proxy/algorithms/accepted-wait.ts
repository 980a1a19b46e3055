// How long a wait an arrival may be predicted and still join the line. A line that begins has a budget of time: who
// would be through before it is spent may join, so that a batch is worked off; a line that lasts falls to a quarter of
// its bound, which adds little to every wait and keeps every permit in use just as well. It refuses nobody.

import { classes } from './waiting-line.ts'

/** The bound of a line is `factor` times the learned baseline, inside these clamps. */
export interface QueueBounds {
  readonly factor: number
  readonly minMs: number
  /** Nobody waits longer, whatever the line. */
  readonly maxMs: number
}

/** Three service times absorb what chance piles up and keep p99 within a small multiple of one. */
export const defaultQueueBounds: QueueBounds = { factor: 3, minMs: 20, maxMs: 500 }

/** What a line that lasts accepts, as a part of the bound: chance seldom carries such a wait over the bound. */
const lastingPart = 0.25

/** A line that begins may last so many bounds: twelve service times. */
const budgetBounds = 4

/** Beyond its budget a line is remembered for so many bounds: one that runs empty for a moment does not begin anew. */
const memoryBounds = 1

/** While a permit is free the budget comes back so many times as fast as it was spent: who copes gets it all again. */
const refund = 2

/** Somebody may wait so many times as long as was predicted. */
const patience = 2

export class AcceptedWait {
  /** The highest class that waits; 3: nobody does. */
  highest = classes
  /** Whether a permit is free. */
  isFree = true
  readonly #bounds: QueueBounds
  /** Of each class, ms: time in which it or a higher one has waited. Lower ones hold nobody up. */
  readonly #spent: number[] = Array.from({ length: classes }, () => 0)
  #at = 0

  constructor(bounds: QueueBounds) { this.#bounds = bounds }

  /** The bound of a line before an upstream that takes `baselineMs` (0: not known yet), ms. */
  boundMs(baselineMs: number): number {
    const { factor, minMs, maxMs } = this.#bounds
    return baselineMs > 0 ? Math.min(Math.max(factor * baselineMs, minMs), maxMs) : maxMs
  }

  /** From now on another class is the highest that waits, or a permit is free, or none is. */
  observe(highest: number, isFree: boolean, baselineMs: number, now: number): void {
    this.#advance(this.boundMs(baselineMs), now)
    this.highest = highest
    this.isFree = isFree
  }

  /** The longest predicted wait to accept for that class, ms. */
  mostMs(level: number, baselineMs: number, now: number): number {
    const boundMs = this.boundMs(baselineMs)
    this.#advance(boundMs, now)
    return Math.max(lastingPart * boundMs, this.#budgetMs(boundMs) - (this.#spent[level] as number))
  }

  /** After this wait, ms, one of that class who joins now is refused after all: the prediction was wrong. */
  longestMs(level: number, baselineMs: number, now: number): number {
    const longestMs = Math.max(this.boundMs(baselineMs), patience * this.mostMs(level, baselineMs, now))
    return Math.min(this.#bounds.maxMs, longestMs)
  }

  #budgetMs(boundMs: number): number { return Math.min(budgetBounds * boundMs, this.#bounds.maxMs) }

  #advance(boundMs: number, now: number): void {
    const passedMs = Math.max(0, now - this.#at)
    const mostMs = this.#budgetMs(boundMs) + memoryBounds * boundMs
    for (let level = 0; level < classes; level++) {
      // Where lower classes wait and this one does not, the next permit would be its own.
      const hasRoom = this.isFree || this.highest < classes
      const change = level >= this.highest ? passedMs : hasRoom ? -refund * passedMs : 0
      this.#spent[level] = Math.min(mostMs, Math.max(0, (this.#spent[level] as number) + change))
    }
    this.#at = now
  }
}
