// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// One undici Client, which is one connection, and the attempt on it: dispatch handler towards undici, leaf towards the
// attempt. It carries one attempt at a time; undici opens the socket when the first is dispatched, and again if it has
// died while idle and nothing was written.

import { Client } from 'undici'
import type { Dispatcher } from 'undici'
import type { Attempt, Leaf } from '../core/attempt.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { FaultCode } from '../core/codes.ts'
import type { Endpoint } from '../core/upstream.ts'
import { connect } from './undici-connect.ts'
import { faultOf } from './undici-faults.ts'
import { bodyLengthOf, hasNoBody, textOf } from './undici-reply-head.ts'
import { UndiciReplyBody } from './undici-reply-body.ts'
import type { ReplyBodyOwner } from './undici-reply-body.ts'
import { UndiciRequestBody } from './undici-request-body.ts'
import { outgoingHead } from './undici-request-head.ts'

/** What a connection needs to know of where it stands. */
export interface ConnectionContext {
  readonly endpoint: Endpoint
  readonly clock: Clock
  readonly timeouts: LeafTimeouts
  /** The connection has no attempt any more and can take another. */
  idle(connection: UndiciConnection): void
  /** The connection is beyond use. May be called more than once. */
  gone(connection: UndiciConnection): void
}

export interface LeafTimeouts {
  readonly connectMs: number
  /** Between bytes of an answer's body. */
  readonly idleMs: number
  /** How long an unused connection is kept when the origin announces nothing. */
  readonly keepAliveMs: number
}

/** An origin that announces its own idle time closes at that time: we have to be earlier by more than a round trip. */
const keepAliveMarginMs = 1000

/** Heads of answers above this are not read: the callers' own limit is 16 KiB, and origins add cookies. */
const maxHeadBytes = 64 * 1024

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
  #isCut = false
  /** Set where we, not undici, know why the request is aborted. */
  #fault: FaultCode | null = null
  #interim = 0
  #lastByteAt = 0
  #watch: Timer | null = null

  constructor(context: ConnectionContext) {
    const { endpoint, clock, timeouts } = context
    this.#context = context
    this.#client = new Client(endpoint.url, {
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: maxHeadBytes,
      // Deadlines and timeouts are policies with clocks of their own.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: timeouts.keepAliveMs,
      keepAliveTimeoutThreshold: keepAliveMarginMs,
      connect: (_options, done) => {
        connect(endpoint, timeouts.connectMs, clock, (error, socket) => {
          if (error === null && socket !== null) done(null, socket)
          else done(error ?? new Error('no socket'), null)
        })
      },
    })
    this.#client.on('disconnect', () => { if (this.#attempt === null) context.gone(this) })
  }

  /** Sends the attempt over this connection, which must be idle or new. */
  start(attempt: Attempt): void {
    const source = attempt.work.exchange.caller.body
    this.#attempt = attempt
    attempt.leaf = this
    const head = outgoingHead(attempt, this.#context.endpoint)
    // A body of length zero is a length, not a body.
    this.#upload = source === null || source.length === 0 ? null : new UndiciRequestBody(source, attempt)
    this.#isUploaded = this.#upload === null
    const options = {
      method: head.method,
      path: head.target,
      headers: head.fields as string[],
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
    this.#watch?.clear()
    this.#watch = null
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
    this.#lastByteAt = this.#context.clock.now()
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

  onResponseStart(controller: Controller, status: number, _headers: unknown, reason?: string): void {
    const attempt = this.#attempt
    if (attempt === null) return
    const headers = textOf(controller.rawHeaders)
    if (status < 200) return this.#onInterim(attempt, status, headers)
    let body: UndiciReplyBody | null = null
    if (!hasNoBody(attempt.work.exchange.caller.head.method, status)) {
      body = new UndiciReplyBody(this, bodyLengthOf(headers))
      this.#reply = body
      this.#watchReply()
    }
    attempt.headed({ kind: 'reply', status, reason: reason ?? '', headers, body, origin: 'upstream' })
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#lastByteAt = this.#context.clock.now()
    this.#reply?.push(chunk)
  }

  onResponseEnd(controller: Controller): void {
    const attempt = this.#attempt
    if (attempt === null) return
    const reply = this.#reply
    // Undici closes the connection when the answer is complete before the request.
    const isReusable = this.#isUploaded
    const trailers = textOf(controller.rawTrailers)
    this.#finish()
    if (isReusable) this.#context.idle(this)
    else this.#context.gone(this)
    attempt.closed()
    reply?.finish(trailers.length === 0 ? null : trailers)
  }

  onResponseError(_controller: Controller | null, error: Error): void {
    const attempt = this.#attempt
    if (attempt === null) return
    const reply = this.#reply
    const fault = this.#fault ?? faultOf(error)
    const cause = this.#upload?.brokenBy ?? error.message
    const isCut = this.#isCut
    const hasSocket = this.#controller !== null
    this.#finish()
    this.#context.gone(this)
    // With a controller undici has closed the socket already; without one it may still be open.
    if (!hasSocket) this.shut()
    if (isCut) attempt.closed()
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

  /** One timer a connection, armed again only when it fires: a timer for every answer would cost more than the rest. */
  #watchReply(): void {
    this.#lastByteAt = this.#context.clock.now()
    this.#watch ??= this.#context.clock.after(this.#context.timeouts.idleMs, this.#look)
  }

  readonly #look = (): void => {
    this.#watch = null
    const reply = this.#reply
    if (reply === null) return
    const { clock, timeouts } = this.#context
    const now = clock.now()
    if (reply.isPaused) this.#lastByteAt = now
    const leftMs = this.#lastByteAt + timeouts.idleMs - now
    if (leftMs > 0) this.#watch = clock.after(leftMs, this.#look)
    else this.#abort('upstream.stalled', `no byte of the answer for ${timeouts.idleMs} ms`)
  }

  #finish(): void {
    this.#attempt = null
    this.#controller = null
    this.#upload = null
    this.#reply = null
    this.#isUploaded = true
    this.#isCut = false
    this.#fault = null
    this.#interim = 0
  }
}
