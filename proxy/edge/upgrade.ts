// WebSocket tunnels. The request has gone the way of every other up to here; http-proxy-3 sends the handshake and joins
// the two sockets, and nothing but that: its path for requests is never used. Tunnels are bounded per upstream, closed
// when they are silent, and counted.

import type { ClientRequest, IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createProxyServer } from 'http-proxy-3'
import type { Clock, Timer } from '../core/clock.ts'
import type { FaultCode } from '../core/codes.ts'
import type { Exchange } from '../core/exchange.ts'
import { tunnel } from '../core/outcome.ts'
import type { Outcome, Refused } from '../core/outcome.ts'
import { systemRandom } from '../core/random.ts'
import type { Random } from '../core/random.ts'
import type { Endpoint } from '../core/upstream.ts'
import { HandshakeHeads } from './handshake.ts'
import { watchSilence } from './silence.ts'
import type { UpgradeCaller } from './upgrade-caller.ts'

/** Whoever carries the exchange through the house. */
export interface TunnelOwner {
  /** The handshake is over: a tunnel, a refusal or a failure. */
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
const defaultIdleMs = 300_000
/** As long as upstream may be silent within any answer. */
const defaultHandshakeMs = 60_000
const connectMs = 1000

/** The caller itself puts back what came early. */
const noBytes = Buffer.alloc(0)

const full: Refused = { kind: 'refused', by: 'permit', code: 'bulkhead.full', status: 503, retryAfterMs: 0 }

export function createTunnels(options: TunnelsOptions): Tunnels {
  return new Tunnels(options)
}

export class Tunnels {
  readonly #options: TunnelsOptions
  readonly #heads: HandshakeHeads
  readonly #proxy = createProxyServer({ ws: true })
  /** Tunnels and handshakes by name of the upstream. */
  readonly #open = new Map<string, Set<UpgradeCaller>>()
  readonly #handshakes = new WeakMap<IncomingMessage, Handshake>()
  /** Endpoints take turns. */
  #turn = 0

  constructor(options: TunnelsOptions) {
    this.#options = options
    this.#heads = new HandshakeHeads(options.random ?? systemRandom)
    // Errors come through the callback of each handshake as well; without a listener they would end the process.
    this.#proxy.on('error', () => {})
    this.#proxy.on('proxyReqWs', (request, incoming) => this.#handshakes.get(incoming)?.sending(request))
  }

  /** Opens a tunnel for an exchange that has passed its doors. */
  open(exchange: Exchange, caller: UpgradeCaller, owner: TunnelOwner): void {
    const { upstream, endpoints } = exchange.plan
    let tunnels = this.#open.get(upstream)
    if (tunnels === undefined) this.#open.set(upstream, tunnels = new Set())
    if (tunnels.size >= (this.#options.maxTunnels ?? defaultMaxTunnels)) return owner.tunnelEnded(exchange, full)
    const endpoint = endpoints[this.#turn++ % endpoints.length]
    if (endpoint === undefined) return owner.tunnelEnded(exchange, { ...full, code: 'upstream.none' })
    tunnels.add(caller)
    caller.socket.on('close', () => tunnels.delete(caller))
    this.#shake(exchange, caller, owner, endpoint)
  }

  /** Closes all tunnels, handshakes included. */
  closeAll(): void {
    for (const tunnels of this.#open.values()) for (const caller of tunnels) caller.cut()
  }

  /** Open tunnels of an upstream. */
  count(upstream: string): number {
    return this.#open.get(upstream)?.size ?? 0
  }

  #shake(exchange: Exchange, caller: UpgradeCaller, owner: TunnelOwner, endpoint: Endpoint): void {
    const { clock, handshakeMs, idleMs } = this.#options
    exchange.work.attempts++
    const { target, fields } = this.#heads.build(exchange, endpoint, clock.now())
    const handshake = new Handshake(exchange, caller, owner, clock, target, idleMs ?? defaultIdleMs)
    this.#handshakes.set(caller.request, handshake)
    handshake.arm(handshakeMs ?? defaultHandshakeMs)
    caller.request.headers = fields
    const options = { target: endpoint.url, ignorePath: true, connectTimeout: connectMs }
    this.#proxy.ws(caller.request, caller.socket, noBytes, options, (error) => handshake.failed(error))
  }
}

/** From the doors to upstream's answer: what http-proxy-3 leaves open is closed here. */
class Handshake {
  readonly #exchange: Exchange
  readonly #caller: UpgradeCaller
  readonly #owner: TunnelOwner
  readonly #clock: Clock
  readonly #target: string
  readonly #idleMs: number
  #request: ClientRequest | null = null
  #timer: Timer | null = null
  #isOver = false
  #isTimedOut = false

  constructor(
    exchange: Exchange, caller: UpgradeCaller, owner: TunnelOwner, clock: Clock, target: string, idleMs: number,
  ) {
    this.#exchange = exchange
    this.#caller = caller
    this.#owner = owner
    this.#clock = clock
    this.#target = target
    this.#idleMs = idleMs
    caller.socket.on('close', () => this.#abandon())
  }

  arm(timeoutMs: number): void {
    this.#timer = this.#clock.after(timeoutMs, () => {
      this.#isTimedOut = true
      this.#request?.destroy(new Error('no answer to the handshake'))
    })
  }

  /** The request is about to leave: these listeners run before those of http-proxy-3. */
  sending(request: ClientRequest): void {
    this.#request = request
    // As received: http-proxy-3 would normalise it.
    request.path = this.#target
    this.#exchange.work.raise('maybe')
    request.on('upgrade', (answer: IncomingMessage, upstream: Duplex) => this.#upgraded(answer, upstream))
    request.on('response', (answer: IncomingMessage) => this.#answered(answer))
  }

  failed(error: NodeJS.ErrnoException): void {
    if (this.#isOver) return void this.#caller.socket.destroy()
    this.#end({ kind: 'failed', fault: this.#isTimedOut ? 'upstream.timeout' : faultOf(error), cause: error.message })
  }

  #upgraded(answer: IncomingMessage, upstream: Duplex): void {
    // Too late: the caller has left or has been told that its time is over.
    if (this.#isOver || this.#caller.isBegun) return void upstream.destroy()
    // We asked for one protocol; a tunnel for another would be spoken by nobody.
    if (answer.headers.upgrade?.toLowerCase() !== 'websocket') {
      return this.#end({ kind: 'failed', fault: 'upstream.malformed', cause: 'upgraded to another protocol' })
    }
    this.#caller.handOver()
    joinEnds(this.#caller, upstream)
    this.#end(tunnel)
    watchSilence(this.#caller.socket, this.#clock, this.#idleMs)
  }

  /** Upstream stays with HTTP: http-proxy-3 relays its answer and closes; the pace and a break are seen to here. */
  #answered(answer: IncomingMessage): void {
    if (this.#isOver || this.#caller.isBegun) return void answer.destroy()
    const { socket } = this.#caller
    this.#caller.handOver()
    watchSilence(socket, this.#clock, defaultHandshakeMs)
    answer.on('data', () => { if (socket.writableNeedDrain) answer.pause() })
    socket.on('drain', () => answer.resume())
    answer.on('close', () => { if (!answer.complete) this.#caller.breakOff() })
    this.#stop()
    const { statusCode, statusMessage, rawHeaders } = answer
    const status = statusCode ?? 502
    this.#exchange.settle({
      kind: 'reply', status, reason: statusMessage ?? '', headers: rawHeaders, body: null, origin: 'upstream',
    }, null, status, this.#clock.now())
  }

  #end(outcome: Outcome): void {
    this.#stop()
    this.#owner.tunnelEnded(this.#exchange, outcome)
  }

  /** The caller has left before upstream answered. */
  #abandon(): void {
    if (this.#isOver) return
    this.#stop()
    this.#request?.destroy()
  }

  #stop(): void {
    this.#isOver = true
    this.#timer?.clear()
  }
}

/**
 * What http-proxy-3 leaves out of joining two sockets: either side may end before the other, and a break on one side
 * is a break on the other. A FIN would say that all had been sent.
 */
function joinEnds(caller: UpgradeCaller, upstream: Duplex): void {
  upstream.allowHalfOpen = true
  upstream.on('error', () => caller.breakOff())
  // Before the listener of http-proxy-3, which ends the other side in order: after a FIN there is no reset.
  caller.socket.prependListener('error', () => {
    if (upstream instanceof Socket && !('encrypted' in upstream)) upstream.resetAndDestroy()
    else upstream.destroy()
  })
}

function faultOf(error: NodeJS.ErrnoException): FaultCode {
  const code = error.code ?? ''
  if (code === 'ECONNREFUSED') return 'upstream.refused'
  if (code === 'ECONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'upstream.connect-timeout'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'upstream.dns'
  if (code.startsWith('HPE_')) return 'upstream.malformed'
  return /^ERR_(?:TLS|SSL)|CERT/.test(code) ? 'upstream.tls' : 'upstream.reset'
}
