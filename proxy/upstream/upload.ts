// HOT PATH — runs for every request with a body. Rules: docs/decisions/0004.
// The body of a request on its way onto a connection: from the caller's source into the writer, back-pressure both
// ways. One object for one request; a source that speaks after it was given up is not heard.

import type { Attempt } from '../core/attempt.ts'
import type { BodySink, BodySource } from '../core/body.ts'
import type { RawHeaders } from '../core/raw-headers.ts'

/** Puts the bytes onto the wire in the protocol's framing. */
export interface UploadWriter {
  /** The body went beyond the length that was announced; what was too much was not written. */
  readonly isOver: boolean
  /** False: there is enough until it drains. */
  write(chunk: Uint8Array): boolean
  /** False: the body was not as long as announced, and the message cannot be completed. */
  end(trailers: RawHeaders | null): boolean
}

export class Upload implements BodySink {
  readonly #source: BodySource
  readonly #writer: UploadWriter
  readonly #attempt: Attempt
  #isOver = false
  /** Whether the source was set going. What has not flowed can still be sent by another attempt. */
  isFlowing = false
  /** Every byte and the end of the body were handed to the socket. */
  isComplete = false
  /** The socket has enough until it drains. */
  isBlocked = false

  constructor(source: BodySource, writer: UploadWriter, attempt: Attempt) {
    this.#source = source
    this.#writer = writer
    this.#attempt = attempt
  }

  /** Sets the source going. The second call does nothing. */
  start(): void {
    if (this.isFlowing || this.#isOver) return
    this.isFlowing = true
    this.#source.flow(this)
    // What came with the head is written by now. The rest is the caller's time, not the upstream's.
    if (!this.#isOver && !this.isBlocked) this.#attempt.turn('idle')
  }

  /** The socket drained. */
  drained(): void {
    if (!this.isBlocked || this.#isOver) return
    this.isBlocked = false
    this.#attempt.turn('idle')
    this.#source.resume()
  }

  /** Nothing more of the body is wanted here. */
  abandon(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.isFlowing) this.#source.discard()
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return false
    if (this.#writer.write(chunk)) return true
    if (this.#writer.isOver) this.#break()
    else {
      this.isBlocked = true
      this.#attempt.turn('busy')
    }
    return false
  }

  end(trailers: RawHeaders | null): void {
    if (this.#isOver) return
    this.#isOver = true
    if (!this.#writer.end(trailers)) return this.#break()
    this.isComplete = true
    this.#attempt.turn('busy')
  }

  fail(): void {
    if (!this.#isOver) this.#break()
  }

  /** It broke off, or is not as long as it said: the request must never be completed. */
  #break(): void {
    this.#isOver = true
    const attempt = this.#attempt
    const now = attempt.clock.now()
    // Not the upstream's fault: told as what it is, a caller that did not bring its request to an end.
    attempt.cut({ kind: 'abandoned', by: 'caller', elapsedMs: now - attempt.startedAt }, now)
  }
}
