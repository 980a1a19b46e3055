// WebSocket tunnels. The request has gone the way of every other up to here, and its handshake is an attempt like any
// other, with every gate of one; http-proxy-3 sends it over a connection of the leaf's and joins the two sockets, and
// nothing but that: other answers are delivered like any other, and its path for requests is never used. Tunnels are
// bounded per upstream, closed when they are silent, and counted.

import { createProxyServer } from 'http-proxy-3'
import type { IncomingMessage } from 'node:http'
import type { Attempt } from '../core/attempt.ts'
import type { Clock } from '../core/clock.ts'
import type { Exchange } from '../core/exchange.ts'
import type { Outcome, Refused } from '../core/outcome.ts'
import { systemRandom } from '../core/random.ts'
import type { Random } from '../core/random.ts'
import { HandshakeHeads } from './handshake.ts'
import { TunnelAttempt } from './tunnel-attempt.ts'
import type { UpgradeCaller } from './upgrade-caller.ts'

/** Whoever carries the exchange through the house. */
export interface TunnelOwner {
  /** The handshake is over: a tunnel, a refusal or a failure. Only the first call for an exchange counts. */
  tunnelEnded(exchange: Exchange, outcome: Outcome): void
}

export interface TunnelsOptions {
  readonly clock: Clock
  /** For trace ids; the system's unless given. */
  readonly random?: Random
  /** Open tunnels of one upstream; more are refused with `bulkhead.full`. */
  readonly maxTunnels?: number
  /** Silence after which a tunnel is closed, ms. */
  readonly idleMs?: number
  /** From the connection to the answer of the handshake, ms. */
  readonly handshakeMs?: number
}

const defaultMaxTunnels = 1024
export const defaultIdleMs = 300_000
/** As long as upstream may be silent within any answer. */
export const defaultHandshakeMs = 60_000

/** The caller itself puts back what came early. */
const noBytes = Buffer.alloc(0)

const full: Refused = { kind: 'refused', by: 'permit', code: 'bulkhead.full', status: 503, retryAfterMs: 0 }
const none: Refused = { ...full, by: 'balance', code: 'upstream.none' }

export function createTunnels(options: TunnelsOptions): Tunnels {
  return new Tunnels(options)
}

export class Tunnels {
  readonly #options: TunnelsOptions
  readonly #heads: HandshakeHeads
  readonly #proxy = createProxyServer({ ws: true })
  /** Tunnels and handshakes by name of the upstream. */
  readonly #open = new Map<string, Set<UpgradeCaller>>()
  readonly #attempts = new WeakMap<IncomingMessage, TunnelAttempt>()

  constructor(options: TunnelsOptions) {
    this.#options = options
    this.#heads = new HandshakeHeads(options.random ?? systemRandom)
    // Errors come through the callback of each handshake as well; without a listener they would end the process.
    this.#proxy.on('error', () => {})
    this.#proxy.on('proxyReqWs', (request, incoming) => this.#attempts.get(incoming)?.sending(request))
  }

  /** Opens a tunnel for an exchange that has passed its doors. */
  open(exchange: Exchange, caller: UpgradeCaller, owner: TunnelOwner): void {
    const { plan, work } = exchange
    let tunnels = this.#open.get(plan.upstream)
    if (tunnels === undefined) this.#open.set(plan.upstream, tunnels = new Set())
    if (tunnels.size >= (this.#options.maxTunnels ?? defaultMaxTunnels)) return owner.tunnelEnded(exchange, full)
    if (plan.dial === null) return owner.tunnelEnded(exchange, none)
    tunnels.add(caller)
    caller.socket.on('close', () => tunnels.delete(caller))
    // Resolves always: its handler is one of the pipeline's.
    void plan.upgrade(work, (attempt) => { this.#shake(attempt, caller, owner) })
      .then((outcome) => { owner.tunnelEnded(exchange, outcome) })
  }

  /** Closes all tunnels, handshakes included. */
  closeAll(): void {
    for (const tunnels of this.#open.values()) for (const caller of tunnels) caller.cut()
  }

  /** Open tunnels of an upstream. */
  count(upstream: string): number {
    return this.#open.get(upstream)?.size ?? 0
  }

  #shake(attempt: Attempt, caller: UpgradeCaller, owner: TunnelOwner): void {
    const { clock, handshakeMs, idleMs } = this.#options
    const tunnel = new TunnelAttempt(attempt, caller, owner, {
      clock, idleMs: idleMs ?? defaultIdleMs, handshakeMs: handshakeMs ?? defaultHandshakeMs,
    })
    const { endpoint } = attempt
    // It could not even be begun.
    if (endpoint === null || attempt.isClosed) return
    const { target, fields } = this.#heads.build(attempt, endpoint, clock.now())
    this.#attempts.set(caller.request, tunnel)
    caller.request.headers = fields
    tunnel.target = target
    // Encrypted or not, the connection is the leaf's: to http-proxy-3 it is a plain one.
    const options = { target: `http://${new URL(endpoint.url).host}`, ignorePath: true, agent: tunnel.agent }
    this.#proxy.ws(caller.request, caller.socket, noBytes, options, (error) => tunnel.broke(error))
    tunnel.listen()
  }
}
