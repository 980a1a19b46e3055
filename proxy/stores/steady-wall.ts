// Wall time for expiry that does not follow a clock that jumps: read once, then carried on by the monotonic clock.
// Small corrections (NTP) are followed, a jump is counted and ignored until the process ends: a record that seems two
// days old because somebody set the clock would otherwise be executed again.

import type { Clock } from '../core/clock.ts'

/** More than this between two looks is a jump; NTP slews by far less. */
const jumpMs = 60_000

export class SteadyWall {
  readonly #clock: Clock
  #offsetMs: number
  /** Of the clock beside ours, so that one jump is counted once. */
  #jumpMs = 0
  #jumps = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#offsetMs = clock.wallMs() - clock.now()
  }

  /** Milliseconds since 1970, as whole ones. */
  now(): number { return Math.floor(this.#clock.now() + this.#offsetMs) }

  get jumps(): number { return this.#jumps }

  /** Compares the two clocks; called about once a second. */
  check(): void {
    const driftMs = this.#clock.wallMs() - this.#clock.now() - this.#offsetMs - this.#jumpMs
    if (Math.abs(driftMs) <= jumpMs) { this.#offsetMs += driftMs; return }
    this.#jumpMs += driftMs
    this.#jumps++
  }
}
