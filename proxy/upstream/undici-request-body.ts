// HOT PATH — runs for every request with a body. Rules: docs/decisions/0004.
// A request body as undici wants to see it: the few methods of a stream that its HTTP/1.1 writer calls, over our
// source, with back-pressure both ways. Why not a Readable: that would be a second buffer and three times the work.

import type { Readable } from 'node:stream'
import type { Attempt } from '../core/attempt.ts'
import type { BodySink, BodySource } from '../core/body.ts'
import type { RawHeaders } from '../core/raw-headers.ts'

type Listener = (this: UndiciRequestBody, argument?: unknown) => void

export class UndiciRequestBody implements BodySink {
  /** undici asks for these two before it trusts a stream to end by itself. */
  readonly _readableState = { autoDestroy: true }
  destroyed = false
  /** The reason the source gave when it broke; null while it has not. */
  brokenBy: string | null = null
  readonly #source: BodySource
  readonly #attempt: Attempt
  #onData: Listener | null = null
  #onEnd: Listener | null = null
  #onError: Listener | null = null
  #isFlowing = false
  #isPaused = false
  #isEnded = false

  constructor(source: BodySource, attempt: Attempt) {
    this.#source = source
    this.#attempt = attempt
  }

  /** The same object under the type that undici's dispatch declares. */
  asReadable(): Readable {
    return this as unknown as Readable
  }

  // What the source calls.

  write(chunk: Uint8Array): boolean {
    if (this.destroyed) return false
    if (this.#attempt.sentAt < 0) this.#attempt.sent()
    // undici does not return what its socket said; it calls `pause` instead.
    this.#onData?.(chunk)
    return !this.#isPaused
  }

  /** undici cannot send trailers: they are dropped, which RFC 9110 section 6.5.1 allows. */
  end(_trailers: RawHeaders | null): void {
    if (this.destroyed) return
    this.#isEnded = true
    if (this.#attempt.sentAt < 0) this.#attempt.sent()
    this.#onEnd?.()
  }

  fail(cause: string): void {
    this.#isEnded = true
    this.brokenBy = cause
    this.destroy(new Error(cause))
  }

  // What undici calls.

  on(event: string, listener: Listener): this {
    // The later listener replaces the earlier: of two for `error` the second is the writer's, which also aborts.
    if (event === 'data') this.#onData = listener
    else if (event === 'end') this.#onEnd = listener
    else if (event === 'error') this.#onError = listener
    return this
  }

  off(_event: string, _listener: Listener): this {
    return this
  }

  removeListener(event: string, listener: Listener): this {
    if (event === 'data' && this.#onData === listener) this.#onData = null
    return this
  }

  /** Never called; its presence is what makes an object a stream. */
  pipe(): never {
    throw new Error('a request body is written by the connection, not piped')
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isFlowing) {
      this.#isFlowing = true
      // undici adds its listeners to the socket after this call. A body that ended within it would leave them there.
      queueMicrotask(() => { if (!this.destroyed) this.#source.flow(this) })
      return
    }
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#source.resume()
  }

  destroy(error?: Error): this {
    if (this.destroyed) return this
    this.destroyed = true
    if (!this.#isEnded) this.#source.discard()
    if (error !== undefined) this.#onError?.(error)
    return this
  }
}
