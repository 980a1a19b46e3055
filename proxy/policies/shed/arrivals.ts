// HOT PATH — runs for every request that finds its upstream full. Rules: docs/decisions/0004.
// Who came to a door in this turn of the loop and waits for its end: exchange after exchange, by class. What becomes of
// them their tickets decide.

import { classes } from '../../algorithms/waiting-line.ts'
import type { Exchange } from '../../core/exchange.ts'

/** Decides on an exchange at the end of the turn in which it came. */
export interface Decider { decide(exchange: Exchange, now: number): void }

export class Arrivals {
  readonly #byClass: Exchange[][] = Array.from({ length: classes }, () => [])
  /** Since when there are any; -1: there are none. */
  since = -1

  add(exchange: Exchange, level: number, now: number): void {
    ;(this.#byClass[level] as Exchange[]).push(exchange)
    if (this.since < 0) this.since = now
  }

  /** The highest class first: whoever came in the same turn came at the same time. */
  decide(now: number): void {
    for (const arrived of this.#byClass) {
      const { length } = arrived
      for (let i = 0; i < length; i++) {
        const exchange = arrived[i] as Exchange
        // Null: it left before it was decided on.
        if (exchange.ticket !== null) (exchange.ticket as unknown as Decider).decide(exchange, now)
      }
      if (arrived.length === length) arrived.length = 0
      else arrived.splice(0, length)
    }
  }
}
