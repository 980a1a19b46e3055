// HOT PATH — runs for every read of a body. Rules: docs/decisions/0004.
// What one connection may read in one turn of the event loop. libuv reads on for as long as a socket has as much as was
// asked for, up to two MiB, and hands it all over before anybody else's turn: two hundred fast bodies at once would
// make everybody else wait for a second.

import type { Clock } from './clock.ts'

/** Several reads, so that a lone body hardly notices. */
const turnBytes = 128 * 1024
/** A read of less than that (a whole TLS record) has emptied the socket: nothing more comes in this turn. */
const manyBytes = 16 * 1024

export class TurnShare {
  #bytes = 0

  /** Counts a read. True: it was enough, reading is to stop, and `readOn` is called when the others had their turn. */
  endsWith(bytes: number, clock: Clock, readOn: () => void): boolean {
    this.#bytes = bytes < manyBytes ? 0 : this.#bytes + bytes
    if (this.#bytes < turnBytes) return false
    this.#bytes = 0
    clock.endOfTurn(readOn)
    return true
  }
}
