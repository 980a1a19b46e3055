// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The connections to one endpoint. Free ones are taken last in, first out: the warmest is used and the others age out.
// It has no queue and no limit: who may send is decided before, by permits.

import type { Attempt } from '../core/attempt.ts'
import type { Clock } from '../core/clock.ts'
import type { Endpoint } from '../core/upstream.ts'
import { UndiciConnection } from './undici-connection.ts'
import type { ConnectionContext } from './undici-connection.ts'
import type { LeafTimeouts } from './undici-client.ts'
import type { RequestHeads } from './request-head.ts'

export class UndiciPool implements ConnectionContext {
  readonly endpoint: Endpoint
  readonly authority: string
  readonly heads: RequestHeads
  readonly clock: Clock
  readonly timeouts: LeafTimeouts
  readonly #idle: UndiciConnection[] = []
  readonly #busy = new Set<UndiciConnection>()
  #isClosing = false

  constructor(endpoint: Endpoint, timeouts: LeafTimeouts, clock: Clock, heads: RequestHeads) {
    this.endpoint = endpoint
    this.authority = new URL(endpoint.url).host
    this.heads = heads
    this.timeouts = timeouts
    this.clock = clock
  }

  get idleCount(): number {
    return this.#idle.length
  }

  get busyCount(): number {
    return this.#busy.size
  }

  /** Sends the attempt over the warmest free connection, or over a new one. */
  send(attempt: Attempt): void {
    this.#start(this.#idle.pop() ?? new UndiciConnection(this), attempt)
  }

  repeat(attempt: Attempt): void {
    this.#start(new UndiciConnection(this), attempt)
  }

  idle(connection: UndiciConnection): void {
    this.#busy.delete(connection)
    if (!this.#isClosing) this.#idle.push(connection)
    // Undici is in the middle of this connection's last answer; it must not be destroyed under it.
    else this.clock.endOfTurn(() => connection.shut())
  }

  gone(connection: UndiciConnection): void {
    if (this.#busy.delete(connection)) return
    const at = this.#idle.lastIndexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
  }

  /** Closes free connections now and the others when their attempt ends. */
  close(): void {
    this.#isClosing = true
    for (const connection of this.#idle.splice(0)) connection.shut()
  }

  #start(connection: UndiciConnection, attempt: Attempt): void {
    this.#busy.add(connection)
    connection.start(attempt)
  }
}
