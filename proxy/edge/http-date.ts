// HOT PATH — runs for every answer. Rules: docs/decisions/0004.
// The Date of now (RFC 9110 section 6.6.1), written once a second however many answers carry it.

import type { Clock } from '../core/clock.ts'

export class HttpDate {
  readonly #clock: Clock
  #second = -1
  #text = ''

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `Sun, 06 Nov 1994 08:49:37 GMT`. */
  now(): string {
    const wallMs = this.#clock.wallMs()
    const second = Math.floor(wallMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#text = new Date(wallMs).toUTCString()
    }
    return this.#text
  }
}
