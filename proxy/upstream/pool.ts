// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The connections to one endpoint. Free ones are taken last in, first out: the warmest is used and the others age out.
// It has no queue and no limit: who may send is decided before, by permits.

import type { Attempt } from '../core/attempt.ts'
import type { Clock } from '../core/clock.ts'
import type { Exchange } from '../core/exchange.ts'
import type { CheckResult, Endpoint } from '../core/upstream.ts'
import { noBody } from '../http1/framing.ts'
import type { AnswerReader } from './answer-reader.ts'
import { Connection } from './connection.ts'
import { checkEndpoint } from './endpoint-check.ts'
import type { EndpointPool } from './endpoint-pool.ts'
import type { RequestHeads } from './request-head.ts'
import type { SocketOpening } from './socket-opening.ts'

/** All in ms. */
export interface PoolTimeouts {
  readonly connectMs: number
  /** Between bytes of an answer, or of an upload that the upstream does not take. */
  readonly idleMs: number
  /** The same on streams. */
  readonly streamIdleMs: number
  /** How long an unused connection is kept when the origin announces nothing. */
  readonly keepAliveMs: number
}

export interface PoolOptions {
  readonly endpoint: Endpoint
  readonly timeouts: PoolTimeouts
  readonly clock: Clock
  readonly opening: SocketOpening
  readonly heads: RequestHeads
  /** Told what each new connection took until it could carry an attempt, ms. */
  readonly onConnectionWait: (waitedMs: number) => void
}

/** An origin closes at the time it announces: we have to be earlier, by more than a request takes to arrive. */
const keepAliveMarginMs = 1000

/** What an origin announces is believed up to here: what lies in between may forget a connection sooner. */
const longestKeepAliveMs = 60_000

export class Pool implements EndpointPool {
  readonly endpoint: Endpoint
  readonly timeouts: PoolTimeouts
  readonly clock: Clock
  readonly opening: SocketOpening
  readonly #heads: RequestHeads
  readonly #onConnectionWait: (waitedMs: number) => void
  readonly #authority: string
  readonly #free: Connection[] = []
  readonly #all = new Set<Connection>()
  /** Freed in this turn of the loop: what the peer had sent by then has been read. */
  readonly #warm: Connection[] = []
  /** Taken up with an attempt in this turn, to be written on at its end. */
  readonly #departing: Connection[] = []
  #isTurnWatched = false
  #isClosing = false
  opened = 0
  reused = 0

  constructor(options: PoolOptions) {
    this.endpoint = options.endpoint
    this.timeouts = options.timeouts
    this.clock = options.clock
    this.opening = options.opening
    this.#heads = options.heads
    this.#onConnectionWait = options.onConnectionWait
    this.#authority = new URL(options.endpoint.url).host
  }

  get openCount(): number {
    return this.#all.size
  }

  get idleCount(): number {
    return this.#free.length
  }

  get busyCount(): number {
    return this.#all.size - this.#free.length
  }

  /** Sends the attempt over the warmest free connection, or over a new one. */
  send(attempt: Attempt): void {
    const free = this.#free
    if (free.length > 0) {
      const now = this.clock.now()
      for (let connection = free.pop(); connection !== undefined; connection = free.pop()) {
        if (connection.expiresAt > now) {
          this.reused++
          return connection.send(attempt)
        }
        connection.shut()
      }
    }
    this.#open().send(attempt)
  }

  check(host: string | null, path: string, timeoutMs: number): Promise<CheckResult> {
    const { endpoint, opening, clock } = this
    return checkEndpoint({ endpoint, opening, host, path, timeoutMs, clock })
  }

  /** Connection: it is open, and may carry an attempt for the first time. */
  connected(connection: Connection): void {
    this.#onConnectionWait(this.clock.now() - connection.wishedAt)
    connection.begin()
  }

  /**
   * Connection: it is kept and has an attempt. Bytes that the peer sent while it was idle may lie unread in the kernel
   * (a second answer, a 408 for idling): at the end of this turn every socket that was readable has been read, and a
   * connection that turned out to be poisoned has given its attempt away. Only then is written on it.
   */
  depart(connection: Connection): void {
    if (connection.isWarm) return connection.begin()
    this.#departing.push(connection)
    this.#watchTurn()
  }

  /** Connection: it died under this attempt, which may be sent again, and never on a kept connection. */
  repeat(attempt: Attempt): void {
    this.#open().send(attempt)
  }

  /** Connection: the head of this attempt as it goes out now. */
  headOf(attempt: Attempt): string {
    return this.#heads.build(attempt, this.#authority, this.clock.now())
  }

  /** Connection: how long nothing may move on it while something is expected, ms. */
  mostStillMs({ isStream, plan }: Exchange): number {
    return isStream || plan.isStream ? this.timeouts.streamIdleMs : this.timeouts.idleMs
  }

  /** Connection: request and answer are complete, and it may serve another attempt. */
  freed(connection: Connection, { keepAliveS, framing }: AnswerReader): void {
    const keptMs = keepAliveS < 0
      ? this.timeouts.keepAliveMs
      : Math.min(keepAliveS * 1000 - keepAliveMarginMs, longestKeepAliveMs)
    const now = this.clock.now()
    if (this.#isClosing || keptMs <= 0 || now >= connection.retiresAt) return connection.shut()
    connection.expiresAt = Math.min(now + keptMs, connection.retiresAt)
    if (framing === noBody) return this.#rest(connection)
    this.#free.push(connection)
    connection.isWarm = true
    this.#warm.push(connection)
    this.#watchTurn()
  }

  /** Connection: it is closed. */
  gone(connection: Connection): void {
    this.#all.delete(connection)
    const at = this.#free.lastIndexOf(connection)
    if (at >= 0) this.#free.splice(at, 1)
  }

  /** Once in a while: closes what has expired, and looks for peers that have gone still. */
  sweep(now: number): void {
    for (const connection of this.#free.filter((free) => free.expiresAt <= now)) connection.shut()
    for (const connection of this.#all) connection.look(now)
  }

  /** Closes free connections now and the others when their attempt ends. */
  close(): void {
    this.#isClosing = true
    for (const connection of this.#all) connection.shut()
  }

  /**
   * Origins that wrongly send a body after an answer without one tend to send it in a packet of its own. The sockets
   * are read once before this connection serves again, so that such bytes meet an idle connection and end it.
   */
  #rest(connection: Connection): void {
    this.clock.endOfTurn(() => {
      this.clock.endOfTurn(() => {
        if (this.#isClosing) connection.shut()
        else if (this.#all.has(connection)) this.#free.push(connection)
      })
    })
  }

  #watchTurn(): void {
    if (this.#isTurnWatched) return
    this.#isTurnWatched = true
    this.clock.endOfTurn(this.#endTurn)
  }

  readonly #endTurn = (): void => {
    this.#isTurnWatched = false
    for (const connection of this.#warm) connection.isWarm = false
    this.#warm.length = 0
    for (const connection of this.#departing.splice(0)) connection.begin()
  }

  #open(): Connection {
    const connection = new Connection(this)
    connection.wishedAt = this.clock.now()
    connection.retiresAt = connection.wishedAt + this.opening.mostAgeMs()
    this.#all.add(connection)
    this.opened++
    return connection
  }
}
