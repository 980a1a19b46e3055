// One listener: the set of its connections, whichever protocol they speak, its bounds, and the one timer that looks
// after them. All that leaves it is a Caller.

import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import type { Announce } from '../core/announce.ts'
import type { Clock } from '../core/clock.ts'
import type { Code } from '../core/codes.ts'
import type { Configuration, ListenerOptions } from '../core/configuration.ts'
import { CertificateFiles } from './certificate-files.ts'
import { ConnectionShares } from './connection-shares.ts'
import type { ConnectionLimit } from './connection-shares.ts'
import type { EdgeConnection } from './edge-connection.ts'
import { Gate } from './gate.ts'
import { HeadFlusher } from './head-flusher.ts'
import { HttpDate } from './http-date.ts'
import { Http1Connection } from './http1-connection.ts'
import type { ConnectionContext } from './http1-context.ts'
import { Http2Connection } from './http2-connection.ts'
import { Http2Gate } from './http2-gate.ts'
import type { Caller } from '../core/caller.ts'
import { listenOn, urlOf } from './listen.ts'
import { ProtocolChoice } from './protocol-choice.ts'
import { Sweep } from './sweep.ts'
import { TlsDoor } from './tls-door.ts'

export interface EdgeServerOptions {
  readonly listener: ListenerOptions
  readonly limits: Configuration['limits']
  readonly timeouts: Configuration['timeouts']
  /** The way of every request that has passed the gate. */
  readonly accept: (caller: Caller, listener: string) => void
  /** Counts requests that were refused before a route was known. */
  readonly unrouted: (code: Code) => void
  /** Counts connections that were closed unheard, by the limit they were too many for. */
  readonly turnedAway: (limit: ConnectionLimit) => void
  /** Name of this process in Via fields. */
  readonly viaPseudonym: string
  readonly clock: Clock
  /** From then on every answer says `connection: close`. */
  readonly isDraining: () => boolean
  readonly announce: Announce
}

/** How often connections are looked at for heads, bodies and answers that have stopped moving, ms, at most. */
const checkIntervalMs = 1000
/** One field may be half of all. */
const fieldShare = 0.5
/** How long a connection has for saying that it ends, ms. */
const lastWordMs = 250

export class EdgeServer {
  #options: EdgeServerOptions
  readonly #server: Server
  #context: ConnectionContext
  readonly #connections = new Map<Socket, EdgeConnection>()
  /** Null: without encryption. */
  readonly #door: TlsDoor | null
  readonly #certificates: CertificateFiles | null
  /** What lies below encrypted connections, handshakes among them. */
  readonly #encrypted = new Set<Socket>()
  readonly #shares: ConnectionShares
  readonly #flusher: HeadFlusher
  readonly #date: HttpDate
  readonly #sweep: Sweep

  constructor(options: EdgeServerOptions) {
    this.#options = options
    const { clock, limits } = options
    this.#flusher = new HeadFlusher(clock)
    this.#date = new HttpDate(clock)
    this.#context = this.#makeContext()
    this.#sweep = new Sweep(this.#connections, () => this.#checkIntervalMs(), clock)
    this.#door = this.#makeDoor()
    this.#certificates = this.#watchCertificates()
    // Half-open: what a FIN means is decided by the connection, not by node.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#opened(socket))
    this.#server.maxConnections = limits.connections
    this.#shares = new ConnectionShares(this.#server, options.turnedAway)
  }

  /** Begins to accept; resolves to the URL, rejects with one line that says what, where and what to do. */
  async listen(): Promise<string> {
    const { listener, announce } = this.#options
    await this.#certificates?.open()
    await listenOn(this.#server, listener)
    this.#sweep.start()
    announce({ what: 'listening', listener: listener.name, url: this.address })
    return this.address
  }

  /** Other bounds and times, for connections from now on. Address and certificates stay as they are. */
  reconfigure(listener: ListenerOptions, { limits, timeouts }: Pick<Configuration, 'limits' | 'timeouts'>): void {
    this.#options = { ...this.#options, listener, limits, timeouts }
    this.#context = this.#makeContext()
    this.#server.maxConnections = limits.connections
  }

  /** Where it listens: `http://127.0.0.1:8080`, or `unix:/path`. */
  get address(): string {
    return urlOf(this.#server, this.#options.listener)
  }

  /** Open connections, tunnels among them. */
  connections(): number {
    return this.#door === null ? this.#connections.size : this.#encrypted.size
  }

  /** Connections that have been given the last of an answer and have not taken it yet. */
  unsent(): number {
    let count = 0
    for (const connection of this.#connections.values()) if (connection.hasUnsent) count++
    return count
  }

  /** Accepts no new connection; those that are open stay, idle ones too. */
  stopAccepting(): void {
    if (this.#server.listening) this.#server.close()
  }

  /** Closes connections on which nothing is under way. */
  closeIdle(): void {
    for (const connection of this.#connections.values()) if (connection.isIdle) connection.cut()
  }

  /** Closes everything, whatever is under way, and stops accepting. */
  closeAll(): void {
    this.stopAccepting()
    this.#sweep.stop()
    this.#certificates?.close()
    for (const connection of this.#connections.values()) connection.cut()
    // What is still in its handshake has nobody yet who would cut it; the others have time for their last word.
    if (this.#encrypted.size === 0) return
    this.#options.clock.after(lastWordMs, () => { for (const socket of this.#encrypted) socket.destroy() })
  }

  /** Figures for status and gauges. */
  inspect(): Record<string, number | string> {
    return {
      connections: this.connections(),
      callers: this.#shares.callers,
      refusedConnections: this.#shares.refused,
      ...(this.#door === null ? {} : { failedHandshakes: this.#door.failed }),
    }
  }

  #makeContext(): ConnectionContext {
    const options = this.#options
    const { clock, limits, listener, timeouts } = options
    return {
      clock,
      gate: new Gate(limits, options.viaPseudonym),
      http2Gate: new Http2Gate(limits, options.viaPseudonym),
      limits: {
        // The gate's own bound, of the fields alone, is exact; this one keeps what is read before it is known.
        headBytes: limits.headerBytes + limits.uriBytes + 64,
        startLineBytes: limits.uriBytes + 64,
        fieldCount: limits.headerCount,
        fieldBytes: limits.headerBytes * fieldShare,
      },
      flusher: this.#flusher,
      date: this.#date,
      accept: (caller) => options.accept(caller, listener.name),
      unrouted: options.unrouted,
      isDraining: options.isDraining,
      halfClose: listener.halfClose,
      connectionLimits: {
        headMs: timeouts.headMs,
        keepAliveMs: timeouts.keepAliveMs,
        requestIdleMs: timeouts.requestIdleMs,
        connectionAgeMs: timeouts.connectionAgeMs,
        bodyBytesPerSecond: limits.bodyBytesPerSecond,
        requestsPerConnection: limits.requestsPerConnection,
      },
    }
  }

  #opened(socket: Socket): void {
    if (!this.#shares.admit(socket, this.#options.limits.connectionsPerCaller)) return
    if (this.#door !== null) this.#encrypt(socket, this.#door)
    else if (this.#options.listener.http2) this.#ask(socket)
    else this.#serve(socket, new Http1Connection(socket, this.#context))
  }

  #serve(socket: Socket, connection: EdgeConnection): void {
    this.#connections.set(socket, connection)
    socket.on('close', () => {
      this.#connections.get(socket)?.closed()
      this.#connections.delete(socket)
    })
  }

  /** A plain socket says by its first bytes what it speaks. */
  #ask(socket: Socket): void {
    const { clock, timeouts } = this.#options
    this.#serve(socket, new ProtocolChoice(socket, clock.now() + timeouts.headMs, (isHttp2) => {
      this.#connections.set(socket, isHttp2
        ? new Http2Connection(socket, this.#context) : new Http1Connection(socket, this.#context))
      if (!isHttp2) socket.resume()
    }))
  }

  #encrypt(socket: Socket, door: TlsDoor): void {
    this.#encrypted.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => { this.#encrypted.delete(socket) })
    door.take(socket)
  }

  #makeDoor(): TlsDoor | null {
    const { listener, timeouts } = this.#options
    if (listener.tls === null) return null
    return new TlsDoor({
      tls: listener.tls, http2: () => this.#options.listener.http2, handshakeMs: timeouts.headMs,
      opened: (socket) => {
        this.#serve(socket, socket.alpnProtocol === 'h2'
          ? new Http2Connection(socket, this.#context) : new Http1Connection(socket, this.#context))
      },
    })
  }

  #watchCertificates(): CertificateFiles | null {
    const { listener, clock, announce } = this.#options
    if (listener.tls === null) return null
    return new CertificateFiles({
      listener: listener.name, tls: listener.tls, clock, announce, use: (texts) => { this.#door?.use(texts) },
    })
  }

  #checkIntervalMs(): number {
    const { requestIdleMs, headMs, keepAliveMs } = this.#options.timeouts
    return Math.min(checkIntervalMs, Math.min(requestIdleMs, headMs, keepAliveMs) / 2)
  }
}
