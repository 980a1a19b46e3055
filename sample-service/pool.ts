// A bounded pool of connections with a first-come line in front of it. The line has no bound and no timeout, as
// in most services: that is one of the faults this service has on purpose. It does not open or check
// connections.

import type { PoolUsage } from './database.ts'

interface Waiter<Connection> {
  readonly resolve: (connection: Connection) => void
  readonly reject: (error: Error) => void
}

export class ConnectionPool<Connection> {
  readonly #size: number
  readonly #idle: Connection[]
  readonly #waiting: Waiter<Connection>[] = []
  readonly #dispose: (connection: Connection) => void
  #inUse = 0
  #isClosed = false

  /** Owns `connections` from here on; `dispose` is called once for each when the pool closes. */
  constructor(connections: readonly Connection[], dispose: (connection: Connection) => void) {
    this.#size = connections.length
    this.#idle = [...connections]
    this.#dispose = dispose
  }

  /** Resolves with a connection as soon as one is free, in the order of asking. Rejects only when the pool closes. */
  acquire(): Promise<Connection> {
    if (this.#isClosed) return Promise.reject(closedError())
    const connection = this.#idle.pop()
    if (connection === undefined) return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
    this.#inUse += 1
    return Promise.resolve(connection)
  }

  /** Gives a connection back: to the first in the line, else to the pool. Call it exactly once per `acquire`. */
  release(connection: Connection): void {
    const next = this.#waiting.shift()
    if (next !== undefined) return next.resolve(connection)
    this.#inUse -= 1
    if (this.#isClosed) this.#dispose(connection)
    else this.#idle.push(connection)
  }

  usage(): PoolUsage {
    return { size: this.#size, inUse: this.#inUse, waiting: this.#waiting.length }
  }

  /** Turns away whoever waits and disposes of idle connections now, of lent ones when they come back. */
  close(): void {
    this.#isClosed = true
    for (const waiter of this.#waiting.splice(0)) waiter.reject(closedError())
    for (const connection of this.#idle.splice(0)) this.#dispose(connection)
  }
}

function closedError(): Error {
  return new Error('Cannot lend a connection: the pool is closed')
}
