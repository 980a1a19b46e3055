// How long a breaker stays open: longer each time it fails again, with jitter so that a fleet does not probe in step,
// and never shorter than the upstream itself asked for. Good time heals the growth.

import type { Random } from '../core/random.ts'

const firstMs = 1_000
const growth = 1.5
const longestMs = 30_000
/** ±20 %. */
const jitter = 0.2
/** What an upstream asks for is honoured up to here: a wrong Retry-After must not be an outage. */
const longestAskedMs = 60_000
/** One step of growth is forgiven for this much time closed. */
const forgivenAfterMs = 60_000

export class OpenTime {
  readonly #random: Random
  #step = 0
  #askedUntil = 0

  constructor(random: Random) { this.#random = random }

  /** The upstream asked to be left alone until then. */
  asked(until: number): void {
    this.#askedUntil = Math.max(this.#askedUntil, until)
  }

  /** When the next probe may come. `closedForMs`: how long it was closed before, 0 after a probe that failed. */
  next(now: number, closedForMs: number): number {
    this.#step = Math.max(0, this.#step - Math.floor(closedForMs / forgivenAfterMs))
    const span = Math.min(longestMs, firstMs * growth ** this.#step) * (1 - jitter + 2 * jitter * this.#random())
    this.#step = Math.min(this.#step + 1, 20)
    return this.atLeast(now + span, now)
  }

  /** That time, or later if the upstream asked for it. */
  atLeast(time: number, now: number): number {
    return Math.max(time, Math.min(this.#askedUntil, now + longestAskedMs))
  }
}
