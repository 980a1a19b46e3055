// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// One request of a node:http connection as a Caller. It frames answers and makes breaks visible; which request comes
// next, and when the connection closes, is its connection's affair.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BodySink } from '../core/body.ts'
import type { RequestHead } from '../core/caller.ts'
import type { Code } from '../core/codes.ts'
import { firstValue } from '../core/raw-headers.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import type { Connection } from './connection.ts'
import type { IncomingCaller } from './incoming-caller.ts'
import { interimHead } from './interim.ts'
import { NodeAnswer } from './node-answer.ts'
import { refusalFields, refusalOf } from './refusals.ts'
import { bodyOf } from './request-body.ts'
import type { RequestBody } from './request-body.ts'

/** An unread body up to this size is read to its end, so that the connection can go on; beyond that it is closed. */
const maxDrainBytes = 64 * 1024

export class NodeCaller implements IncomingCaller {
  readonly head: RequestHead
  readonly body: RequestBody | null
  readonly remoteAddress: string
  readonly isSecure: boolean
  onGone: (() => void) | null
  onDone: (() => void) | null
  onBroken: ((code: Code) => void) | null
  readonly #connection: Connection
  readonly #response: ServerResponse
  #answer: NodeAnswer | null
  #onDrain: (() => void) | null
  /** Whether 100 has been asked for and not been given: the body is not on its way yet. */
  #awaitsContinue: boolean
  /** Only the end of the connection will tell this caller where the answer ends. */
  #endsByClose: boolean
  #isBroken: boolean
  #isOver: boolean

  constructor(head: RequestHead, request: IncomingMessage, response: ServerResponse, connection: Connection) {
    this.head = head
    this.#connection = connection
    this.#response = response
    this.remoteAddress = connection.remoteAddress
    this.isSecure = connection.isSecure
    this.onGone = null
    this.onDone = null
    this.onBroken = null
    this.#answer = null
    this.#onDrain = null
    this.#awaitsContinue = head.expectsContinue
    this.#endsByClose = false
    this.#isBroken = false
    this.#isOver = false
    this.body = bodyOf(request, this)
  }

  /** Whether the whole answer has been handed over, though the peer may not have it yet. */
  get isAnswered(): boolean {
    return this.#response.writableEnded
  }

  /** Whether the request's bytes are all here, or wait for somebody other than the caller. */
  get isReceiving(): boolean {
    return this.body !== null && this.body.isAwaited && !this.#awaitsContinue
  }

  inform(status: number, headers: RawHeaders): void {
    if (this.head.version === 0 || this.#isOver || this.#response.headersSent) return
    if (status !== 100) {
      // Nothing of this response has been written, and it is the current one: its place in the stream is here.
      this.#connection.socket.write(interimHead(status, headers), 'latin1')
    } else if (this.#awaitsContinue) {
      this.#awaitsContinue = false
      this.#response.writeContinue()
    }
  }

  answer(status: number, reason: string, headers: RawHeaders, length: number | null, onDrain: () => void): BodySink {
    const fields = headers.slice()
    if (length !== null && length >= 0) fields.push('content-length', String(length))
    this.#endsByClose = length === -1 && this.head.version === 0
    this.#writeHead(status, reason, fields)
    const answer = new NodeAnswer(this.#response, this, length ?? 0, length === -1 && this.#takesTrailers())
    this.#answer = answer
    this.#onDrain = onDrain
    if (length !== null && length !== 0) this.#connection.context.flusher.add(answer)
    return answer
  }

  refuse(code: Code, retryAfterS: number, requestId: string): void {
    if (this.#isOver) return
    if (this.#response.headersSent) return this.cut()
    const refusal = refusalOf(code)
    if (refusal.closes) this.#connection.closeAfterwards()
    this.#writeHead(refusal.status, refusal.reason, refusalFields(refusal, requestId, retryAfterS))
    this.#response.end(refusal.body)
  }

  cut(): void {
    if (!this.#isOver) this.#connection.cut(this.#endsByClose && this.#response.headersSent)
  }

  limitBody(maxBytes: number): void {
    if (this.body !== null) this.body.maxBytes = maxBytes
  }

  /** Body, connection: the rest of the request cannot be had. */
  broken(code: Code): void {
    if (this.#isOver || this.#isBroken) return
    this.#isBroken = true
    this.#connection.closeAfterwards()
    if (this.onBroken === null) this.refuse(code, 0, '')
    else this.onBroken(code)
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
    this.#answer?.close()
    this.onGone?.()
    this.body?.fail('the caller left')
    this.onDone?.()
  }

  /** Connection: the last byte of the answer has been taken by the kernel. */
  finished(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.onDone?.()
    const body = this.body
    if (body === null) return
    body.fail('the answer was complete before the request')
    if (!body.hasArrived) body.drain()
  }

  #writeHead(status: number, reason: string, fields: string[]): void {
    const response = this.#response
    // A proxy keeps no connection with a caller of HTTP/1.0 (RFC 9112 section 9.3).
    if (this.head.version === 0 || this.#connection.isClosing || !this.#canReadOn()) response.shouldKeepAlive = false
    response.writeHead(status, reason, fields)
  }

  /** Whether what is still to come of the request is little enough to be read and thrown away. */
  #canReadOn(): boolean {
    const body = this.body
    if (body === null || body.hasArrived) return true
    return !this.#awaitsContinue && body.length >= 0 && body.length - body.received <= maxDrainBytes
  }

  #takesTrailers(): boolean {
    return this.head.version === 1 && /(?:^|[,\s])trailers(?:$|[,;\s])/i.test(firstValue(this.head.headers, 'te') ?? '')
  }
}
