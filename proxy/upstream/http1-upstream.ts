// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The real Upstream over our own HTTP/1.1, and over HTTP/2 where that is written: picks the endpoint, keeps one pool
// for each, and looks after all of them once in a while. Policies, permits and queues stand before it.

import type { Attempt } from '../core/attempt.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import type { CheckResult, Dialled, DialOwner, Endpoint, Upstream } from '../core/upstream.ts'
import type { EndpointPool } from './endpoint-pool.ts'
import { Http2Pool } from './http2-pool.ts'
import { Line } from './line.ts'
import type { Lookup } from './name-lookup.ts'
import { hasName, NamedEndpoints } from './named-endpoints.ts'
import { Pool } from './pool.ts'
import type { PoolTimeouts } from './pool.ts'
import { RequestHeads } from './request-head.ts'
import { SocketOpening } from './socket-opening.ts'
import type { UpstreamTls } from './socket-opening.ts'

export interface Http1UpstreamOptions {
  readonly name: string
  /** At least one. */
  readonly endpoints: readonly Endpoint[]
  /** All in ms. `streamIdleMs` is 5 minutes unless given. */
  readonly timeouts: Omit<PoolTimeouts, 'streamIdleMs'> & { readonly streamIdleMs?: number | undefined }
  readonly tls?: UpstreamTls | undefined
  /** Whether HTTP/2 is spoken: where ALPN agrees on it; without TLS always. */
  readonly http2?: boolean | undefined
  /** Asks for the addresses of a name; the system's resolver unless given. */
  readonly lookup?: Lookup | undefined
  /** Told what each new connection took until it could carry an attempt, ms. */
  readonly onConnectionWait?: ((waitedMs: number) => void) | undefined
  /** The Host of checks; the endpoint's own unless given. Attempts carry theirs. */
  readonly host?: string | null
  readonly clock: Clock
  readonly random: Random
}

export const defaultStreamIdleMs = 300_000

/** Looking costs next to nothing; more often than this would not be noticed. */
const longestSweepMs = 1000

/** An upstream over our own connections. Throws when there is no endpoint, or a certificate cannot be read. */
export function createHttp1Upstream(options: Http1UpstreamOptions): Upstream {
  if (options.endpoints.length === 0) throw new Error(`upstream ${options.name} has no endpoint`)
  return new Http1Upstream(options)
}

class Http1Upstream implements Upstream {
  readonly name: string
  /** One pool for each endpoint, in their order. */
  endpoints: readonly Endpoint[]
  #pools: readonly EndpointPool[]
  /** Of endpoints that are no more, until their last attempt has ended. */
  #leaving: readonly EndpointPool[] = []
  readonly #names: NamedEndpoints | null
  readonly watch?: (changed: () => void) => void
  #changed: () => void = () => {}
  readonly #clock: Clock
  readonly #host: string | null
  readonly #sweepMs: number
  readonly #makePool: (endpoint: Endpoint) => EndpointPool
  /** Of the first endpoint as configured: whichever of its addresses answers. */
  readonly #front: SocketOpening
  #sweepTimer: Timer | null = null
  #next = 0
  /** Connections of endpoints that are no more. */
  #past = { opened: 0, reused: 0 }

  constructor(options: Http1UpstreamOptions) {
    const { clock, random, tls, lookup, onConnectionWait = () => {} } = options
    const timeouts = { ...options.timeouts, streamIdleMs: options.timeouts.streamIdleMs ?? defaultStreamIdleMs }
    const PoolOfKind = options.http2 === true ? Http2Pool : Pool
    const heads = new RequestHeads(random)
    this.name = options.name
    this.#clock = clock
    this.#host = options.host ?? null
    this.#sweepMs = Math.min(longestSweepMs, Math.max(1, timeouts.idleMs / 4))
    this.#makePool = (endpoint) => new PoolOfKind({
      endpoint, timeouts, clock, heads, onConnectionWait,
      opening: new SocketOpening({ endpoint, tls, lookup, clock, random }),
    })
    this.endpoints = options.endpoints
    this.#pools = options.endpoints.map(this.#makePool)
    this.#front = (this.#pools[0] as EndpointPool).opening
    this.#names = options.endpoints.some(hasName) ? new NamedEndpoints({
      endpoints: options.endpoints, clock, random, lookup, changed: (endpoints) => { this.#take(endpoints) },
    }) : null
    if (this.#names === null) return
    this.watch = (changed) => { this.#changed = changed }
    this.#names.begin()
  }

  send(attempt: Attempt): void {
    if (this.#sweepTimer === null) this.#armSweep()
    const pool = attempt.endpoint === null ? this.#pick() : this.#poolOf(attempt.endpoint)
    attempt.endpoint = pool.endpoint
    pool.send(attempt)
  }

  dial(attempt: Attempt, owner: DialOwner): Dialled {
    const pool = attempt.endpoint === null ? this.#pick() : this.#poolOf(attempt.endpoint)
    attempt.endpoint = pool.endpoint
    const { opening, timeouts } = pool
    const socket = opening.openUnreadHttp1()
    const line = new Line(socket, opening.isSecure, timeouts.connectMs, this.#clock, {
      opened: () => { owner.opened() }, drained: () => {}, ended: () => {},
      lost: (fault, cause) => { owner.lost(fault, cause) },
    })
    return { socket, shut: () => { line.shut() } }
  }

  probe(timeoutMs: number): Promise<string | null> {
    const { url } = this.endpoints[0] as Endpoint
    return new Promise((resolve) => {
      const end = (seen: string | null): void => {
        line.shut()
        resolve(seen)
      }
      const opening = this.#front
      const line = new Line(opening.openUnread(), opening.isSecure, timeoutMs, this.#clock, {
        opened: () => { end(null) },
        drained: () => {},
        ended: () => {},
        // Somebody is there, whom we do not believe: waiting for him would not help.
        lost: (fault, cause) => { end(fault === 'upstream.tls' ? null : `${url}: ${cause}`) },
      })
    })
  }

  check(endpoint: Endpoint, path: string, timeoutMs: number): Promise<CheckResult> {
    return this.#poolOf(endpoint).check(this.#host, path, timeoutMs)
  }

  inspect(): Record<string, number | string> {
    let open = 0
    let idle = 0
    let { opened, reused } = this.#past
    for (const pool of [...this.#pools, ...this.#leaving]) {
      open += pool.openCount
      idle += pool.idleCount
      opened += pool.opened
      reused += pool.reused
    }
    return {
      connections: open, idle, busy: open - idle, connectionsOpened: opened, connectionsReused: reused,
    }
  }

  close(): void {
    this.#names?.close()
    this.#sweepTimer?.clear()
    this.#sweepTimer = null
    for (const pool of this.#pools) pool.close()
  }

  #poolOf(endpoint: Endpoint): EndpointPool {
    const at = this.endpoints.indexOf(endpoint)
    return this.#pools[at] ?? this.#pick()
  }

  /** The endpoint with the fewest attempts, in turn among equals. */
  #pick(): EndpointPool {
    const pools = this.#pools
    let best = pools[0] as EndpointPool
    if (pools.length === 1) return best
    const start = this.#next++ % pools.length
    let fewest = Infinity
    for (let i = 0; i < pools.length; i++) {
      const pool = pools[(start + i) % pools.length] as EndpointPool
      const busy = pool.busyCount
      if (busy < fewest) {
        best = pool
        fewest = busy
      }
    }
    return best
  }

  /** Other endpoints: who stays keeps its connections, who goes finishes what it has. */
  #take(endpoints: readonly Endpoint[]): void {
    const known = new Map(this.#pools.map((pool) => [pool.endpoint, pool]))
    this.endpoints = endpoints
    this.#pools = endpoints.map((endpoint) => known.get(endpoint) ?? this.#makePool(endpoint))
    for (const endpoint of endpoints) known.delete(endpoint)
    for (const pool of known.values()) pool.close()
    this.#leaving = [...this.#leaving, ...known.values()]
    this.#forgetEmpty()
    this.#changed()
  }

  #forgetEmpty(): void {
    for (const { openCount, opened, reused } of this.#leaving) {
      if (openCount > 0) continue
      this.#past = { opened: this.#past.opened + opened, reused: this.#past.reused + reused }
    }
    this.#leaving = this.#leaving.filter(({ openCount }) => openCount > 0)
  }

  #armSweep(): void {
    this.#sweepTimer = this.#clock.after(this.#sweepMs, () => {
      const now = this.#clock.now()
      for (const pool of this.#pools) pool.sweep(now)
      for (const pool of this.#leaving) pool.sweep(now)
      this.#forgetEmpty()
      // Nothing left to look after: the next request arms it again.
      this.#sweepTimer = null
      if (this.#leaving.length > 0 || this.#pools.some((pool) => pool.openCount > 0)) this.#armSweep()
    })
  }
}
