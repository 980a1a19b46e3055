// Looks after all connections of a listener, each once in an interval, a few at a time and spread evenly over it. Who
// is overdue is ended a few at a time too, and comes again a few at a time: looked at all at once, a thousand slow
// callers that know nothing of each other would be made into one burst a second that everybody else waits behind.

import type { Clock, Timer } from '../core/clock.ts'
import type { EdgeConnection } from './edge-connection.ts'

/** Not below this: a timer for every connection would cost an idle process more than it saves. */
const fewestAtOnce = 8
/** Ending one takes about 15 µs, leaving one alone a tenth of a microsecond: a turn is a millisecond longer at most. */
const mostAtOnce = 64
/** Between two looks, ms, as long as the most at once are enough. */
const shortestPauseMs = 4

export class Sweep {
  readonly #connections: ReadonlyMap<unknown, EdgeConnection>
  readonly #clock: Clock
  readonly #intervalMs: () => number
  /** Where the round stands; connections may come and go behind and before it. */
  #round: Iterator<EdgeConnection>
  #timer: Timer | null = null

  /** `connections` may change at any time; each is looked at once in `intervalMs`, which may change too. */
  constructor(connections: ReadonlyMap<unknown, EdgeConnection>, intervalMs: () => number, clock: Clock) {
    this.#connections = connections
    this.#intervalMs = intervalMs
    this.#clock = clock
    this.#round = connections.values()
  }

  start(): void {
    const count = this.#connections.size
    const intervalMs = this.#intervalMs()
    const wanted = Math.ceil(count * shortestPauseMs / intervalMs)
    const atOnce = Math.min(mostAtOnce, Math.max(fewestAtOnce, wanted))
    const pauseMs = intervalMs * Math.min(1, atOnce / Math.max(1, count))
    this.#timer = this.#clock.after(pauseMs, () => { this.#look(atOnce) })
  }

  stop(): void {
    this.#timer?.clear()
  }

  #look(atOnce: number): void {
    // Before the look: it may end in a stop.
    this.start()
    const now = this.#clock.now()
    for (let looked = 0; looked < atOnce; looked++) {
      const next = this.#round.next()
      if (next.done === true) {
        this.#round = this.#connections.values()
        return
      }
      next.value.check(now)
    }
  }
}
