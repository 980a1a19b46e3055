// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// One undici Client, which is one connection, and the attempt on it: dispatch handler towards undici, leaf towards the
// attempt. It carries one attempt at a time; undici opens the socket when the first is dispatched, and again if it has
// died while idle and nothing was written.

import type { Client, Dispatcher } from 'undici'
import type { Attempt, Leaf } from '../core/attempt.ts'
import type { Clock } from '../core/clock.ts'
import type { FaultCode } from '../core/codes.ts'
import type { Endpoint } from '../core/upstream.ts'
import { createClient } from './undici-client.ts'
import type { LeafTimeouts } from './undici-client.ts'
import { faultOf, isOfRequest } from './undici-faults.ts'
import { bodyLengthOf, hasNoBody, reasonOf, textOf } from './undici-reply-head.ts'
import { UndiciReplyBody } from './undici-reply-body.ts'
import type { ReplyBodyOwner } from './undici-reply-body.ts'
import { UndiciRequestBody } from './undici-request-body.ts'
import { outgoingHead } from './undici-request-head.ts'
import type { RequestHeads } from './request-head.ts'
import { SilenceWatch } from './undici-silence.ts'

/** What a connection needs to know of where it stands. */
export interface ConnectionContext {
  readonly endpoint: Endpoint
  /** Of the endpoint, for callers that named none. */
  readonly authority: string
  readonly heads: RequestHeads
  readonly clock: Clock
  readonly timeouts: LeafTimeouts
  /** The connection has no attempt any more and can take another. */
  idle(connection: UndiciConnection): void
  /** The connection is beyond use. May be called more than once. */
  gone(connection: UndiciConnection): void
  /** A kept connection died under this attempt before anything came back: it is to be sent once more, on a new one. */
  repeat(attempt: Attempt): void
}

/** More interim answers than this to one request are an attack or a loop. */
const maxInterim = 32

type Controller = Dispatcher.DispatchController

export class UndiciConnection implements Leaf, Dispatcher.DispatchHandler, ReplyBodyOwner {
  readonly #context: ConnectionContext
  readonly #client: Client
  #attempt: Attempt | null = null
  /** Undici's handle on the running request; null until its first byte is about to be written. */
  #controller: Controller | null = null
  #upload: UndiciRequestBody | null = null
  #reply: UndiciReplyBody | null = null
  #isUploaded = true
  /** The socket has carried an answer before: its death may have been on its way when we wrote. */
  #isKept = false
  /** The first byte of an answer has come. */
  #isBegun = false
  #isCut = false
  /** Set where we, not undici, know why the request is aborted. */
  #fault: FaultCode | null = null
  #interim = 0
  /** What befell the open socket; undici keeps some of it to itself. */
  #socketError: Error | null = null
  readonly #silence: SilenceWatch

  constructor(context: ConnectionContext) {
    this.#context = context
    const { endpoint, timeouts, clock } = context
    this.#client = createClient(endpoint, timeouts, clock, (error) => { this.#socketError = error })
    this.#client.on('connect', () => {
      this.#isKept = false
      this.#socketError = null
    })
    this.#silence = new SilenceWatch(context.clock, context.timeouts.idleMs, () => {
      this.#abort('upstream.stalled', `no byte of the answer for ${context.timeouts.idleMs} ms`)
    })
    this.#client.on('disconnect', () => { if (this.#attempt === null) context.gone(this) })
  }

  /** Sends the attempt over this connection, which must be idle or new. */
  start(attempt: Attempt): void {
    const source = attempt.work.exchange.caller.body
    this.#attempt = attempt
    attempt.leaf = this
    const head = outgoingHead(this.#context.heads, attempt, this.#context.authority, this.#context.clock.now())
    // A body of length zero is a length, not a body.
    this.#upload = source === null || source.length === 0 ? null : new UndiciRequestBody(source, attempt)
    this.#isUploaded = this.#upload === null
    const options = {
      method: attempt.work.exchange.caller.head.method,
      path: head.target,
      headers: head.fields,
      body: this.#upload === null ? null : this.#upload.asReadable(),
      // Else undici would close after every HEAD and every DELETE with a body.
      reset: false,
      blocking: false,
      // Else a changed Host would make undici drop a TLS connection.
      servername: this.#context.endpoint.host,
    }
    this.#client.dispatch(options, this)
  }

  /** Closes the connection when nothing runs on it. */
  shut(): void {
    this.#silence.end()
    this.#client.destroy(() => {})
  }

  // Leaf

  cut(): void {
    const attempt = this.#attempt
    if (attempt === null) return
    this.#isCut = true
    if (this.#controller !== null) return this.#controller.abort(new Error('cut'))
    // Undici has no handle on a request that waits for its socket: the client goes with it.
    this.#finish()
    this.#context.gone(this)
    this.shut()
    attempt.closed()
  }

  // ReplyBodyOwner

  pauseReply(): void {
    this.#controller?.pause()
  }

  resumeReply(): void {
    this.#silence.heard()
    this.#controller?.resume()
  }

  dropReply(body: UndiciReplyBody): void {
    if (body !== this.#reply) return
    this.#isCut = true
    this.#controller?.abort(new Error('the rest of the answer is not wanted'))
  }

  // DispatchHandler

  onRequestStart(controller: Controller): void {
    this.#controller = controller
    // With a body the first byte leaves together with its first chunk: see UndiciRequestBody.
    if (this.#upload === null) this.#attempt?.sent()
  }

  onRequestSent(): void {
    this.#isUploaded = true
  }

  onResponseStarted(): void {
    this.#isBegun = true
  }

  onResponseStart(controller: Controller, status: number, _headers: unknown, reason?: string): void {
    const attempt = this.#attempt
    if (attempt === null) return
    const headers = textOf(controller.rawHeaders)
    if (status < 200) return this.#onInterim(attempt, status, headers)
    const length = bodyLengthOf(headers)
    if (length === null) return this.#abort('upstream.malformed', 'an answer with a framing that is not to be believed')
    let body: UndiciReplyBody | null = null
    if (!hasNoBody(attempt.work.exchange.caller.head.method, status)) {
      body = new UndiciReplyBody(this, length)
      this.#reply = body
      this.#silence.begin(body)
    }
    attempt.headed({ kind: 'reply', status, reason: reasonOf(reason), headers, body, origin: 'upstream' })
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#silence.heard()
    this.#reply?.push(chunk)
  }

  onResponseEnd(controller: Controller): void {
    const attempt = this.#attempt
    if (attempt === null) return
    const reply = this.#reply
    // Undici closes the connection when the answer is complete before the request.
    const isReusable = this.#isUploaded
    const trailers = textOf(controller.rawTrailers)
    // To undici a reset is as good an end of an unframed body as a FIN. It is not: bytes may be missing.
    if (this.#socketError !== null) return this.onResponseError(controller, this.#socketError)
    this.#finish()
    this.#isKept = true
    if (isReusable) this.#context.idle(this)
    else this.#context.gone(this)
    attempt.closed()
    reply?.finish(trailers.length === 0 ? null : trailers)
  }

  onResponseError(_controller: Controller | null, error: Error): void {
    const attempt = this.#attempt
    if (attempt === null) return
    const reply = this.#reply
    const fault = this.#fault ?? faultOf(error, attempt.headAt >= 0)
    const isStale = this.#isKept && !this.#isBegun && fault === 'upstream.reset'
    const brokenBy = this.#upload?.brokenBy ?? null
    const cause = brokenBy ?? error.message
    const isCut = this.#isCut
    const hasSocket = this.#controller !== null
    this.#finish()
    this.#context.gone(this)
    // With a controller undici has closed the socket already; without one it may still be open.
    if (!hasSocket) this.shut()
    if (brokenBy !== null || isOfRequest(error)) {
      // Not the upstream's fault: told as what it is, a caller that did not bring its request to an end.
      const now = attempt.clock.now()
      attempt.cut({ kind: 'abandoned', by: 'caller', elapsedMs: now - attempt.startedAt }, now)
      attempt.closed()
    } else if (isCut) attempt.closed()
    else if (isStale && isRepeatable(attempt)) this.#context.repeat(attempt)
    else attempt.failed(fault, cause)
    reply?.break(cause)
  }

  #onInterim(attempt: Attempt, status: number, headers: readonly string[]): void {
    this.#interim++
    // A 101 here was not asked for, or undici would have called it an upgrade.
    if (status === 101 || this.#interim > maxInterim) {
      this.#abort('upstream.malformed', status === 101 ? 'unasked 101' : `more than ${maxInterim} interim answers`)
    } else attempt.informed(status, headers)
  }

  #abort(fault: FaultCode, cause: string): void {
    this.#fault = fault
    this.#controller?.abort(new Error(cause))
  }

  #finish(): void {
    this.#silence.rest()
    this.#attempt = null
    this.#controller = null
    this.#upload = null
    this.#reply = null
    this.#isUploaded = true
    this.#isBegun = false
    this.#isCut = false
    this.#fault = null
    this.#interim = 0
  }
}

/** Methods that may be sent twice without asking (RFC 9110 section 9.2.2). */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

function isRepeatable(attempt: Attempt): boolean {
  const { head, body } = attempt.work.exchange.caller
  return body === null && idempotent.has(head.method)
}
