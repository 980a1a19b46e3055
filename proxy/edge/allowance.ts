// How much of something a peer may do: so much at once, and so much a second from then on. It is for what costs us and
// serves nobody; what it says no to is a flood.

export class Allowance {
  readonly #most: number
  readonly #perMs: number
  #left: number
  #at: number

  /** `most`: at once; `perSecond`: what comes back. */
  constructor(most: number, perSecond: number, now: number) {
    this.#most = most
    this.#perMs = perSecond / 1000
    this.#left = most
    this.#at = now
  }

  /** Takes `amount`; false when there is not that much left. */
  take(amount: number, now: number): boolean {
    this.#left = Math.min(this.#most, this.#left + (now - this.#at) * this.#perMs) - amount
    this.#at = now
    return this.#left >= 0
  }
}
