// The generator's connections to one target: a last-in-first-out free list, so that few connections carry a low rate as
// they would behind a real balancer. Bounded; keeps no queue of requests.
import { Connection } from './connection.ts'
import type { ConnectionListener, Target } from './connection.ts'

export interface PoolListener {
  /** A connection can be taken, or there is room for another. */
  free(): void
  /**
   * The answer is complete; its connection, if it lives on, is already free again. `code` is what a refusal gives as
   * its reason, or empty.
   */
  answered(ticket: number, status: number, code: string): void
  /** The connection of this request broke. */
  broken(ticket: number): void
  /** A new connection was refused or broke before it carried anything. */
  unreachable(): void
}

export class Pool implements ConnectionListener {
  peak = 0
  readonly #all = new Set<Connection>()
  readonly #free: Connection[] = []
  readonly #target: Target
  readonly #maxConnections: number
  readonly #listener: PoolListener
  #opening = 0

  constructor(target: Target, maxConnections: number, listener: PoolListener) {
    this.#target = target
    this.#maxConnections = maxConnections
    this.#listener = listener
  }

  get opening(): number {
    return this.#opening
  }

  get size(): number {
    return this.#all.size
  }

  /** Opens one more, unless the bound is reached; returns whether it did. */
  grow(): boolean {
    if (this.#all.size >= this.#maxConnections) return false
    this.#opening++
    this.#all.add(new Connection(this.#target, this))
    this.peak = Math.max(this.peak, this.#all.size)
    return true
  }

  take(): Connection | undefined {
    return this.#free.pop()
  }

  /** Drops the connection of a request that is no longer waited for. */
  discard(connection: Connection): void {
    this.#forget(connection)
    connection.discard()
  }

  close(): void {
    for (const connection of this.#all) connection.discard()
    this.#all.clear()
    this.#free.length = 0
  }

  opened(connection: Connection): void {
    this.#opening--
    this.#free.push(connection)
    this.#listener.free()
  }

  unreachable(connection: Connection): void {
    this.#opening--
    this.#forget(connection)
    this.#listener.unreachable()
  }

  answered(connection: Connection, ticket: number, status: number, code: string): void {
    if (connection.state === 'open') this.#free.push(connection)
    else this.#forget(connection)
    this.#listener.answered(ticket, status, code)
  }

  lost(connection: Connection, ticket: number): void {
    this.#forget(connection)
    if (ticket >= 0) this.#listener.broken(ticket)
    else this.#listener.free()
  }

  #forget(connection: Connection): void {
    this.#all.delete(connection)
    const index = this.#free.indexOf(connection)
    if (index >= 0) this.#free.splice(index, 1)
  }
}
