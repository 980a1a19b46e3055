// HOT PATH — runs for every attempt over HTTP/2. Rules: docs/decisions/0004.
// A stream of node's client in our words: heads, data, the end that the peer meant, and the one end of it all. Why
// apart: node says `end` also of a stream that was reset, and half an answer must never pass for a whole one.

import { constants } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import type { RawHeaders } from '../core/raw-headers.ts'

export interface StreamOwner {
  interim(fields: RawHeaders): void
  /** The head of the answer; `isWhole`: nothing follows it. */
  head(fields: RawHeaders, isWhole: boolean): void
  data(chunk: Buffer): void
  trailers(fields: RawHeaders): void
  /** The peer ended the answer, and all of it has been handed over. */
  complete(): void
  /** There is room for more of the upload. */
  drained(): void
  /** The stream is no more; called once, and last. `code`: of its reset. */
  closed(code: number, error: Error | null): void
}

export class OpenStream {
  readonly stream: ClientHttp2Stream
  readonly #abort = new AbortController()
  #isEnded = false
  #error: Error | null = null

  /** `length` of the request's body: bytes, -1 when only its end will tell, null without one. Throws for bad fields. */
  constructor(client: ClientHttp2Session, fields: readonly string[], length: number | null, owner: StreamOwner) {
    const stream = this.stream = client.request(fields, {
      endStream: length === null, waitForTrailers: length !== null && length < 0, signal: this.#abort.signal,
    })
    this.#watchEnd(stream)
    const { NGHTTP2_FLAG_END_STREAM } = constants
    stream.on('response', (_fields: IncomingHttpHeaders, flags: number, raw: RawHeaders) => {
      owner.head(raw, (flags & NGHTTP2_FLAG_END_STREAM) !== 0)
      // Not before: node tells of heads in the next tick and of data at once; within a call both may come in one go.
      stream.on('data', (chunk: Buffer) => { owner.data(chunk) })
    })
    stream.on('headers', (_fields: IncomingHttpHeaders, _flags: number, raw: RawHeaders) => { owner.interim(raw) })
    stream.on('trailers', (_fields: IncomingHttpHeaders, _flags: number, raw: RawHeaders) => { owner.trailers(raw) })
    stream.on('end', () => { if (this.#isEnded) owner.complete() })
    stream.on('drain', () => { owner.drained() })
    stream.on('error', (error: Error) => { this.#error = error })
    stream.on('close', () => { owner.closed(stream.rstCode, this.#error) })
  }

  get id(): number {
    return this.stream.id ?? 0
  }

  /** Resets the stream with CANCEL. `close` would end the upload first, and a half would pass for a whole. */
  abort(): void {
    this.#abort.abort()
  }

  /** Node ends the readable side of every stream; only while it is not closed does that come from the peer. */
  #watchEnd(stream: ClientHttp2Stream): void {
    const push = stream.push.bind(stream)
    const watched = (chunk: unknown, encoding?: BufferEncoding): boolean => {
      if (chunk === null && !stream.closed) this.#isEnded = true
      return push(chunk, encoding)
    }
    stream.push = watched
  }
}
