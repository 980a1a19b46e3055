// HOT PATH — runs for every answer with a body. Rules: docs/decisions/0004.
// The body of an answer as a source. A small answer is complete in here before anybody reads it, and its connection
// serves the next request already; a larger one is held up to a mark, then its connection is not read from.

import type { BodySink, BodySource } from '../core/body.ts'
import type { RawHeaders } from '../core/raw-headers.ts'

/** The connection that a body still comes from. */
export interface ReplyBodyOwner {
  /** There is room again. */
  resumeReading(body: ReplyBody): void
  /** Nobody wants the rest. */
  dropReply(body: ReplyBody): void
}

/** As much as one read may bring: what comes before the body flows is held without pausing. */
const heldMarkBytes = 64 * 1024

export class ReplyBody implements BodySource {
  readonly length: number
  /** Null once the body is over. */
  #owner: ReplyBodyOwner | null
  #sink: BodySink | null = null
  /** Not yet handed on, in order. */
  #held: Uint8Array[] | null
  #heldBytes: number
  #trailers: RawHeaders | null = null
  #failure: string | null = null
  /** The sink said false and has not asked for more. */
  #isStopped = false
  #isDiscarded = false

  /** A body that has come whole has no `owner`. */
  constructor(owner: ReplyBodyOwner | null, length: number, first: Uint8Array | null, trailers: RawHeaders | null) {
    this.length = length
    this.#owner = owner
    this.#held = first === null ? null : [first]
    this.#heldBytes = first === null ? 0 : first.length
    this.#trailers = trailers
  }

  /** Whether more should be read now. */
  get wantsMore(): boolean {
    return !this.#isStopped && this.#heldBytes < heldMarkBytes
  }

  flow(sink: BodySink): void {
    this.#sink = sink
    this.#handOn(sink)
  }

  resume(): void {
    if (this.#sink === null || !this.#isStopped) return
    this.#isStopped = false
    this.#handOn(this.#sink)
  }

  discard(): void {
    this.#isDiscarded = true
    this.#held = null
    const owner = this.#owner
    this.#owner = null
    owner?.dropReply(this)
  }

  /** Connection: a chunk came. */
  push(chunk: Uint8Array): void {
    if (this.#isDiscarded) return
    if (this.#sink !== null && !this.#isStopped && this.#held === null) {
      if (!this.#sink.write(chunk)) this.#isStopped = true
      return
    }
    if (this.#held === null) this.#held = [chunk]
    else this.#held.push(chunk)
    this.#heldBytes += chunk.length
  }

  /** Connection: the body is complete. */
  finish(trailers: RawHeaders | null): void {
    this.#owner = null
    this.#trailers = trailers
    if (this.#sink !== null && this.#held === null && !this.#isDiscarded) this.#sink.end(trailers)
  }

  /** Connection: the body will never be complete. */
  break(cause: string): void {
    this.#owner = null
    this.#failure = cause
    if (this.#sink !== null && this.#held === null && !this.#isDiscarded) this.#sink.fail(cause)
  }

  #handOn(sink: BodySink): void {
    const held = this.#held
    if (held !== null) {
      let at = 0
      while (at < held.length && !this.#isStopped && !this.#isDiscarded) {
        const chunk = held[at++] as Uint8Array
        this.#heldBytes -= chunk.length
        if (!sink.write(chunk)) this.#isStopped = true
      }
      if (this.#isDiscarded) return
      this.#held = at === held.length ? null : held.slice(at)
      if (this.#held !== null) return
    }
    // The end is no data: a slow reader is told of it at once.
    if (this.#owner === null) {
      if (this.#failure === null) sink.end(this.#trailers)
      else sink.fail(this.#failure)
    } else if (!this.#isStopped) this.#owner.resumeReading(this)
  }
}
