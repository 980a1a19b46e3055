// HOT PATH — runs for every request over HTTP/2. Rules: docs/decisions/0004.
// One HTTP/2 stream as a Caller, and the sink of its answer. Windows grow only as bytes are wanted, and breaks are
// resets; which streams may be opened, and when the connection ends, is its connection's affair.

import { constants } from 'node:http2'
import type { ServerHttp2Stream } from 'node:http2'
import type { BodySink } from '../core/body.ts'
import type { Caller, CallerOwner, RequestHead } from '../core/caller.ts'
import type { Code } from '../core/codes.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import type { Http2Connection } from './http2-connection.ts'
import { answerFields, interimFields, takesTrailers, trailerFields } from './http2-fields.ts'
import { Http2Upload } from './http2-upload.ts'
import type { UploadOwner } from './http2-upload.ts'
import { notProcessed, refusalFields, refusalOf, refusalWith } from './refusals.ts'
import type { RequestBody } from './request-body.ts'
import { StallWatch } from './stall-watch.ts'
import type { BodyPace, Moving } from './stall-watch.ts'

const { NGHTTP2_NO_ERROR, NGHTTP2_STREAM_STATE_IDLE } = constants

export class Http2Caller implements Caller, BodySink, UploadOwner, Moving {
  readonly head: RequestHead
  readonly body: RequestBody | null
  readonly remoteAddress: string
  readonly isSecure: boolean
  readonly identity: string | null
  /** When the stream began, ms of the clock. */
  readonly startedAt: number
  owner: CallerOwner | null = null
  readonly #stream: ServerHttp2Stream
  readonly #connection: Http2Connection
  readonly #upload: Http2Upload | null
  readonly #stall = new StallWatch()
  #onDrain: (() => void) | null = null
  /** Bytes of the answer's body that were handed to the stream. */
  bytesWritten = 0
  #countedBytes = 0
  #isAnswering = false
  /** The answer has no body, or none that may be sent. */
  #isBare = false
  #hasTrailers = false
  /** Bytes of the answer's body that are due; -1 when only its end will tell. */
  #dueBytes = -1
  #isCut = false
  #isOver = false

  /** `bodyLength`: bytes, -1 when only its end will tell, null when there is no body. */
  constructor(head: RequestHead, bodyLength: number | null, stream: ServerHttp2Stream, connection: Http2Connection) {
    this.head = head
    this.#stream = stream
    this.#connection = connection
    this.remoteAddress = connection.remoteAddress
    this.isSecure = connection.isSecure
    this.identity = connection.identity
    this.startedAt = connection.context.clock.now()
    this.#upload = bodyLength === null ? null : new Http2Upload(stream, bodyLength, connection.context, this)
    this.body = this.#upload?.body ?? null
    stream.on('drain', () => { if (!this.#isOver) this.#onDrain?.() })
    // Ours says it by `close`: whoever cuts may still be in the middle of something.
    stream.on('aborted', () => { if (!this.#isCut) this.#left() })
    stream.on('close', () => {
      this.#left()
      connection.ended(this)
    })
  }

  get bytesRead(): number { return this.body?.received ?? 0 }
  /** Its last frame counts as well: of an answer without a body it is all there is. */
  get writableLength(): number { return this.#stream.writableLength + (this.isUnsent ? 1 : 0) }

  /** Whether the answer is over for its exchange and has not been sent. */
  get isUnsent(): boolean { return this.#isOver && !this.#stream.destroyed }

  /** Bytes of the body that have come since this was asked last. */
  uncountedBytes(): number {
    const uncounted = this.bytesRead - this.#countedBytes
    this.#countedBytes = this.bytesRead
    return uncounted
  }

  inform(status: number, headers: RawHeaders): void {
    if (this.#isOver || this.#isAnswering || this.#stream.closed) return
    if (status === 100 && !this.head.expectsContinue) return
    this.#send(() => { this.#stream.additionalHeaders(interimFields(status, headers)) })
  }

  answer(status: number, _reason: string, headers: RawHeaders, length: number | null, onDrain: () => void): BodySink {
    if (this.#isOver || this.#stream.closed) return this
    this.#isAnswering = true
    this.#onDrain = onDrain
    // Without a body by rule: this library ends such answers by itself.
    this.#isBare = length === null || length === 0 || status === 205
    this.#dueBytes = this.#isBare ? -1 : length as number
    this.#hasTrailers = length === -1 && !this.#isBare && takesTrailers(this.head.headers)
    const fields = answerFields(status, headers, status === 205 ? null : length, this.#connection.context.date.now())
    this.#send(() => {
      this.#stream.respond(fields, { endStream: this.#isBare, waitForTrailers: this.#hasTrailers, ...ownDate })
    })
    return this
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver || this.#isBare || this.#stream.closed) return true
    if (this.#dueBytes >= 0) this.#dueBytes -= chunk.length
    this.bytesWritten += chunk.length
    return this.#stream.write(chunk)
  }

  end(trailers: RawHeaders | null): void {
    if (this.#isOver) return
    // A length that does not hold is a break, whatever it was that did not count right.
    if (this.#dueBytes > 0 || this.#dueBytes < -1) return this.cut()
    const stream = this.#stream
    if (this.#hasTrailers) stream.on('wantTrailers', () => { this.#sendTrailers(trailers) })
    if (!this.#isBare) stream.end()
    this.#finish()
  }

  fail(): void {
    this.cut()
  }

  refuse(
    code: Code, retryAfterS: number, requestId: string, own?: RawHeaders, members?: Readonly<Record<string, unknown>>,
  ): void {
    if (this.#isOver) return
    if (this.#isAnswering || this.#stream.closed) return this.cut()
    const refusal = members === undefined ? refusalOf(code) : refusalWith(code, members)
    const fields = refusalFields(refusal, requestId, retryAfterS, own)
    const head = answerFields(refusal.status, fields, refusal.body.length, this.#connection.context.date.now())
    const isBare = this.head.method === 'HEAD'
    this.#isAnswering = true
    this.#send(() => {
      this.#stream.respond(head, { endStream: isBare, ...ownDate })
      if (!isBare) this.#stream.end(refusal.body)
    })
    this.#finish()
  }

  cut(): void {
    if (this.#isOver || this.#isCut) return
    this.#break()
  }

  limitBody(maxBytes: number): void {
    if (this.body !== null) this.body.maxBytes = maxBytes
  }

  broken(code: Code): void {
    if (this.#isOver) return
    if (this.owner === null) this.refuse(code, 0, '', notProcessed)
    else this.owner.requestBroken(code)
    this.body?.fail('the rest of the request did not come')
  }

  gone(): void {
    this.#left()
  }

  /** Connection, once in a while: ends what has stopped moving. */
  check(now: number): void {
    const stream = this.#stream
    if (stream.closed && (!this.#isOver || stream.state.state === NGHTTP2_STREAM_STATE_IDLE)) return this.#forget()
    const { requestIdleMs, bodyBytesPerSecond } = this.#connection.context.connectionLimits
    const stalled = this.#stall.look(this, this.#pace(), now, requestIdleMs, bodyBytesPerSecond)
    if (stalled === 'receiving') this.broken('request.timeout')
    // It is over for its exchange as well: nobody else would end it.
    else if (stalled === 'sending') this.#break()
  }

  /** After a reset node keeps a stream until bytes are read, or have left, of which the library has none any more. */
  #forget(): void {
    this.#left()
    this.#stream.destroy()
  }

  #pace(): BodyPace {
    const { body } = this
    if (this.#isOver || body === null || !body.isFlowing || body.isPaused || body.hasArrived) return 'none'
    return this.#isAnswering ? 'any' : 'steady'
  }

  #finish(): void {
    this.#isOver = true
    this.owner?.callerEnded()
    const { body } = this
    if (body === null || this.#upload?.hasEnded === true) return
    body.abandon('the answer was complete before the request')
    // RFC 9113 section 8.1: whole answer, then a reset that says that nothing is wrong. Trailers see to it themselves.
    if (!this.#hasTrailers) this.#stream.close(NGHTTP2_NO_ERROR)
  }

  #sendTrailers(trailers: RawHeaders | null): void {
    this.#send(() => { this.#stream.sendTrailers(trailerFields(trailers)) })
    if (this.body === null || this.#upload?.hasEnded === true) return
    // They leave at the end of this turn.
    this.#connection.context.clock.endOfTurn(() => { this.#stream.close(NGHTTP2_NO_ERROR) })
  }

  /** Does what throws when a field or a status cannot be said in HTTP/2, or the stream has just gone. */
  #send(step: () => void): void {
    try {
      step()
    } catch {
      this.#break()
    }
  }

  /** Resets the stream. Closing it instead would end the answer first, and a half would pass for a whole. */
  #break(): void {
    this.#isCut = true
    this.#stream.destroy(brokenOff)
  }

  /** The stream is closed before its answer was complete. */
  #left(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (!this.#isCut) this.#connection.wasReset(this)
    this.owner?.callerLeft()
    this.body?.fail('the caller left')
    this.owner?.callerEnded()
  }
}

/** Node makes INTERNAL_ERROR of it; nobody reads it. */
const brokenOff = new Error('the answer broke off')
const ownDate = { sendDate: false }
