// Looks after all connections of a listener once in a while, some of them in each turn of the event loop: where a
// thousand are overdue at once they are ended over several turns, and everybody else is served in between.

import type { Clock, Timer } from '../core/clock.ts'
import type { EdgeConnection } from './edge-connection.ts'

/** Ending one takes about 15 µs, leaving one alone a tenth of a microsecond: a turn is a millisecond longer at most. */
const perTurn = 64

export class Sweep {
  readonly #connections: { values(): Iterator<EdgeConnection> }
  readonly #clock: Clock
  readonly #intervalMs: () => number
  #timer: Timer | null = null
  #isStopped = false

  /** `connections` may change at any time; `intervalMs` passes between the end of a look and the next one. */
  constructor(connections: { values(): Iterator<EdgeConnection> }, intervalMs: () => number, clock: Clock) {
    this.#connections = connections
    this.#intervalMs = intervalMs
    this.#clock = clock
  }

  start(): void {
    this.#timer = this.#clock.after(this.#intervalMs(), () => { this.#look(this.#connections.values()) })
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.clear()
  }

  #look(rest: Iterator<EdgeConnection>): void {
    if (this.#isStopped) return
    const now = this.#clock.now()
    for (let looked = 0; looked < perTurn; looked++) {
      const next = rest.next()
      if (next.done === true) return this.start()
      next.value.check(now)
    }
    this.#clock.endOfTurn(() => { this.#look(rest) })
  }
}
