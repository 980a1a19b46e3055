// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// One HTTP/1.1 connection: reads heads and bodies, one request at a time, in the order in which they came; what lies
// behind the one in flight is not looked at. It ends so that the peer can tell an end from a break.

import type { Socket } from 'node:net'
import type { Code } from '../core/codes.ts'
import { BodyReader } from '../http1/body-reader.ts'
import { BodyWriter } from '../http1/body-writer.ts'
import { chunkedBody, noBody } from '../http1/framing.ts'
import type { RequestHead } from '../core/caller.ts'
import { Backlog } from './backlog.ts'
import { ConnectionTiming } from './connection-timing.ts'
import { Http1Caller } from './http1-caller.ts'
import type { ConnectionContext } from './http1-context.ts'
import { Http1Intake } from './http1-intake.ts'
import { RequestBody } from './request-body.ts'
import type { BodyReading } from './request-body.ts'
import { Linger } from './linger.ts'
import { identityOf } from './peer-identity.ts'
import { headRefusal } from './raw-answer.ts'
import { messageOf, UpgradeCaller } from './upgrade-caller.ts'

export class Http1Connection implements BodyReading {
  readonly socket: Socket
  readonly context: ConnectionContext
  readonly remoteAddress: string
  readonly isSecure: boolean
  readonly identity: string | null
  readonly writer: BodyWriter
  readonly #intake: Http1Intake
  readonly #linger: Linger
  readonly #timing: ConnectionTiming
  #bodies: BodyReader | null = null
  #current: Http1Caller | null = null
  /** The body being read, or to be read next; its exchange may be over already. */
  #body: RequestBody | null = null
  readonly #backlog = new Backlog()
  #isConsuming = false
  /** The answer now being written, or about to be, is the last one. */
  #closesAfterwards = false
  #isTunnel = false
  /** The peer has sent FIN; where such are served, it is served what it asked for before. */
  #hasEnded = false

  constructor(socket: Socket, context: ConnectionContext) {
    this.socket = socket
    this.context = context
    this.remoteAddress = socket.remoteAddress ?? ''
    this.isSecure = 'encrypted' in socket
    this.identity = identityOf(socket)
    this.writer = new BodyWriter(socket)
    this.#intake = new Http1Intake(context.limits, context.gate)
    this.#linger = new Linger(socket, context.clock)
    this.#timing = new ConnectionTiming(context.connectionLimits, context.clock.now())
    socket.on('data', (chunk: Buffer) => this.#backlog.bytes === null ? this.#consume(chunk) : this.#hold(chunk))
    // The socket's close says all that matters; without a listener an error would end the process.
    socket.on('error', () => {})
    socket.on('drain', () => this.#current?.drained())
    socket.on('end', () => this.#ended())
  }

  /** Whether the answer now being written is the last one. */
  get isClosing(): boolean { return this.#closesAfterwards || this.context.isDraining() }

  /** Whether nothing is under way: neither an exchange nor the beginning of a request. */
  get isIdle(): boolean {
    return this.#current === null && this.#body === null && !this.#isTunnel && !this.#linger.isUnderWay
      && !this.#intake.isUnderWay && !this.hasUnsent
  }

  /** Whether an answer is over for its exchange, and has not left the process. */
  get hasUnsent(): boolean {
    return this.#current === null && !this.#isTunnel && this.socket.writableLength > 0
  }

  /** No request after the current one is served. */
  closeAfterwards(): void { this.#closesAfterwards = true }

  /** Closes at once. Where a FIN would look like the end of an answer that is not out, the peer sees a reset. */
  cut(): void {
    const isMisleading = this.writer.endsByClose && (this.#current !== null || this.hasUnsent)
    if (isMisleading && this.remoteAddress !== '' && !this.isSecure) this.socket.resetAndDestroy()
    else this.socket.destroy()
  }

  /** Caller: the answer has been handed over. */
  finished(caller: Http1Caller): void {
    this.#current = null
    this.#timing.answered(this.context.clock.now())
    // First: what lies behind the body that is thrown away must not be begun.
    if (this.#closesAfterwards) this.#linger.begin()
    caller.body?.abandon('the answer was complete before the request')
    this.#readOn()
  }

  /** The socket is closed, by whomever. */
  closed(): void {
    this.#linger.stop()
    this.#backlog.take()
    const caller = this.#current
    this.#current = null
    caller?.gone()
  }

  /** Once in a while: cuts what has not moved for too long. */
  check(now: number): void {
    if (this.#isTunnel) return
    const caller = this.#current
    const stalled = this.#timing.stalled(this.socket, caller === null ? 'none' : caller.bodyPace, now)
    if (stalled === 'sending') return this.cut()
    if (stalled === 'receiving') return caller?.broken('request.timeout')
    if (caller !== null) {
      // Behind a FIN nothing is read that could show a reset; writing no bytes fails where nobody is any more.
      if (this.#hasEnded) this.socket.write('')
      return this.#skim(caller)
    }
    if (this.#linger.isUnderWay || this.hasUnsent) return
    const overdue = this.#timing.overdue(now)
    // Where nobody has begun to ask, the connection is closed without a word.
    if (overdue === 'head' && this.#intake.isUnderWay) this.#refuse('request.timeout')
    else if (overdue !== null) this.socket.destroy()
  }

  /**
   * Only who reads sees a caller leave. Where more lies behind an unanswered request than is kept, for longer than
   * between two looks, reading goes on without keeping: the answer will be the last one, and its caller asks again for
   * what it did not get (RFC 9112 section 9.3.1).
   */
  #skim(caller: Http1Caller): void {
    if (this.#body !== null || !this.#backlog.staysCrowded(caller)) return
    this.#closesAfterwards = true
    this.#linger.drop()
  }

  startBody(): void { this.#readOn() }
  pauseBody(): void { this.socket.pause() }
  resumeBody(): void { this.#readOn() }

  breakBody(code: Code): void {
    this.#body = null
    this.#linger.drop()
    this.#current?.broken(code)
  }

  /** Goes on with what was held, and with the socket. */
  #readOn(): void {
    if (this.#isConsuming || this.#isTunnel || this.#linger.isUnderWay) return
    const held = this.#backlog.take()
    if (held !== null) this.#consume(held)
    if (this.#hasEnded) return this.#endBehindFin()
    if (this.socket.isPaused() && !this.#isFull) this.socket.resume()
  }

  #consume(chunk: Buffer): void {
    this.#isConsuming = true
    let at = 0
    while (at < chunk.length && !this.#linger.isUnderWay && !this.#isTunnel && !this.socket.destroyed) {
      const body = this.#body
      if (body === null ? this.#current !== null : !body.isWanted) {
        this.#hold(at === 0 ? chunk : chunk.subarray(at))
        break
      }
      at = body === null ? this.#readHead(chunk, at) : this.#readBody(body, chunk, at)
    }
    this.#isConsuming = false
  }

  #hold(chunk: Buffer): void {
    this.#backlog.hold(chunk)
    if (this.#isFull) this.socket.pause()
  }

  /** Whether to read no more: only who reads sees a caller leave; a body that nobody asked for yet may wait. */
  get #isFull(): boolean {
    return this.#body === null ? this.#backlog.isCrowded : this.#backlog.bytes !== null
  }

  #readBody(body: RequestBody, chunk: Buffer, start: number): number {
    const bodies = this.#bodies as BodyReader
    const at = bodies.read(chunk, start, chunk.length, body)
    if (bodies.status === 'malformed') {
      this.breakBody('request.malformed')
      return chunk.length
    }
    if (bodies.status === 'complete' && this.#body === body) {
      this.#body = null
      body.complete(bodies.trailers)
    }
    return at
  }

  #readHead(chunk: Buffer, start: number): number {
    const intake = this.#intake
    if (!this.#timing.awaitsHead) this.#timing.headBegan(this.context.clock.now())
    const at = intake.read(chunk, start)
    const head = intake.result
    if (head === null) return at
    if (typeof head === 'string') this.#refuse(head)
    else if (Http1Intake.wantsWebSocket(head, intake.framing)) this.#upgrade(head, chunk.subarray(at))
    else this.#begin(head, intake.framing)
    return at
  }

  #begin(head: RequestHead, framing: number): void {
    if (this.#timing.isLastRequest(this.context.clock.now()) || !this.#intake.isPersistent) this.closeAfterwards()
    const hasBody = framing !== noBody && framing !== 0
    const caller = new Http1Caller(head, hasBody ? this.#beginBody(framing) : null, this)
    this.#current = caller
    this.context.accept(caller)
  }

  #beginBody(framing: number): RequestBody {
    this.#bodies ??= new BodyReader(this.context.limits)
    this.#bodies.begin(framing)
    return this.#body = new RequestBody(framing === chunkedBody ? -1 : framing, this, this.context.clock)
  }

  #upgrade(head: RequestHead, firstBytes: Buffer): void {
    this.#isTunnel = true
    this.socket.removeAllListeners('data')
    this.socket.pause()
    this.context.accept(new UpgradeCaller(head, messageOf(head, this.socket), this.socket, firstBytes,
      this.context.clock))
  }

  /** A refusal where no request came to be; the last word of this connection. */
  #refuse(code: Code): void {
    this.#closesAfterwards = true
    this.context.unrouted(code)
    this.socket.write(headRefusal(code, this.context.clock.wallMs()))
    this.#linger.begin()
  }

  /** The peer has sent FIN. */
  #ended(): void {
    if (this.#isTunnel) return
    // Nothing is under way: what has been answered may still be on its way out.
    if (this.#current === null) return void this.socket.end()
    this.#hasEnded = true
    this.#endBehindFin()
  }

  /** Behind a FIN nothing comes any more: what is not all here by then has been left. */
  #endBehindFin(): void {
    if (this.#current === null) return this.#linger.begin()
    if (this.context.halfClose === 'serve' && (this.#body === null || this.#backlog.bytes !== null)) return
    this.closed()
    this.socket.destroy()
  }
}
