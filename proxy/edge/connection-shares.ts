// How many connections are open, of all callers and of each: whoever would have more than its share is turned away
// before a byte of it is read, and counted by the limit that was reached.

import type { Server, Socket } from 'node:net'

/** Which bound of `limits` a connection was too many for. */
export type ConnectionLimit = 'connections' | 'connectionsPerCaller'

export class ConnectionShares {
  readonly #turnedAway: (limit: ConnectionLimit) => void
  /** Open connections by peer address. */
  readonly #perCaller = new Map<string, number>()
  refused = 0

  constructor(server: Server, turnedAway: (limit: ConnectionLimit) => void) {
    this.#turnedAway = turnedAway
    // Beyond `maxConnections` node closes by itself.
    server.on('drop', () => { this.#refuse('connections') })
  }

  /** Peers that have a connection. */
  get callers(): number {
    return this.#perCaller.size
  }

  /** Whether this connection may stay; if not it is closed. Peers of a unix socket have no address, and no share. */
  admit(socket: Socket, mostPerCaller: number): boolean {
    const address = socket.remoteAddress ?? ''
    const open = this.#perCaller.get(address) ?? 0
    if (address !== '' && open >= mostPerCaller) {
      this.#refuse('connectionsPerCaller')
      socket.destroy()
      return false
    }
    this.#perCaller.set(address, open + 1)
    socket.on('close', () => {
      const left = (this.#perCaller.get(address) ?? 1) - 1
      if (left === 0) this.#perCaller.delete(address)
      else this.#perCaller.set(address, left)
    })
    return true
  }

  #refuse(limit: ConnectionLimit): void {
    this.refused++
    this.#turnedAway(limit)
  }
}
