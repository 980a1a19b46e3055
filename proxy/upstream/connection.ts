// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// One connection to an endpoint, and the attempt on it, one at a time: leaf towards the attempt, owner of line, reader
// and writer. It decides when a connection may serve again; which one serves whom is the pool's affair.
//
//   connecting ─► (busy ─► idle)* ─► gone          an attempt may wait through `connecting`

import type { Attempt, Leaf } from '../core/attempt.ts'
import type { FaultCode } from '../core/codes.ts'
import { isIdempotent } from '../core/methods.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import { TurnShare } from '../core/turn-share.ts'
import { bodyUntilClose } from '../http1/framing.ts'
import { AnswerReader } from './answer-reader.ts'
import type { InterimSink } from './answer-reader.ts'
import { Line } from './line.ts'
import type { LineOwner } from './line.ts'
import type { Pool } from './pool.ts'
import { ReplyBody } from './reply-body.ts'
import type { ReplyBodyOwner } from './reply-body.ts'
import { RequestSide } from './request-side.ts'
import { Stillness } from './stillness.ts'

export class Connection implements Leaf, LineOwner, InterimSink, ReplyBodyOwner {
  readonly #pool: Pool
  readonly #line: Line
  readonly #request: RequestSide
  readonly #answer = new AnswerReader()
  readonly #stillness = new Stillness()
  readonly #share = new TurnShare()
  #attempt: Attempt | null = null
  #reply: ReplyBody | null = null
  /** Attempts that have left it. */
  #served = 0
  /** At least one byte came since the request was sent. */
  #hasAnswer = false
  /** The attempt has been written, in part at least. */
  #isBegun = false
  #isPaused = false
  readonly #readOn = (): void => { if (!this.#isPaused) this.#line.readOn() }
  /** Pool's own: see its `depart`; clock ms: while idle not to be used from then on, opened, not to be kept then. */
  isWarm = false
  expiresAt = 0
  wishedAt = 0
  retiresAt = Infinity

  constructor(pool: Pool) {
    this.#pool = pool
    const socket = pool.opening.open((count, bytes) => this.#read(count, bytes))
    this.#line = new Line(socket, pool.opening.isSecure, pool.timeouts.connectMs, pool.clock, this)
    this.#request = new RequestSide(this.#line, pool.clock)
  }

  /** Sends the attempt, as soon as the connection is open. */
  send(attempt: Attempt): void {
    this.#attempt = attempt
    attempt.leaf = this
    this.#isBegun = false
    if (!this.#line.isOpen) return
    if (this.#served > 0) this.#pool.depart(this)
    else this.begin()
  }

  /** Pool: now is the time to write, if the attempt is still here. */
  begin(): void {
    const attempt = this.#attempt
    if (attempt === null || this.#isBegun) return
    this.#isBegun = true
    const { head } = attempt.work.exchange.caller
    const text = this.#pool.headOf(attempt)
    this.#hasAnswer = false
    this.#isPaused = false
    this.#stillness.moved()
    this.#answer.begin(head.method)
    attempt.sent()
    this.#request.begin(text, attempt.work.openBody(), attempt)
  }

  /** Once in a while: whether the peer has been still for too long while something was expected of it. */
  look(now: number): void {
    const isExpecting = (this.#reply !== null && !this.#isPaused) || this.#request.isBlocked
    const stillMs = this.#stillness.look(now, isExpecting)
    const attempt = this.#attempt
    if (stillMs === 0 || attempt === null) return
    const mostMs = this.#pool.mostStillMs(attempt.work.exchange)
    if (stillMs >= mostMs) this.#fail('upstream.stalled', `nothing moved on the connection for ${mostMs} ms`)
  }

  /** Closes a connection that carries no attempt; one that does ends with it. */
  shut(): void { if (this.#attempt === null) this.#drop() }

  // Leaf
  cut(): void {
    const attempt = this.#attempt
    if (attempt === null) return
    const reply = this.#reply
    this.#leave()
    attempt.closed()
    reply?.break('the attempt was cut')
  }

  // LineOwner
  opened(): void { this.#pool.connected(this) }

  drained(): void {
    this.#stillness.moved()
    this.#request.drained()
  }

  ended(): void {
    const attempt = this.#attempt
    const reply = this.#reply
    if (attempt === null || reply === null || this.#answer.framing !== bodyUntilClose) {
      return this.lost('upstream.reset', 'the upstream ended the connection before its answer')
    }
    this.#completeReply(attempt, reply)
  }

  lost(fault: FaultCode, cause: string): void {
    const attempt = this.#attempt
    if (attempt === null) return this.#drop()
    const { method } = attempt.work.exchange.caller.head
    // A kept connection whose peer leaves without a word: chance, and free to repeat where repeating is harmless.
    const isFree = !this.#isBegun || (!this.#hasAnswer && this.#request.isUntouched && isIdempotent(method))
    if (this.#served > 0 && isFree) this.#giveAway(attempt)
    else this.#fail(fault, cause)
  }

  // ReplyBodyOwner
  resumeReading(body: ReplyBody): void {
    if (body !== this.#reply || !this.#isPaused) return
    this.#isPaused = false
    this.#stillness.moved()
    this.#attempt?.turn('busy')
    this.#line.readOn()
  }

  dropReply(body: ReplyBody): void {
    const attempt = this.#attempt
    if (attempt === null || body !== this.#reply) return
    this.#leave()
    attempt.closed()
  }

  // InterimSink
  interim(status: number, headers: RawHeaders): void {
    if (this.#attempt !== null) this.#request.interim(status, headers, this.#attempt)
  }

  #read(count: number, bytes: Buffer): boolean {
    const attempt = this.#attempt
    if (attempt === null || !this.#line.isOpen) {
      // Nobody asked: whatever this is, it must not be taken for the answer to the next request.
      this.#drop()
      return false
    }
    if (!this.#isBegun) {
      this.#giveAway(attempt)
      return false
    }
    this.#hasAnswer = true
    this.#stillness.moved()
    const answer = this.#answer
    answer.read(bytes, count, this)
    // An interim answer may have made somebody cut the attempt.
    if (this.#attempt !== attempt) return false
    if (answer.status === 'malformed' && this.#reply === null) this.#fail('upstream.malformed', answer.cause)
    else if (answer.status !== 'head') this.#readBody(attempt, answer.takeBody(bytes))
    // By now the connection may serve another attempt, or be gone.
    this.#isPaused = this.#reply !== null && !this.#reply.wantsMore
    if (this.#isPaused) this.#attempt?.turn('idle')
    return !this.#isPaused && (this.#reply === null || !this.#share.endsWith(count, this.#pool.clock, this.#readOn))
  }

  /** The attempt goes over a new connection: nothing was written for it, or writing it again is harmless. */
  #giveAway(attempt: Attempt): void {
    this.#leave()
    this.#pool.repeat(attempt)
  }

  #readBody(attempt: Attempt, chunk: Buffer | null): void {
    const { status, cause } = this.#answer
    const reply = this.#reply
    if (reply === null) {
      if (status === 'complete') this.#completeAtOnce(attempt, chunk)
      else this.#beginReply(attempt, chunk)
      return
    }
    if (chunk !== null) reply.push(chunk)
    // The sink may have cut it all.
    if (this.#attempt !== attempt) return
    if (status === 'malformed') this.#fail('upstream.malformed', cause)
    else if (status === 'complete') this.#completeReply(attempt, reply)
  }

  /** The head and all of the body came in one read: nothing of this connection is needed to read the reply. */
  #completeAtOnce(attempt: Attempt, chunk: Buffer | null): void {
    const reply = this.#answer.wholeReply(chunk)
    const isReusable = this.#detach()
    attempt.headed(reply)
    this.#release(isReusable)
    attempt.closed()
  }

  #beginReply(attempt: Attempt, chunk: Buffer | null): void {
    const { framing } = this.#answer
    const body = this.#reply = new ReplyBody(this, framing < 0 ? -1 : framing, chunk, null)
    this.#request.stopWaiting()
    attempt.headed(this.#answer.replyWith(body))
  }

  #completeReply(attempt: Attempt, reply: ReplyBody): void {
    const { trailers } = this.#answer
    this.#release(this.#detach())
    attempt.closed()
    reply.finish(trailers)
  }

  #fail(fault: FaultCode, cause: string): void {
    const attempt = this.#attempt
    if (attempt === null) return
    const reply = this.#reply
    this.#leave()
    attempt.failed(fault, cause)
    reply?.break(cause)
  }

  /** Takes the attempt off the connection. Whether the connection may serve another. */
  #detach(): boolean {
    this.#attempt = null
    this.#reply = null
    this.#served++
    return this.#request.leave() && this.#answer.isPersistent && this.#line.isClear
  }

  #leave(): void {
    this.#detach()
    this.#drop()
  }

  #release(isReusable: boolean): void {
    if (isReusable) this.#pool.freed(this, this.#answer)
    else this.#drop()
  }

  #drop(): void {
    if (this.#line.isShut) return
    this.#line.shut()
    this.#pool.gone(this)
  }
}
