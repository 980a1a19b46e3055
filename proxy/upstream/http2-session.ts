// HOT PATH — runs for every attempt over HTTP/2. Rules: docs/decisions/0004.
// One HTTP/2 connection to an endpoint and the attempts on it: how many it takes, when it takes none any more, and
// whether somebody is still there. Which session carries which attempt is the pool's affair.
//
//   connecting ─► greeting ─► open ─► leaving ─► gone       attempts may wait through the first two

import { connect } from 'node:http2'
import type { ClientHttp2Session, SecureClientSessionOptions, Settings } from 'node:http2'
import { TLSSocket } from 'node:tls'
import type { Timer } from '../core/clock.ts'
import type { FaultCode } from '../core/codes.ts'
import type { Http2Attempt } from './http2-attempt.ts'
import { streamEndOf } from './http2-faults.ts'
import type { Http2Pool } from './http2-pool.ts'
import { Line } from './line.ts'
import type { LineOwner } from './line.ts'

/** Bytes of one answer, and of all of them, that may be on their way to us unasked. */
const streamWindow = 256 * 1024
const connectionWindow = 1024 * 1024

/** Heads of answers are bounded as over HTTP/1.1; 32 bytes a field are what RFC 9113 section 6.5.2 counts beside. */
const mostFields = 256
const headBytes = 64 * 1024 + 32 * mostFields

/** However many more the peer would take: what one lost connection may take with it has a bound. */
const mostStreamsEver = 256

const clientOptions: SecureClientSessionOptions = {
  maxHeaderListPairs: mostFields,
  /** MB. */
  maxSessionMemory: 64,
  maxSettings: 32,
  maxOutstandingPings: 10,
  maxSessionInvalidFrames: 100,
  // Which field may come once is for those who read them to say.
  strictSingleValueFields: false,
  settings: { enablePush: false, initialWindowSize: streamWindow, maxHeaderListSize: headBytes },
} as SecureClientSessionOptions

/** What a session is, as a pool has to know it. */
export type SessionState = 'connecting' | 'open' | 'leaving' | 'gone'

export class Http2Session implements LineOwner {
  readonly #pool: Http2Pool
  readonly #line: Line
  readonly #wishedAt: number
  readonly #retiresAt: number
  readonly #waiting = new Set<Http2Attempt>()
  readonly #active = new Set<Http2Attempt>()
  #client: ClientHttp2Session | null = null
  #state: SessionState = 'connecting'
  #timer: Timer | null = null
  #mostStreams = 0
  #served = 0
  /** Streams above were not processed (RFC 9113 section 6.8). */
  #lastStream = Infinity
  #error: Error | null = null
  #idleSince: number
  /** Set while it is not known whether anybody is there: bytes that had come when a ping was sent. */
  #doubtedAt = -1
  #receivedAtDoubt = 0

  constructor(pool: Http2Pool) {
    const { opening, clock, timeouts } = pool
    this.#pool = pool
    this.#wishedAt = this.#idleSince = clock.now()
    this.#retiresAt = this.#wishedAt + opening.mostAgeMs()
    this.#line = new Line(opening.openUnread(), opening.isSecure, timeouts.connectMs, clock, this)
  }

  get state(): SessionState { return this.#state }
  get mostStreams(): number { return this.#mostStreams }
  get waitingCount(): number { return this.#waiting.size }
  get busyCount(): number { return this.#waiting.size + this.#active.size }
  /** Whether the connection is lost, for whatever is on it. */
  get isGone(): boolean { return this.#state === 'gone' || this.#client?.destroyed === true }

  /** Whether one more attempt may be sent over it at `now`. */
  hasRoom(now: number): boolean {
    if (this.#state !== 'open' || this.#active.size >= this.#mostStreams) return false
    if (this.#client?.closed !== false || this.#client.destroyed) return false
    if (this.#doubtedAt >= 0 && this.#line.socket.bytesRead === this.#receivedAtDoubt) return false
    return now < this.#retiresAt && (this.#active.size > 0 || now < this.#idleSince + this.#pool.timeouts.keepAliveMs)
  }

  /** Pool: takes an attempt, at once or when it is open. */
  take(one: Http2Attempt): void {
    if (this.#state === 'connecting') {
      this.#waiting.add(one)
      return one.waitsFor(this)
    }
    const isOnUsed = this.#served > 0
    this.#served++
    this.#active.add(one)
    one.begin(this, this.#client as ClientHttp2Session, isOnUsed)
  }

  /** Attempt: it waits no more. */
  forget(one: Http2Attempt): void {
    this.#waiting.delete(one)
  }

  /** Attempt: its stream is closed. */
  left(one: Http2Attempt): void {
    this.#active.delete(one)
    if (this.#active.size > 0) return
    this.#idleSince = this.#pool.clock.now()
    if (this.#state === 'leaving') this.#end()
  }

  /** Whether the peer has said that it did not process this stream, nor will. */
  isBeyondLast(id: number): boolean {
    return id > this.#lastStream
  }

  /** Attempt: it was given up without its answer. If no byte came at all, somebody has to say that he is there. */
  doubt(begunAt: number): void {
    const { clock, timeouts } = this.#pool
    const client = this.#client
    if (client === null || this.#doubtedAt >= 0 || begunAt < 0 || client.destroyed) return
    if (clock.now() - begunAt < timeouts.connectMs) return
    this.#doubtedAt = clock.now()
    this.#receivedAtDoubt = this.#line.socket.bytesRead
    client.ping(() => {})
    this.#timer = clock.after(timeouts.connectMs, () => { this.#answerDoubt() })
  }

  /** Once in a while: ends what is old, and looks for streams that have gone still. */
  look(now: number): void {
    for (const one of this.#active) one.look(now)
    if (this.#state !== 'open') return
    if (now >= this.#retiresAt) this.leave()
    else if (this.#active.size === 0 && now - this.#idleSince >= this.#pool.timeouts.keepAliveMs) this.leave()
  }

  /** No further attempts; it ends with those that it has. */
  leave(): void {
    if (this.#state === 'connecting' && this.#waiting.size === 0) return this.#end()
    if (this.#state !== 'open') return
    this.#state = 'leaving'
    if (this.#active.size === 0) this.#end()
  }

  // LineOwner
  opened(): void {
    const { socket } = this.#line
    if (socket instanceof TLSSocket && socket.alpnProtocol !== 'h2') {
      this.#pool.spokeHttp1([...this.#waiting])
      this.#waiting.clear()
      return this.#end()
    }
    const { url } = this.#pool.endpoint
    const client = this.#client = connect(url, { ...clientOptions, createConnection: () => socket })
    const leftMs = Math.max(1, this.#pool.timeouts.connectMs - (this.#pool.clock.now() - this.#wishedAt))
    this.#timer = this.#pool.clock.after(leftMs, () => {
      this.#failed('upstream.connect-timeout', 'the upstream did not greet in HTTP/2 in time')
    })
    client.on('connect', () => { client.setLocalWindowSize(connectionWindow) })
    client.on('remoteSettings', (settings) => { this.#greeted(settings) })
    client.on('goaway', (_code, lastStream) => {
      this.#lastStream = Math.min(this.#lastStream, lastStream ?? Infinity)
      this.leave()
    })
    client.on('error', (error) => { this.#error = error })
    client.on('close', () => { this.#closed() })
  }

  drained(): void { /* Node's session writes. */ }

  ended(): void {
    this.lost('upstream.reset', 'the upstream ended the connection before it spoke HTTP/2')
  }

  /** Once node's session has the socket, it says what befalls it. */
  lost(fault: FaultCode, cause: string): void {
    if (this.#client === null) this.#failed(fault, cause)
  }

  /** The connection failed before it was open, or broke: its streams are told by node. */
  #failed(fault: FaultCode, cause: string): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    this.#end()
    for (const one of waiting) one.broken(fault, cause)
  }

  #greeted({ maxConcurrentStreams = Infinity }: Settings): void {
    this.#mostStreams = Math.min(maxConcurrentStreams, mostStreamsEver)
    if (this.#state !== 'connecting') return
    this.#timer?.clear()
    this.#timer = null
    this.#state = 'open'
    this.#idleSince = this.#pool.clock.now()
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    this.#pool.greeted(this, this.#idleSince - this.#wishedAt, waiting)
  }

  #answerDoubt(): void {
    this.#timer = null
    const isThere = this.#line.socket.bytesRead !== this.#receivedAtDoubt
    this.#doubtedAt = -1
    if (isThere || this.isGone) return
    const cause = 'nothing came on the connection, not even an answer to a ping'
    for (const one of this.#active) one.broken('upstream.stalled', cause)
    this.#end()
  }

  #closed(): void {
    const { fault, cause } = streamEndOf(0, this.#error)
    this.#failed(fault, cause)
  }

  #end(): void {
    if (this.#state === 'gone') return
    this.#state = 'gone'
    this.#timer?.clear()
    this.#client?.destroy()
    this.#line.shut()
    this.#pool.gone(this)
  }
}
