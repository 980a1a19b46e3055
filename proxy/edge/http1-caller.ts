// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// One request of an HTTP/1.1 connection as a Caller, and the sink of its answer. It frames the answer and makes breaks
// visible; which request comes next, and when the connection closes, is its connection's affair.

import type { BodySink } from '../core/body.ts'
import type { Caller, CallerOwner, RequestHead } from '../core/caller.ts'
import type { Code } from '../core/codes.ts'
import { firstValue } from '../core/raw-headers.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import { bodyUntilClose, chunkedBody, noBody } from '../http1/framing.ts'
import type { UnsentHead } from './head-flusher.ts'
import { answerHead, completeHead } from './http1-answer-head.ts'
import type { Http1Connection } from './http1-connection.ts'
import type { RequestBody } from './request-body.ts'
import { interimHead } from './interim.ts'
import type { BodyPace } from './stall-watch.ts'
import { notProcessed, refusalOf, refusalWith, varyingFields } from './refusals.ts'

/** An unread body up to this size is read to its end, so that the connection can go on; beyond that it is closed. */
const maxDrainBytes = 64 * 1024

export class Http1Caller implements Caller, BodySink, UnsentHead {
  readonly head: RequestHead
  readonly body: RequestBody | null
  readonly remoteAddress: string
  readonly isSecure: boolean
  readonly identity: string | null
  owner: CallerOwner | null = null
  readonly #connection: Http1Connection
  #onDrain: (() => void) | null = null
  /** Whether 100 has been asked for and not been given: the body is not on its way yet. */
  #awaitsContinue: boolean
  #takesTrailers = false
  #isHeadUnsent = false
  #isAnswering = false
  #isOver = false

  constructor(head: RequestHead, body: RequestBody | null, connection: Http1Connection) {
    this.head = head
    this.body = body
    this.#connection = connection
    this.remoteAddress = connection.remoteAddress
    this.isSecure = connection.isSecure
    this.identity = connection.identity
    this.#awaitsContinue = head.expectsContinue
  }

  /**
   * What is expected of the body. Before one that asked for 100 flows it has come, or its time is over: many origins
   * never send any, and waiting for theirs would be waiting for ever. Once the answer has begun the two may take turns.
   */
  get bodyPace(): BodyPace {
    const { body } = this
    if (body === null || !body.isFlowing || body.isPaused || body.hasArrived) return 'none'
    return this.#isAnswering ? 'any' : 'steady'
  }

  inform(status: number, headers: RawHeaders): void {
    if (this.head.version === 0 || this.#isOver || this.#isAnswering) return
    if (status === 100) {
      if (!this.#awaitsContinue) return
      this.#awaitsContinue = false
    }
    this.#connection.socket.write(interimHead(status, headers), 'latin1')
  }

  answer(status: number, reason: string, headers: RawHeaders, length: number | null, onDrain: () => void): BodySink {
    if (this.#isOver) return this
    const isUnknown = length === -1
    const isChunked = isUnknown && this.head.version !== 0
    this.#takesTrailers = isChunked && takesTrailers(this.head.headers)
    this.#isAnswering = true
    this.#onDrain = onDrain
    const framing = length === null ? noBody : isChunked ? chunkedBody : isUnknown ? bodyUntilClose : length
    const connection = this.#connection
    const closes = this.#closes()
    const date = connection.context.date.now()
    connection.writer.begin(answerHead(status, reason, headers, length, isChunked, closes, date), framing)
    if (length !== null && length !== 0) {
      this.#isHeadUnsent = true
      connection.context.flusher.add(this)
    }
    return this
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return true
    this.#isHeadUnsent = false
    return this.#connection.writer.write(chunk)
  }

  end(trailers: RawHeaders | null): void {
    if (this.#isOver) return
    this.#isHeadUnsent = false
    if (!this.#connection.writer.end(this.#takesTrailers ? trailers : null)) return this.fail()
    this.#finish()
  }

  fail(): void {
    this.cut()
  }

  flushHead(): void {
    if (!this.#isHeadUnsent || this.#isOver) return
    this.#isHeadUnsent = false
    this.#connection.writer.flush()
  }

  refuse(
    code: Code, retryAfterS: number, requestId: string, own?: RawHeaders, members?: Readonly<Record<string, unknown>>,
  ): void {
    if (this.#isOver) return
    if (this.#isAnswering) return this.cut()
    const connection = this.#connection
    const refusal = members === undefined ? refusalOf(code) : refusalWith(code, members)
    if (refusal.closes) connection.closeAfterwards()
    const fields = varyingFields(requestId, retryAfterS, own)
    const head = completeHead(refusal.head, fields, null, false, this.#closes(), connection.context.date.now())
    this.#isAnswering = true
    // The document is ASCII: head and body are one string and one write.
    connection.socket.write(this.head.method === 'HEAD' ? head : head + refusal.text, 'latin1')
    this.#finish()
  }

  cut(): void {
    if (this.#isOver) return
    this.#connection.cut()
  }

  limitBody(maxBytes: number): void {
    if (this.body !== null) this.body.maxBytes = maxBytes
  }

  /** Connection: the rest of the request cannot be had. */
  broken(code: Code): void {
    if (this.#isOver) return
    this.#connection.closeAfterwards()
    if (this.owner === null) this.refuse(code, 0, '', notProcessed)
    else this.owner.requestBroken(code)
    this.body?.fail('the rest of the request did not come')
  }

  /** Connection: the socket takes bytes again. */
  drained(): void {
    if (!this.#isOver) this.#onDrain?.()
  }

  /** Connection: the peer has left. */
  gone(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.owner?.callerLeft()
    this.body?.fail('the caller left')
    this.owner?.callerEnded()
  }

  #finish(): void {
    this.#isOver = true
    this.owner?.callerEnded()
    this.#connection.finished(this)
  }

  /** Whether the connection ends with this answer. */
  #closes(): boolean {
    // A proxy keeps no connection with a caller of HTTP/1.0 (RFC 9112 section 9.3).
    if (this.head.version === 0 || this.#connection.isClosing || !this.#canReadOn()) {
      this.#connection.closeAfterwards()
      return true
    }
    return false
  }

  /** Whether what is still to come of the request is little enough to be read and thrown away. */
  #canReadOn(): boolean {
    const body = this.body
    if (body === null || body.hasArrived) return true
    return !this.#awaitsContinue && body.length >= 0 && body.length - body.received <= maxDrainBytes
  }
}

function takesTrailers(headers: RawHeaders): boolean {
  const te = firstValue(headers, 'te')
  return te !== undefined && /(?:^|[,\s])trailers(?:$|[,;\s])/i.test(te)
}
