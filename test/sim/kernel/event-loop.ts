// One event loop: what is posted runs in turns, every callback costs time, and the end of a turn comes after all its
// callbacks. At cost 0 everything runs at the moment it is posted, and the end of the turn at the end of that moment.

import type { Happening, Schedule } from './schedule.ts'

export class EventLoop implements Happening {
  /** ms of the loop's time used so far. */
  busyMs = 0
  readonly #schedule: Schedule
  readonly #costMs: number
  /** Callbacks of the running turn, and those that have become ready meanwhile. */
  #turn: Happening[] = []
  #done = 0
  #ready: Happening[] = []
  #ends: Happening[] = []
  #isScheduled = false

  /** `costMs`: what one callback takes; 0 for a loop that is never the bottleneck. */
  constructor(schedule: Schedule, costMs: number) {
    this.#schedule = schedule
    this.#costMs = costMs
  }

  /** Runs `what` in the next turn. */
  post(what: Happening): void {
    if (this.#costMs === 0) return what.happen(this.#schedule.now)
    this.#ready.push(what)
    this.#goOn()
  }

  /** Runs `what` after the callbacks of this turn. */
  endOfTurn(what: Happening): void {
    this.#ends.push(what)
    this.#goOn()
  }

  /** One callback is over: its effects happen now. After the last one the turn ends. */
  happen(now: number): void {
    this.#isScheduled = false
    this.#turn[this.#done++]?.happen(now)
    if (this.#done >= this.#turn.length) {
      const ends = this.#ends
      this.#ends = []
      for (const what of ends) what.happen(now)
      this.#turn = this.#ready
      this.#ready = []
      this.#done = 0
    }
    if (this.#turn.length > 0 || this.#ends.length > 0) this.#goOn()
  }

  #goOn(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    if (this.#turn.length === 0) {
      this.#turn = this.#ready
      this.#ready = []
      this.#done = 0
    }
    const costMs = this.#turn.length > 0 ? this.#costMs : 0
    this.busyMs += costMs
    this.#schedule.at(this.#schedule.now + costMs, this)
  }
}
