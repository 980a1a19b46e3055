// HTTP/1.1 in, over bare sockets: the set of connections of one listener, its bounds, and the one timer that looks
// after them. All that leaves it is a Caller.

import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import type { Announce } from '../core/announce.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { Code } from '../core/codes.ts'
import type { Configuration, ListenerOptions } from '../core/configuration.ts'
import { Gate } from './gate.ts'
import { HeadFlusher } from './head-flusher.ts'
import { HttpDate } from './http-date.ts'
import { Http1Connection } from './http1-connection.ts'
import type { ConnectionContext } from './http1-context.ts'
import type { Caller } from '../core/caller.ts'
import { listenOn, urlOf } from './listen.ts'

export interface EdgeServerOptions {
  readonly listener: ListenerOptions
  readonly limits: Configuration['limits']
  readonly timeouts: Configuration['timeouts']
  /** The way of every request that has passed the gate. */
  readonly accept: (caller: Caller, listener: string) => void
  /** Counts requests that were refused before a route was known. */
  readonly unrouted: (code: Code) => void
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

export class EdgeServer {
  readonly #options: EdgeServerOptions
  readonly #server: Server
  readonly #context: ConnectionContext
  readonly #connections = new Map<Socket, Http1Connection>()
  /** Open connections by peer address. */
  readonly #perCaller = new Map<string, number>()
  #refusedConnections = 0
  #timer: Timer | null = null

  constructor(options: EdgeServerOptions) {
    this.#options = options
    const { clock, limits, listener, timeouts } = options
    this.#context = {
      clock,
      gate: new Gate(limits, options.viaPseudonym),
      limits: {
        // The gate's own bound, of the fields alone, is exact; this one keeps what is read before it is known.
        headBytes: limits.headerBytes + limits.uriBytes + 64,
        startLineBytes: limits.uriBytes + 64,
        fieldCount: limits.headerCount,
        fieldBytes: limits.headerBytes * fieldShare,
      },
      flusher: new HeadFlusher(clock),
      date: new HttpDate(clock),
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
    // Half-open: what a FIN means is decided by the connection, not by node.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#opened(socket))
    this.#server.maxConnections = limits.connections
    this.#server.on('drop', () => { this.#refusedConnections++ })
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
    for (const [socket, connection] of this.#connections) if (connection.isIdle) socket.destroy()
  }

  /** Closes everything, whatever is under way, and stops accepting. */
  closeAll(): void {
    this.stopAccepting()
    this.#timer?.clear()
    this.#timer = null
    for (const connection of this.#connections.values()) connection.cut()
  }

  /** Figures for status and gauges. */
  inspect(): Record<string, number | string> {
    return {
      connections: this.#connections.size,
      callers: this.#perCaller.size,
      refusedConnections: this.#refusedConnections,
    }
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
    const connection = new Http1Connection(socket, this.#context)
    this.#connections.set(socket, connection)
    socket.on('close', () => {
      this.#connections.delete(socket)
      const left = (this.#perCaller.get(address) ?? 1) - 1
      if (left === 0) this.#perCaller.delete(address)
      else this.#perCaller.set(address, left)
      connection.closed()
    })
  }

  #scheduleCheck(): void {
    const { clock, timeouts } = this.#options
    const shortestMs = Math.min(timeouts.requestIdleMs, timeouts.headMs, timeouts.keepAliveMs)
    this.#timer = clock.after(Math.min(checkIntervalMs, shortestMs / 2), () => {
      const now = clock.now()
      for (const connection of this.#connections.values()) connection.check(now)
      this.#scheduleCheck()
    })
  }
}
