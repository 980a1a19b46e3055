// For how long nothing has moved on a connection while something was expected of the peer. It is looked at once in a
// while: a timer per request, or a clock reading per read, would cost more than the precision is worth.

export class Stillness {
  #hasMoved = true
  #since = 0

  /** Something moved. */
  moved(): void {
    this.#hasMoved = true
  }

  /** Milliseconds without a movement, as far as looks could tell; 0 when nothing is expected. */
  look(now: number, isExpecting: boolean): number {
    if (isExpecting && !this.#hasMoved) return now - this.#since
    this.#hasMoved = false
    this.#since = now
    return 0
  }
}
