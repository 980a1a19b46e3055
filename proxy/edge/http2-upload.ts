// HOT PATH — runs for every body of a request over HTTP/2. Rules: docs/decisions/0004.
// The body of a request as it comes over a stream: nothing is read, and no window grows, before somebody asks. It tells
// an end from a reset, which node's streams do not always.

import type { ServerHttp2Stream } from 'node:http2'
import type { Code } from '../core/codes.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import type { ConnectionContext } from './http1-context.ts'
import { areTrailers } from './http2-fields.ts'
import { RequestBody } from './request-body.ts'
import type { BodyReading } from './request-body.ts'

export interface UploadOwner {
  /** The rest of the request cannot be had. */
  broken(code: Code): void
  /** The stream was reset before the body was complete. */
  gone(): void
}

export class Http2Upload implements BodyReading {
  readonly body: RequestBody
  readonly #stream: ServerHttp2Stream
  readonly #owner: UploadOwner
  #isStarted = false
  #isBroken = false
  #trailers: RawHeaders | null = null
  /** The last byte has come. */
  hasEnded = false

  constructor(stream: ServerHttp2Stream, length: number, { clock, limits }: ConnectionContext, owner: UploadOwner) {
    this.#stream = stream
    this.#owner = owner
    this.body = new RequestBody(length, this, clock)
    stream.on('trailers', (_headers: unknown, _flags: number, received: RawHeaders) => {
      if (areTrailers(received, limits.fieldCount, limits.headBytes)) this.#trailers = received
      else this.breakBody('request.malformed')
    })
    stream.on('end', () => { this.#ended() })
  }

  startBody(): void {
    if (this.#isStarted) return this.resumeBody()
    this.#isStarted = true
    if (this.hasEnded) return this.body.complete(this.#trailers)
    this.#stream.on('data', (chunk: Buffer) => { if (!this.#isBroken) this.body.take(chunk, 0, chunk.length) })
  }

  pauseBody(): void { this.#stream.pause() }
  resumeBody(): void { this.#stream.resume() }

  breakBody(code: Code): void {
    if (this.#isBroken) return
    this.#isBroken = true
    this.#owner.broken(code)
  }

  #ended(): void {
    if (this.#isBroken) return
    // A reset without an error looks like an end to those who only read.
    if (this.#stream.closed) return this.#owner.gone()
    this.hasEnded = true
    const { length, received } = this.body
    // The library has counted too; what goes upstream rests on it.
    if (length >= 0 && received !== length) return this.breakBody('request.malformed')
    // A body without a byte ends before anybody asks for it: whoever does gets its end.
    if (this.#isStarted) this.body.complete(this.#trailers)
  }
}
