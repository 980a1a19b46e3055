// HOT PATH — runs for every attempt over HTTP/2. Rules: docs/decisions/0004.
// The HTTP/2 sessions to one endpoint: one, and another when that is full, and the pool of HTTP/1.1 beside them where
// the endpoint agreed on that instead. It has no queue and no limit: who may send is decided before, by permits.

import type { Attempt } from '../core/attempt.ts'
import type { Clock } from '../core/clock.ts'
import type { Exchange } from '../core/exchange.ts'
import type { CheckResult, Endpoint } from '../core/upstream.ts'
import type { EndpointPool } from './endpoint-pool.ts'
import { Http2Attempt } from './http2-attempt.ts'
import { checkOverHttp2 } from './http2-check.ts'
import { Http2Session } from './http2-session.ts'
import { Pool } from './pool.ts'
import type { PoolOptions, PoolTimeouts } from './pool.ts'
import type { SocketOpening } from './socket-opening.ts'

/** An endpoint that chose HTTP/1.1 is asked again after this time: it may have been replaced, ms. */
const askAgainMs = 300_000

/** How many attempts wait for one session before it has said how many it takes (RFC 9113 section 6.5.2 advises 100). */
const assumedStreams = 100

export class Http2Pool implements EndpointPool {
  readonly endpoint: Endpoint
  readonly opening: SocketOpening
  readonly timeouts: PoolTimeouts
  readonly clock: Clock
  /** For what the endpoint does not take over HTTP/2; never used for an endpoint without TLS. */
  readonly #http1: Pool
  readonly #options: PoolOptions
  readonly #sessions = new Set<Http2Session>()
  /** Until then HTTP/1.1 is spoken, clock ms. */
  #isHttp1Until = -Infinity
  #expectedStreams = assumedStreams
  #isClosing = false
  #opened = 0
  #reused = 0

  constructor(options: PoolOptions) {
    this.#options = options
    this.endpoint = options.endpoint
    this.opening = options.opening
    this.timeouts = options.timeouts
    this.clock = options.clock
    this.#http1 = new Pool(options)
  }

  get openCount(): number { return this.#sessions.size + this.#http1.openCount }
  get opened(): number { return this.#opened + this.#http1.opened }
  get reused(): number { return this.#reused + this.#http1.reused }

  get idleCount(): number {
    let idle = this.#http1.idleCount
    for (const session of this.#sessions) if (session.busyCount === 0) idle++
    return idle
  }

  get busyCount(): number {
    let busy = this.#http1.busyCount
    for (const session of this.#sessions) busy += session.busyCount
    return busy
  }

  send(attempt: Attempt): void {
    if (this.#isHttp1()) this.#http1.send(attempt)
    else this.#place(new Http2Attempt(attempt, this, false))
  }

  check(host: string | null, path: string, timeoutMs: number): Promise<CheckResult> {
    if (this.#isHttp1()) return this.#http1.check(host, path, timeoutMs)
    const { endpoint, opening, clock } = this
    return checkOverHttp2({ endpoint, opening, host, path, timeoutMs, clock }, (leftMs) => {
      this.fallBack()
      return this.#http1.check(host, path, leftMs)
    })
  }

  sweep(now: number): void {
    this.#http1.sweep(now)
    for (const session of this.#sessions) session.look(now)
  }

  close(): void {
    this.#isClosing = true
    this.#http1.close()
    for (const session of this.#sessions) session.leave()
  }

  /** Attempt: its head, as it would go out over HTTP/1.1. */
  headOf(attempt: Attempt): string {
    return this.#http1.headOf(attempt)
  }

  /** Attempt: how long nothing may move on its stream while something is expected, ms. */
  mostStillMs(exchange: Exchange): number {
    return this.#http1.mostStillMs(exchange)
  }

  /** Attempt: it was not processed, or sending it again is harmless. Once for each attempt. */
  repeat(attempt: Attempt): void {
    if (this.#isHttp1()) this.#http1.send(attempt)
    else this.#place(new Http2Attempt(attempt, this, true))
  }

  /** From now on HTTP/1.1 is spoken, where that is possible: without TLS nobody was asked what he speaks. */
  fallBack(): boolean {
    if (!this.opening.isSecure) return false
    this.#isHttp1Until = this.clock.now() + askAgainMs
    return true
  }

  /** Session: the endpoint has chosen HTTP/1.1. */
  spokeHttp1(waiting: readonly Http2Attempt[]): void {
    this.fallBack()
    for (const one of waiting) this.#http1.send(one.handOver())
  }

  /** Session: the peer has greeted; these attempts wait for it. */
  greeted(session: Http2Session, waitedMs: number, waiting: readonly Http2Attempt[]): void {
    this.#options.onConnectionWait(waitedMs)
    this.#expectedStreams = Math.max(1, session.mostStreams)
    if (this.#isClosing && waiting.length === 0) return session.leave()
    const now = this.clock.now()
    for (const one of waiting) {
      if (session.hasRoom(now)) session.take(one)
      // Another session would say the same: no attempt can ever be sent.
      else if (session.mostStreams === 0) one.broken('upstream.refused', 'the upstream allows no streams')
      else this.#place(one)
    }
    if (this.#isClosing) session.leave()
  }

  /** Session: it has ended. */
  gone(session: Http2Session): void {
    this.#sessions.delete(session)
  }

  #isHttp1(): boolean {
    return this.#isHttp1Until > this.clock.now()
  }

  /** The oldest session with room: the others become idle and end. */
  #place(one: Http2Attempt): void {
    const now = this.clock.now()
    let opening: Http2Session | null = null
    for (const session of this.#sessions) {
      if (session.hasRoom(now)) {
        this.#reused++
        return session.take(one)
      }
      if (session.state === 'connecting' && session.waitingCount < this.#expectedStreams) opening ??= session
    }
    const session = opening ?? this.#openSession()
    session.take(one)
  }

  #openSession(): Http2Session {
    const session = new Http2Session(this)
    this.#sessions.add(session)
    this.#opened++
    return session
  }
}
