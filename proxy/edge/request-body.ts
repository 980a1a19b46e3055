// HOT PATH — runs for every request with a body. Rules: docs/decisions/0004.
// The body of a request that node's parser reads, as a source. Nothing is read ahead beyond node's own buffer before
// somebody wants it; bytes are counted, and one too many ends the request.

import type { IncomingMessage } from 'node:http'
import type { BodySink, BodySource } from '../core/body.ts'
import type { Code } from '../core/codes.ts'
import { firstValue } from '../core/raw-headers.ts'
import { safeTrailers } from './trailers.ts'

/** Who is told that a body has grown beyond its bound. */
export interface BodyOwner {
  broken(code: Code): void
}

export class RequestBody implements BodySource {
  readonly length: number
  /** Bytes that have come so far; what has not moved for long has stalled. */
  received = 0
  maxBytes = Infinity
  readonly #request: IncomingMessage
  readonly #owner: BodyOwner
  #sink: BodySink | null = null
  #isOver = false

  constructor(request: IncomingMessage, length: number, owner: BodyOwner) {
    this.length = length
    this.#request = request
    this.#owner = owner
  }

  /** Whether somebody reads and the caller, not the reader, is what it waits for. */
  get isAwaited(): boolean {
    return this.#sink !== null && !this.#isOver && !this.#request.isPaused()
  }

  /** Whether every byte has arrived, read or not. */
  get hasArrived(): boolean {
    return this.#request.complete
  }

  flow(sink: BodySink): void {
    // It broke or was given up before anybody wanted it.
    if (this.#isOver) return sink.fail('the request ended before its body was complete')
    this.#sink = sink
    this.#request.on('data', (chunk: Buffer) => this.#take(chunk))
    this.#request.on('end', () => this.#end())
  }

  resume(): void {
    if (this.#sink !== null && !this.#isOver) this.#request.resume()
  }

  discard(): void {
    this.#isOver = true
    this.#sink = null
    this.#request.pause()
  }

  /** The rest will never come, or nobody will take it. */
  fail(cause: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#sink?.fail(cause)
  }

  /** Reads on for nobody, so that the connection can be used again. */
  drain(): void {
    this.#isOver = true
    this.#sink = null
    this.#request.resume()
  }

  #take(chunk: Buffer): void {
    this.received += chunk.length
    if (this.#isOver) return
    if (this.received > this.maxBytes) return this.#owner.broken('request.body-too-large')
    if (this.#sink?.write(chunk) === false) this.#request.pause()
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#sink?.end(safeTrailers(this.#request.rawTrailers))
  }
}

/** The body of a request that has passed the gate; null when it has none. */
export function bodyOf(request: IncomingMessage, owner: BodyOwner): RequestBody | null {
  const length = firstValue(request.rawHeaders, 'content-length')
  if (length !== undefined) return Number(length) === 0 ? null : new RequestBody(request, Number(length), owner)
  if (firstValue(request.rawHeaders, 'transfer-encoding') === undefined) return null
  return new RequestBody(request, -1, owner)
}
