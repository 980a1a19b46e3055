// HTTP/1.1 in, over node:http: settings, listeners and the set of connections of one listener. Another reader of
// HTTP/1.1 can take its place, since all that leaves it is a Caller.

import { createServer as createHttpServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Announce } from '../core/announce.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { Code } from '../core/codes.ts'
import type { Configuration, ListenerOptions } from '../core/configuration.ts'
import { Connection } from './connection.ts'
import type { ConnectionContext } from './connection.ts'
import { Gate } from './gate.ts'
import { HeadFlusher } from './head-flusher.ts'
import type { IncomingCaller } from './incoming-caller.ts'
import { listenOn, urlOf } from './listen.ts'
import { UpgradeCaller, wantsWebSocket } from './upgrade-caller.ts'

export interface ServerOptions {
  readonly listener: ListenerOptions
  readonly limits: Configuration['limits']
  readonly timeouts: Configuration['timeouts']
  /** The way of every request that has passed the gate. */
  readonly accept: (caller: IncomingCaller, listener: string) => void
  /** Counts requests that were refused before a route was known. */
  readonly unrouted: (code: Code) => void
  /** Name of this process in Via fields. */
  readonly viaPseudonym: string
  readonly clock: Clock
  /** From then on every answer says `connection: close`. */
  readonly isDraining: () => boolean
  readonly announce: Announce
}

/** How often connections are looked at for heads, bodies and answers that have stopped moving, ms. */
const checkIntervalMs = 1000
/** Node's own limit counts target, fields and line ends together; ours, which are exact, are to be met first. */
const slackBytes = 1024

/** Makes a server; nothing listens yet. */
export function createServer(options: ServerOptions): EdgeServer {
  return new EdgeServer(options)
}

export class EdgeServer {
  readonly #options: ServerOptions
  readonly #server: Server
  readonly #context: ConnectionContext
  readonly #connections = new Map<Duplex, Connection>()
  /** Open connections by peer address. */
  readonly #perCaller = new Map<string, number>()
  #refusedConnections = 0
  #timer: Timer | null = null

  constructor(options: ServerOptions) {
    this.#options = options
    const { clock, limits, listener, timeouts } = options
    this.#context = {
      clock,
      gate: new Gate(limits, options.viaPseudonym),
      flusher: new HeadFlusher(clock),
      accept: (caller) => options.accept(caller, listener.name),
      unrouted: options.unrouted,
      isDraining: options.isDraining,
      halfClose: listener.halfClose,
      uriBytes: limits.uriBytes,
      requestIdleMs: timeouts.requestIdleMs,
    }
    this.#server = createHttpServer({
      maxHeaderSize: limits.headerBytes + limits.uriBytes + slackBytes,
      // The gate looks for it, and says more when it is not there.
      requireHostHeader: false,
      headersTimeout: timeouts.headMs,
      connectionsCheckingInterval: Math.min(checkIntervalMs, timeouts.headMs),
      // Bodies have a limit between bytes instead: a large one may take its time.
      requestTimeout: 0,
      keepAliveTimeout: timeouts.keepAliveMs,
      insecureHTTPParser: false,
      noDelay: true,
      shouldUpgradeCallback: (request) => this.#connections.get(request.socket)?.upgrades(request) === true,
    })
    this.#configure()
  }

  /** Begins to accept; resolves to the URL, rejects with one line that says what, where and what to do. */
  async listen(): Promise<string> {
    const { listener, announce } = this.#options
    await listenOn(this.#server, listener)
    this.#scheduleCheck()
    announce({ what: 'listening', listener: listener.name, url: this.address })
    return this.address
  }

  /** Where it listens: `http://127.0.0.1:8080`, or `unix:/path`. */
  get address(): string {
    return urlOf(this.#server, this.#options.listener)
  }

  /** Open connections, tunnels among them. */
  connections(): number {
    return this.#connections.size
  }

  /** Accepts no new connection; those that are open stay, idle ones too. */
  stopAccepting(): void {
    // Node's http server would close idle connections here and stop looking for slow heads.
    if (this.#server.listening) NetServer.prototype.close.call(this.#server)
  }

  /** Closes connections on which nothing is under way. */
  closeIdle(): void {
    for (const [socket, connection] of this.#connections) if (connection.isIdle) socket.destroy()
  }

  /** Closes everything, whatever is under way, and stops accepting. */
  closeAll(): void {
    this.stopAccepting()
    this.#timer?.clear()
    this.#timer = null
    for (const socket of this.#connections.keys()) socket.destroy()
    this.#server.close()
  }

  /** Figures for status and gauges. */
  inspect(): Record<string, number | string> {
    return {
      connections: this.#connections.size,
      callers: this.#perCaller.size,
      refusedConnections: this.#refusedConnections,
    }
  }

  #configure(): void {
    const server = this.#server
    // Without a bound of its own: a cut list of fields is how bodies are smuggled. The gate counts.
    server.maxHeadersCount = 0
    server.maxConnections = this.#options.limits.connections
    // Not in node's types: whether a FIN of the peer leaves our side open.
    Object.assign(server, { httpAllowHalfOpen: this.#options.listener.halfClose === 'serve' })
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      this.#connections.get(request.socket)?.request(request, response)
    }
    // The other two would be answered by node itself; they go the way of every request.
    server.on('request', onRequest).on('checkContinue', onRequest).on('checkExpectation', onRequest)
    server.on('connection', (socket: Socket) => this.#opened(socket))
    server.on('drop', () => { this.#refusedConnections++ })
    server.on('clientError', (error: Error, socket: Duplex) => this.#failed(error, socket))
    server.on('connect', (_request, socket: Duplex) => this.#connections.get(socket)?.refuseRaw('request.method'))
    server.on('upgrade', (request, socket, head) => this.#upgraded(request, socket, head))
  }

  #opened(socket: Socket): void {
    const address = socket.remoteAddress ?? ''
    const open = this.#perCaller.get(address) ?? 0
    if (address !== '' && open >= this.#options.limits.connectionsPerCaller) {
      this.#refusedConnections++
      socket.destroy()
      return
    }
    this.#perCaller.set(address, open + 1)
    const connection = new Connection(socket, this.#context)
    this.#connections.set(socket, connection)
    socket.on('close', () => {
      this.#connections.delete(socket)
      const left = (this.#perCaller.get(address) ?? 1) - 1
      if (left === 0) this.#perCaller.delete(address)
      else this.#perCaller.set(address, left)
      connection.closed()
    })
  }

  #failed(error: Error, socket: Duplex): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined) socket.destroy()
    else connection.failed(error)
  }

  #upgraded(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined) return void socket.destroy()
    // Node without `shouldUpgradeCallback` upgrades whatever asks for it; a body would then be taken for the tunnel's.
    if (!wantsWebSocket(request)) return connection.refuseRaw('request.coding')
    const examined = this.#context.gate.examine(request)
    if (typeof examined === 'string') return connection.refuseRaw(examined)
    connection.becomeTunnel()
    this.#context.accept(new UpgradeCaller(examined, request, connection.socket, head, this.#options.clock))
  }

  #scheduleCheck(): void {
    const { clock, timeouts } = this.#options
    this.#timer = clock.after(Math.min(checkIntervalMs, timeouts.requestIdleMs / 2), () => {
      const now = clock.now()
      for (const connection of this.#connections.values()) connection.check(now)
      this.#scheduleCheck()
    })
  }
}
