// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The writing side of one connection: the head, the body behind it, and the wait for a 100 between them. One object for
// the life of a connection; of answers it only hears that a 100 came or that none will.

import type { Attempt } from '../core/attempt.ts'
import type { BodySource } from '../core/body.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import { BodyWriter } from '../http1/body-writer.ts'
import { chunkedBody } from '../http1/framing.ts'
import type { Line } from './line.ts'
import { endToEnd } from './interim-fields.ts'
import { Upload } from './upload.ts'

/** How long a body waits for a 100 that may never come (RFC 9110 section 10.1.1 sets no number). */
export const continueMs = 1000

export class RequestSide {
  readonly #line: Line
  readonly #clock: Clock
  readonly #writer: BodyWriter
  #upload: Upload | null = null
  #timer: Timer | null = null

  constructor(line: Line, clock: Clock) {
    this.#line = line
    this.#clock = clock
    this.#writer = new BodyWriter(line.socket)
  }

  /** Whether the body has room to wait for, and nobody makes it. */
  get isBlocked(): boolean {
    return this.#upload !== null && this.#upload.isBlocked
  }

  /** Whether nothing of a body was taken from its source, so that the request could be sent anew. */
  get isUntouched(): boolean {
    return this.#upload === null || !this.#upload.isFlowing
  }

  /** Writes the head, and the body as it comes. */
  begin(head: string, body: BodySource | null, attempt: Attempt): void {
    if (body === null) {
      this.#line.socket.write(head, 'latin1')
      return
    }
    const upload = this.#upload = new Upload(body, this.#writer, attempt)
    this.#writer.begin(head, body.length < 0 ? chunkedBody : body.length)
    const { work } = attempt
    // A body that has been read already was asked for by us.
    if (work.body?.isWhole !== true && work.exchange.caller.head.expectsContinue) {
      this.#timer = this.#clock.after(continueMs, () => { upload.start() })
    }
    else upload.start()
    // The source may have brought its first bytes, and the head with them; or broken off, and nothing may be sent.
    if (this.#upload === upload) this.#writer.flush()
  }

  /** An interim answer came: it is told, and a body may have waited for it. */
  interim(status: number, headers: RawHeaders, attempt: Attempt): void {
    // A 100 that no body waits for was not asked for, or is the second.
    if (status === 100 && (this.#upload === null || this.#upload.isFlowing)) return
    attempt.informed(status, endToEnd(headers))
    if (status !== 100) return
    this.#clearTimer()
    // Null when somebody cut the attempt on hearing of it.
    this.#upload?.start()
  }

  /** A final answer came: a body that still waits for its 100 stays where it is. */
  stopWaiting(): void {
    this.#clearTimer()
  }

  drained(): void {
    this.#upload?.drained()
  }

  /** Ends this request, complete or not. True: all of it was handed to the socket. */
  leave(): boolean {
    const upload = this.#upload
    if (upload === null) return true
    this.#upload = null
    this.#clearTimer()
    if (upload.isComplete) return true
    upload.abandon()
    return false
  }

  #clearTimer(): void {
    if (this.#timer === null) return
    this.#timer.clear()
    this.#timer = null
  }
}
