// HOT PATH — runs for every answer with a body. Rules: docs/decisions/0004.
// The body of an answer that undici parses, as a source: what arrives before anybody wants it, or while the reader is
// slow, is held here, at most one socket read beyond the mark. It does not know of attempts or connections.

import type { BodySink, BodySource } from '../core/body.ts'
import type { RawHeaders } from '../core/raw-headers.ts'

/** What a body may ask of the connection it arrives on. */
export interface ReplyBodyOwner {
  /** Stops reading from upstream. */
  pauseReply(): void
  /** Goes on reading after `pauseReply`. */
  resumeReply(): void
  /** Nobody wants the rest of this body. */
  dropReply(body: UndiciReplyBody): void
}

/** One socket read of undici: a small answer is complete before its reader has looked, and needs no pause. */
const heldMarkBytes = 64 * 1024

type Ending = { readonly trailers: RawHeaders | null } | { readonly cause: string }

export class UndiciReplyBody implements BodySource {
  readonly length: number
  readonly #owner: ReplyBodyOwner
  #sink: BodySink | null = null
  #held: Uint8Array[] = []
  #heldBytes = 0
  /** The sink said false and has not asked for more. */
  #isStopped = false
  #isPaused = false
  #isDiscarded = false
  #ending: Ending | null = null

  constructor(owner: ReplyBodyOwner, length: number) {
    this.#owner = owner
    this.length = length
  }

  /** Whether its reader, not upstream, is what it waits for. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  flow(sink: BodySink): void {
    this.#sink = sink
    this.#drain(sink)
  }

  resume(): void {
    if (this.#sink === null || !this.#isStopped) return
    this.#isStopped = false
    this.#drain(this.#sink)
  }

  discard(): void {
    if (this.#isDiscarded) return
    this.#isDiscarded = true
    this.#held = []
    this.#owner.dropReply(this)
  }

  /** Connection: a chunk arrived. */
  push(chunk: Uint8Array): void {
    if (this.#isDiscarded) return
    if (this.#sink !== null && !this.#isStopped) {
      if (!this.#sink.write(chunk)) this.#stop()
      return
    }
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#heldBytes >= heldMarkBytes) this.#pause()
  }

  /** Connection: the body is complete. */
  finish(trailers: RawHeaders | null): void {
    this.#end({ trailers })
  }

  /** Connection: the body will never be complete. */
  break(cause: string): void {
    this.#end({ cause })
  }

  #end(ending: Ending): void {
    if (this.#ending !== null || this.#isDiscarded) return
    this.#ending = ending
    if (this.#sink !== null && !this.#isStopped) this.#drain(this.#sink)
  }

  #stop(): void {
    this.#isStopped = true
    this.#pause()
  }

  #pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#owner.pauseReply()
  }

  #drain(sink: BodySink): void {
    const held = this.#held
    let taken = 0
    while (taken < held.length && !this.#isStopped && !this.#isDiscarded) {
      if (!sink.write(held[taken++] as Uint8Array)) this.#isStopped = true
    }
    if (this.#isDiscarded) return
    this.#held = taken === held.length ? [] : held.slice(taken)
    if (taken > 0) this.#heldBytes = this.#held.reduce((sum, chunk) => sum + chunk.length, 0)
    if (this.#isStopped) return
    if (this.#ending !== null) tell(sink, this.#ending)
    else if (this.#isPaused) {
      this.#isPaused = false
      this.#owner.resumeReply()
    }
  }
}

function tell(sink: BodySink, ending: Ending): void {
  if ('cause' in ending) sink.fail(ending.cause)
  else sink.end(ending.trailers)
}
