// One event loop: what is posted runs in turns, every callback costs time, and the end of a turn comes after all its
// callbacks. At cost 0 everything runs at the moment it is posted, and the end of the turn at the end of that moment.

import type { Happening, Schedule } from './schedule.ts'

export class EventLoop implements Happening {
  /** ms of the loop's time used so far. */
  busyMs = 0
  readonly #schedule: Schedule
  readonly #costMs: number
  /** Callbacks of the running turn, how many of them are over, and those that have become ready meanwhile. */
  #turn: Happening[] = []
  #done = 0
  #ready: Happening[] = []
  #ends: Happening[] = []
  #isAwake = false

  /** `costMs`: what one callback takes; 0 for a loop that is never the bottleneck. */
  constructor(schedule: Schedule, costMs: number) {
    this.#schedule = schedule
    this.#costMs = costMs
  }

  /** Runs `what` in the next turn. */
  post(what: Happening): void {
    if (this.#costMs === 0) return what.happen(this.#schedule.now)
    this.#ready.push(what)
    this.#wake()
  }

  /** Runs `what` after the callbacks of this turn. */
  endOfTurn(what: Happening): void {
    this.#ends.push(what)
    this.#wake()
  }

  /** Begins a turn with all that is ready, or: one callback is over, and its effects happen now. */
  happen(now: number): void {
    if (this.#done < this.#turn.length) {
      const what = this.#turn[this.#done++] as Happening
      what.happen(now)
      if (this.#done < this.#turn.length) return this.#runNext()
      this.#end(now)
    }
    this.#turn = this.#ready
    this.#ready = []
    this.#done = 0
    if (this.#turn.length > 0) return this.#runNext()
    this.#end(now)
    this.#isAwake = this.#ready.length > 0 || this.#ends.length > 0
    if (this.#isAwake) this.#schedule.at(now, this)
  }

  #runNext(): void {
    this.busyMs += this.#costMs
    this.#schedule.at(this.#schedule.now + this.#costMs, this)
  }

  #end(now: number): void {
    const ends = this.#ends
    this.#ends = []
    for (const what of ends) what.happen(now)
  }

  #wake(): void {
    if (this.#isAwake) return
    this.#isAwake = true
    this.#schedule.at(this.#schedule.now, this)
  }
}
