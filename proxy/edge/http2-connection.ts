// HOT PATH — runs for every request over HTTP/2. Rules: docs/decisions/0004.
// One HTTP/2 connection: node's session, bounded on every side, and the streams on it as callers. What a peer may cost
// without asking anything is counted; the end is announced before it comes.

import { constants, performServerHandshake } from 'node:http2'
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Timer } from '../core/clock.ts'
import type { RequestHead } from '../core/caller.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import { Allowance } from './allowance.ts'
import type { EdgeConnection } from './edge-connection.ts'
import type { ConnectionContext } from './http1-context.ts'
import { Http2Caller } from './http2-caller.ts'
import { sessionOptions } from './http2-session-options.ts'
import { identityOf } from './peer-identity.ts'
import { notProcessed } from './refusals.ts'

const {
  NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM,
} = constants

/** Streams that their caller resets this soon cost more than they can have been meant for, ms. */
const soonMs = 1000
/** Such streams: at once, and a second. */
const resetsAtOnce = 200
const resetsPerSecond = 50
/** PING and SETTINGS frames, which we have to answer: at once, and a second. */
const controlsAtOnce = 200
const controlsPerSecond = 50
/**
 * Bytes that are neither a body nor the head of a request: at once, and a second. A body that nobody has asked for yet
 * is among them, as much of it as all windows hold.
 */
const overheadAtOnce = 16 * 1024 * 1024
const overheadPerSecond = 1024 * 1024
/** Bytes for the whole connection that may be on their way to us unasked. */
const connectionWindow = 1024 * 1024
/** How long a peer has for closing its side, ms. */
const lingerMs = 1000
/** How long requests may still come after a peer has heard that the end is near, ms. */
const graceMs = 250
/** How long a peer has for showing that it has heard, ms. */
const unheardMs = 1000
/**
 * GOAWAY without an error, its last stream the largest id there is: the end is near, and what comes until then is
 * served (RFC 9113 section 6.8). Node can only say it so that it hears no new request from then on.
 */
const endIsNear = Buffer.from('0000080700000000007fffffff00000000', 'hex')

/** Of a request that did not get past the gate. */
const refusedHead: RequestHead = {
  method: 'GET', target: '/', path: '/', authority: '', headers: [], version: 2, expectsContinue: false,
}

export class Http2Connection implements EdgeConnection {
  readonly context: ConnectionContext
  readonly remoteAddress: string
  readonly isSecure: boolean
  readonly identity: string | null
  readonly #socket: Socket
  readonly #session: ServerHttp2Session
  readonly #callers = new Set<Http2Caller>()
  readonly #resets: Allowance
  readonly #controls: Allowance
  readonly #overhead: Allowance
  #readBytes = 0
  /** Bytes of bodies and heads since the last look; those of bodies count twice, with their frames. */
  #usefulBytes = 0
  #requests = 0
  readonly #openedAt: number
  #idleSince: number
  /** Our settings have left, before which nothing may be said. */
  #hasGreeted = false
  #hasAnnouncedEnd = false
  /** The last word, once the end has been announced. */
  #ending: Timer | null = null
  #isFlooded = false
  #endedAt = -1

  /** The socket has been read by nobody, or what was read is in it again. */
  constructor(socket: Socket, context: ConnectionContext) {
    this.context = context
    this.#socket = socket
    this.remoteAddress = socket.remoteAddress ?? ''
    this.isSecure = 'encrypted' in socket
    this.identity = identityOf(socket)
    const now = this.#openedAt = this.#idleSince = context.clock.now()
    this.#resets = new Allowance(resetsAtOnce, resetsPerSecond, now)
    this.#controls = new Allowance(controlsAtOnce, controlsPerSecond, now)
    this.#overhead = new Allowance(overheadAtOnce, overheadPerSecond, now)
    const session = this.#session = performServerHandshake(socket, sessionOptions(context.limits))
    session.on('error', () => {})
    socket.on('error', () => {})
    // Half-open or not: who sends FIN can no longer ask for anything, nor say that there is room for an answer.
    socket.on('end', () => { this.#destroy(NGHTTP2_NO_ERROR) })
    session.on('connect', () => {
      session.setLocalWindowSize(connectionWindow)
      context.clock.endOfTurn(() => { this.#hasGreeted = true })
    })
    session.on('ping', () => { this.#control() })
    session.on('remoteSettings', () => { this.#control() })
    session.on('stream', (stream: ServerHttp2Stream, _headers: IncomingHttpHeaders, flags: number, raw: RawHeaders) => {
      this.#opened(stream, flags, raw)
    })
  }

  get isIdle(): boolean { return this.#callers.size === 0 }

  get hasUnsent(): boolean {
    for (const caller of this.#callers) if (caller.isUnsent) return true
    return false
  }

  check(now: number): void {
    if (this.#session.destroyed) {
      if (this.#endedAt < 0) this.#endedAt = now
      else if (now - this.#endedAt >= lingerMs) this.#socket.destroy()
      return
    }
    for (const caller of this.#callers) {
      this.#usefulBytes += 2 * caller.uncountedBytes()
      caller.check(now)
    }
    if (this.context.isDraining()) this.#announceEnd()
    const readBytes = this.#socket.bytesRead
    const overhead = Math.max(0, readBytes - this.#readBytes - this.#usefulBytes)
    this.#readBytes = readBytes
    this.#usefulBytes = 0
    if (!this.#overhead.take(overhead, now)) return this.#stopFlood()
    if (this.#callers.size > 0) return
    const { headMs, keepAliveMs } = this.context.connectionLimits
    if (now - this.#idleSince >= (this.#requests > 0 ? keepAliveMs : headMs)) this.#session.close()
  }

  cut(): void {
    this.#destroy(NGHTTP2_NO_ERROR)
  }

  closed(): void {
    this.#ending?.clear()
    this.#destroy(NGHTTP2_NO_ERROR)
    for (const caller of this.#callers) caller.gone()
    this.#callers.clear()
  }

  /** Caller: its stream is closed, and all of its answer has left. */
  ended(caller: Http2Caller): void {
    this.#callers.delete(caller)
    this.#usefulBytes += 2 * caller.uncountedBytes()
    if (this.#callers.size > 0) return
    this.#idleSince = this.context.clock.now()
    if (this.#hasAnnouncedEnd) this.#session.close()
  }

  /** Caller: its stream was reset before its answer was complete. */
  wasReset(caller: Http2Caller): void {
    const now = this.context.clock.now()
    if (this.#session.destroyed || now - caller.startedAt >= soonMs) return
    if (!this.#resets.take(1, now)) this.#stopFlood()
  }

  #opened(stream: ServerHttp2Stream, flags: number, raw: RawHeaders): void {
    stream.on('error', () => {})
    if (this.#isFlooded) return stream.close(NGHTTP2_REFUSED_STREAM)
    const { context } = this
    this.#requests++
    if (this.#isLastRequest()) this.#announceEnd()
    const endsHere = (flags & NGHTTP2_FLAG_END_STREAM) !== 0
    const gate = context.http2Gate
    const head = gate.examine(raw, endsHere, this.isSecure)
    const isRefused = typeof head === 'string'
    const length = endsHere ? null : isRefused ? -1 : gate.contentLength
    const caller = new Http2Caller(isRefused ? refusedHead : head, length, stream, this)
    this.#usefulBytes += sizeOf(raw)
    // Opened and reset in one breath.
    if (stream.closed) return caller.gone()
    this.#callers.add(caller)
    if (!isRefused) return context.accept(caller)
    context.unrouted(head)
    caller.refuse(head, 0, '', notProcessed)
  }

  /** Whether this connection is to end: this instance leaves, or it has served for long enough. */
  #isLastRequest(): boolean {
    const { isDraining, clock, connectionLimits } = this.context
    return isDraining() || this.#requests >= connectionLimits.requestsPerConnection
      || clock.now() - this.#openedAt >= connectionLimits.connectionAgeMs
  }

  #control(): void {
    if (!this.#controls.take(1, this.context.clock.now())) this.#stopFlood()
  }

  /**
   * Says that the end is near; when the peer must have heard of it, which request was the last. Beside the session, on
   * the socket they share: the session writes whole frames. Where that is encrypted only the last word is said.
   */
  #announceEnd(): void {
    const session = this.#session
    if (this.#hasAnnouncedEnd || session.destroyed || session.closed) return
    if (!this.#hasGreeted) return this.context.clock.endOfTurn(() => { this.#announceEnd() })
    this.#hasAnnouncedEnd = true
    // An encrypted socket takes one write at a time: one beside the session's would end the process. It goes on serving
    // for as long, and the last word says which requests were none any more.
    if (this.isSecure) return this.#endWithin(graceMs)
    this.#socket.write(endIsNear)
    this.#endWithin(unheardMs)
    // Answers to pings overtake requests that a peer has written but not sent.
    session.ping(() => { this.#endWithin(graceMs) })
  }

  /** No request that comes later than that is served. */
  #endWithin(ms: number): void {
    this.#ending?.clear()
    if (this.#session.destroyed) return
    this.#ending = this.context.clock.after(ms, () => { this.#session.close() })
  }

  /** At the end of the turn: a session that is destroyed while it reads gives another reason than ours. */
  #stopFlood(): void {
    if (this.#isFlooded) return
    this.#isFlooded = true
    this.context.clock.endOfTurn(() => { this.#destroy(NGHTTP2_ENHANCE_YOUR_CALM) })
  }

  #destroy(code: number): void {
    if (!this.#session.destroyed) this.#session.destroy(code as never)
  }
}

function sizeOf(raw: RawHeaders): number {
  let bytes = 0
  for (const text of raw) bytes += text.length
  return bytes
}
