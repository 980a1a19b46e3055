// HOT PATH — runs for every answer with a body. Rules: docs/decisions/0004.
// Notices that an answer's body has stopped coming. One timer a connection, armed again only when it fires: a timer for
// every answer would cost more than everything else here.

import type { Clock, Timer } from '../core/clock.ts'

/** What is watched: a body, whose reader may be the one that is slow. */
export interface Watched { readonly isPaused: boolean }

export class SilenceWatch {
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #onSilence: () => void
  #watched: Watched | null = null
  #heardAt = 0
  #timer: Timer | null = null

  constructor(clock: Clock, limitMs: number, onSilence: () => void) {
    this.#clock = clock
    this.#limitMs = limitMs
    this.#onSilence = onSilence
  }

  begin(watched: Watched): void {
    this.#watched = watched
    this.heard()
    this.#timer ??= this.#clock.after(this.#limitMs, this.#look)
  }

  heard(): void {
    this.#heardAt = this.#clock.now()
  }

  /** The body is over; the timer is left to fire into nothing. */
  rest(): void {
    this.#watched = null
  }

  /** The connection is over. */
  end(): void {
    this.#watched = null
    this.#timer?.clear()
    this.#timer = null
  }

  readonly #look = (): void => {
    this.#timer = null
    if (this.#watched === null) return
    const now = this.#clock.now()
    if (this.#watched.isPaused) this.#heardAt = now
    const leftMs = this.#heardAt + this.#limitMs - now
    if (leftMs > 0) this.#timer = this.#clock.after(leftMs, this.#look)
    else this.#onSilence()
  }
}
