// HOT PATH — runs for every attempt over HTTP/2. Rules: docs/decisions/0004.
// One attempt on one stream: leaf towards the attempt, owner of its upload and of the body of its answer. Which session
// carries it, and whether it may go over another one, is the pool's affair.
//
//   waiting ─► open ─► over          the stream may outlive the attempt: what nobody wants of it is read to its end

import { constants } from 'node:http2'
import type { ClientHttp2Session } from 'node:http2'
import type { Attempt, Leaf } from '../core/attempt.ts'
import type { BodySource } from '../core/body.ts'
import type { FaultCode } from '../core/codes.ts'
import { isIdempotent } from '../core/methods.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import { maxInterim, maxInterimBytes } from './answer-reader.ts'
import { isUnopened, streamEndOf } from './http2-faults.ts'
import { answerOf, bytesOf, requestFields } from './http2-fields.ts'
import type { Http2Pool } from './http2-pool.ts'
import type { Http2Session } from './http2-session.ts'
import { OpenStream } from './http2-stream.ts'
import type { StreamOwner } from './http2-stream.ts'
import { Http2Upload } from './http2-upload.ts'
import { endToEnd } from './interim-fields.ts'
import { ReplyBody } from './reply-body.ts'
import type { ReplyBodyOwner } from './reply-body.ts'
import { Stillness } from './stillness.ts'

export class Http2Attempt implements Leaf, StreamOwner, ReplyBodyOwner {
  readonly #attempt: Attempt
  readonly #pool: Http2Pool
  /** It was given away by another session, and will not be again. */
  readonly #isRepeat: boolean
  readonly #stillness = new Stillness()
  #session: Http2Session | null = null
  #open: OpenStream | null = null
  #upload: Http2Upload | null = null
  #reply: ReplyBody | null = null
  #trailers: RawHeaders | null = null
  #begunAt = -1
  /** The session had carried attempts before: that it dies now may be chance. */
  #isOnUsed = false
  #hasHead = false
  #isPaused = false
  #isOver = false
  #interim = 0
  #interimBytes = 0

  constructor(attempt: Attempt, pool: Http2Pool, isRepeat: boolean) {
    this.#attempt = attempt
    this.#pool = pool
    this.#isRepeat = isRepeat
    attempt.leaf = this
  }

  /** Session: it waits for this session to open. */
  waitsFor(session: Http2Session): void {
    this.#session = session
  }

  /** Session: there is room for it now. */
  begin(session: Http2Session, client: ClientHttp2Session, isOnUsed: boolean): void {
    const attempt = this.#attempt
    this.#session = session
    this.#isOnUsed = isOnUsed
    const fields = requestFields(this.#pool.headOf(attempt), this.#pool.opening.isSecure)
    attempt.sent()
    const body = attempt.work.openBody()
    this.#begunAt = this.#pool.clock.now()
    this.#stillness.moved()
    try {
      this.#open = new OpenStream(client, fields, body === null ? null : body.length, this)
    } catch (error) {
      session.left(this)
      return this.#fail('upstream.reset', `the request cannot be said in HTTP/2: ${(error as Error).message}`)
    }
    if (body !== null) this.#begin(body, this.#open)
  }

  /** Pool: it goes to another pool, over another protocol. */
  handOver(): Attempt {
    this.#isOver = true
    return this.#attempt
  }

  /** Session: it is lost, with whatever was on it. */
  broken(fault: FaultCode, cause: string): void {
    this.#fail(fault, cause)
  }

  /** Session, once in a while: whether the peer has been still for too long while something was expected of it. */
  look(now: number): void {
    const isExpecting = this.#isOver || (this.#reply !== null && !this.#isPaused) || this.#upload?.isBlocked === true
    const stillMs = this.#stillness.look(now, isExpecting)
    if (stillMs === 0) return
    const mostMs = this.#pool.mostStillMs(this.#attempt.work.exchange)
    if (stillMs < mostMs) return
    if (this.#isOver) this.#open?.abort()
    else this.#fail('upstream.stalled', `nothing moved on the stream for ${mostMs} ms`)
  }

  // Leaf
  cut(): void {
    if (this.#isOver) return
    const reply = this.#reply
    if (!this.#hasHead) this.#session?.doubt(this.#begunAt)
    this.#leave()
    this.#attempt.closed()
    reply?.break('the attempt was cut')
  }

  // StreamOwner
  interim(fields: RawHeaders): void {
    if (this.#isOver) return
    this.#stillness.moved()
    this.#interimBytes += bytesOf(fields)
    if (++this.#interim > maxInterim || this.#interimBytes > maxInterimBytes) {
      return this.#fail('upstream.malformed', 'too many interim answers')
    }
    const { status, headers } = answerOf(fields)
    // A 100 that no body waits for was not asked for, or is the second.
    if (status === 100 && this.#upload?.isWaiting !== true) return
    this.#attempt.informed(status, endToEnd(headers))
    if (status === 100) this.#upload?.start()
  }

  head(fields: RawHeaders, isWhole: boolean): void {
    if (this.#isOver || this.#hasHead) return
    this.#stillness.moved()
    const { status, headers, length } = answerOf(fields)
    // Not every nghttp2 that Node comes with refuses these.
    if (status < 100) return this.#fail('upstream.malformed', `a status of ${status}`)
    const isBare = status === 204 || status === 304 || this.#attempt.work.exchange.caller.head.method === 'HEAD'
    this.#hasHead = true
    this.#upload?.stopWaiting()
    const answer = { kind: 'reply', status, reason: '', headers, origin: 'upstream' } as const
    if (isBare) return this.#completeAtOnce({ ...answer, body: null })
    if (isWhole) return this.#completeAtOnce({ ...answer, body: new ReplyBody(null, 0, null, null) })
    const body = this.#reply = new ReplyBody(this, length, null, null)
    this.#attempt.headed({ ...answer, body })
  }

  data(chunk: Buffer): void {
    const reply = this.#reply
    if (this.#isOver || reply === null) return
    this.#stillness.moved()
    reply.push(chunk)
    // The sink may have cut it all.
    if (this.#isOver || reply.wantsMore) return
    this.#isPaused = true
    this.#open?.stream.pause()
    this.#attempt.turn('idle')
  }

  trailers(fields: RawHeaders): void {
    this.#trailers = fields
  }

  complete(): void {
    const reply = this.#reply
    if (this.#isOver || reply === null) return
    this.#retire()
    this.#attempt.closed()
    reply.finish(this.#trailers)
  }

  drained(): void {
    this.#stillness.moved()
    this.#upload?.drained()
  }

  closed(code: number, error: Error | null): void {
    const session = this.#session
    session?.left(this)
    if (this.#isOver || session === null) return
    const { id = 0 } = this.#open ?? {}
    const isRefused = code === constants.NGHTTP2_REFUSED_STREAM || session.isBeyondLast(id)
    const isUndone = isRefused || isUnopened(error)
    const { method } = this.#attempt.work.exchange.caller.head
    // A session that dies without a word: chance, and free to repeat where repeating is harmless.
    const isStale = this.#isOnUsed && session.isGone && isIdempotent(method)
    const needsHttp1 = code === constants.NGHTTP2_HTTP_1_1_REQUIRED && this.#pool.fallBack()
    if ((isUndone || isStale || needsHttp1) && this.#isRepeatable) return this.#giveAway()
    const { fault, cause } = streamEndOf(code, error)
    this.#fail(isRefused ? 'upstream.refused' : fault, cause)
  }

  // ReplyBodyOwner
  resumeReading(body: ReplyBody): void {
    if (this.#isOver || body !== this.#reply || !this.#isPaused) return
    this.#isPaused = false
    this.#stillness.moved()
    this.#attempt.turn('busy')
    this.#open?.stream.resume()
  }

  dropReply(body: ReplyBody): void {
    if (this.#isOver || body !== this.#reply) return
    this.#leave()
    this.#attempt.closed()
  }

  #begin(body: BodySource, open: OpenStream): void {
    const upload = this.#upload = new Http2Upload(body, open.stream, this.#attempt)
    const { work, clock } = this.#attempt
    // A body that has been read already was asked for by us.
    if (work.body?.isWhole === true || !work.exchange.caller.head.expectsContinue) upload.start()
    else upload.wait(clock)
  }

  /** Nothing came that was passed on, and the body can be had again. */
  get #isRepeatable(): boolean {
    if (this.#isRepeat || this.#hasHead) return false
    return this.#upload === null || this.#upload.isUntouched || this.#attempt.work.body?.isWhole === true
  }

  #giveAway(): void {
    this.#leave()
    this.#pool.repeat(this.#attempt)
  }

  #completeAtOnce(reply: Parameters<Attempt['headed']>[0]): void {
    this.#retire()
    this.#attempt.headed(reply)
    this.#attempt.closed()
  }

  #fail(fault: FaultCode, cause: string): void {
    if (this.#isOver) return
    const reply = this.#reply
    this.#leave()
    this.#attempt.failed(fault, cause)
    reply?.break(cause)
  }

  /** Over in order. A stream whose upload is not complete would stay open for it. */
  #retire(): void {
    this.#isOver = true
    this.#stillness.moved()
    if (this.#upload?.leave() === false) this.#open?.abort()
    else this.#open?.stream.resume()
  }

  #leave(): void {
    this.#isOver = true
    this.#upload?.leave()
    if (this.#open === null) this.#session?.forget(this)
    else this.#open.abort()
  }
}
