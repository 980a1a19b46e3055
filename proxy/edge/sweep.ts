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
  /**
   * How many this round looks at: as many as there were when it began, who were there first. Where it ended only with
   * the last that there is, those who come and go would keep it from ever beginning again.
   */
  #size = 0
  #looked = 0
  #begunAt = 0
  #timer: Timer | null = null
  #isStopped = false

  /** `connections` may change at any time; each is looked at once in `intervalMs`, which may change too. */
  constructor(connections: ReadonlyMap<unknown, EdgeConnection>, intervalMs: () => number, clock: Clock) {
    this.#connections = connections
    this.#intervalMs = intervalMs
    this.#clock = clock
    this.#round = connections.values()
  }

  /** Begins a round, the first one or the next. */
  start(): void {
    this.#round = this.#connections.values()
    this.#size = this.#connections.size
    this.#looked = 0
    this.#begunAt = this.#clock.now()
    this.#wait()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.clear()
  }

  /** Until the next few are due, by the time since the round began: a timer that is late delays nobody but itself. */
  #wait(): void {
    const intervalMs = this.#intervalMs()
    const wanted = Math.ceil(this.#size * shortestPauseMs / intervalMs)
    const next = this.#looked + Math.min(mostAtOnce, Math.max(fewestAtOnce, wanted))
    const dueAt = this.#begunAt + intervalMs * (next < this.#size ? next / this.#size : 1)
    this.#timer = this.#clock.after(Math.max(0, dueAt - this.#clock.now()), () => { this.#look() })
  }

  #look(): void {
    const now = this.#clock.now()
    const share = Math.min(1, (now - this.#begunAt) / this.#intervalMs())
    const until = Math.min(Math.round(this.#size * share), this.#looked + mostAtOnce)
    for (; this.#looked < until; this.#looked++) {
      const next = this.#round.next()
      if (next.done === true) return this.start()
      next.value.check(now)
      if (this.#isStopped) return
    }
    if (this.#looked < this.#size) this.#wait()
    else this.start()
  }
}
