// HOT PATH — runs for every request with a body over HTTP/2. Rules: docs/decisions/0004.
// The body of a request on its way onto a stream, and the wait for a 100 before it. It sees that the body is as long as
// was said; of answers it only hears that a 100 came or that none will.

import type { ClientHttp2Stream } from 'node:http2'
import type { Attempt } from '../core/attempt.ts'
import type { BodySource } from '../core/body.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import { trailersByName } from './http2-fields.ts'
import { continueMs } from './request-side.ts'
import { Upload } from './upload.ts'
import type { UploadWriter } from './upload.ts'

export class Http2Upload {
  readonly #upload: Upload
  #timer: Timer | null = null

  /** A stream of a body of unknown length has to be open for trailers. */
  constructor(body: BodySource, stream: ClientHttp2Stream, attempt: Attempt) {
    this.#upload = new Upload(body, new StreamWriter(stream, body.length), attempt)
  }

  /** Whether the body has room to wait for, and nobody makes it. */
  get isBlocked(): boolean {
    return this.#upload.isBlocked
  }

  /** Whether it waits for a 100. */
  get isWaiting(): boolean {
    return this.#timer !== null
  }

  /** Whether nothing of it was taken from its source. */
  get isUntouched(): boolean {
    return !this.#upload.isFlowing
  }

  start(): void {
    this.stopWaiting()
    this.#upload.start()
  }

  /** Starts when a 100 comes, or has not come for too long. */
  wait(clock: Clock): void {
    this.#timer = clock.after(continueMs, () => { this.start() })
  }

  /** A final answer came: a body that still waits stays where it is. */
  stopWaiting(): void {
    this.#timer?.clear()
    this.#timer = null
  }

  drained(): void {
    this.#upload.drained()
  }

  /** Ends it, complete or not. True: all of it was handed to the stream. */
  leave(): boolean {
    this.stopWaiting()
    if (this.#upload.isComplete) return true
    this.#upload.abandon()
    return false
  }
}

class StreamWriter implements UploadWriter {
  readonly #stream: ClientHttp2Stream
  /** Bytes that are still due; -1 when only the end will tell. */
  #due: number
  isOver = false

  constructor(stream: ClientHttp2Stream, length: number) {
    this.#stream = stream
    this.#due = length
  }

  write(chunk: Uint8Array): boolean {
    if (chunk.length === 0) return true
    if (this.#due >= 0) {
      if (chunk.length > this.#due) {
        this.isOver = true
        return false
      }
      this.#due -= chunk.length
    }
    return this.#stream.write(chunk)
  }

  end(trailers: RawHeaders | null): boolean {
    if (this.#due > 0 || this.isOver) return false
    const stream = this.#stream
    if (this.#due < 0) stream.on('wantTrailers', () => { stream.sendTrailers(trailersByName(trailers)) })
    stream.end()
    return true
  }
}
