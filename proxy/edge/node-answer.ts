// HOT PATH — runs for every answer with a body. Rules: docs/decisions/0004.
// The body of an answer on its way into node's response, as a sink. It counts against the length that was promised: an
// answer that is not what its head said is broken, never ended.

import type { ServerResponse } from 'node:http'
import type { BodySink } from '../core/body.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import type { UnsentHead } from './head-flusher.ts'
import { safeTrailers } from './trailers.ts'

/** The caller whose answer this is: it knows how to make a break visible. */
export interface AnswerOwner {
  cut(): void
}

export class NodeAnswer implements BodySink, UnsentHead {
  readonly #response: ServerResponse
  readonly #owner: AnswerOwner
  readonly #takesTrailers: boolean
  /** Bytes still promised; Infinity when the head promised no length. */
  #leftBytes: number
  #isSilent = true
  #isOver = false

  constructor(response: ServerResponse, owner: AnswerOwner, length: number, takesTrailers: boolean) {
    this.#response = response
    this.#owner = owner
    this.#leftBytes = length < 0 ? Infinity : length
    this.#takesTrailers = takesTrailers
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver || chunk.length === 0) return true
    this.#isSilent = false
    this.#leftBytes -= chunk.length
    if (this.#leftBytes < 0) {
      this.fail('more bytes than promised')
      return false
    }
    return this.#response.write(chunk)
  }

  end(trailers: RawHeaders | null): void {
    if (this.#isOver) return
    if (this.#leftBytes > 0 && this.#leftBytes !== Infinity) return this.fail('fewer bytes than promised')
    this.#isOver = true
    if (this.#takesTrailers && trailers !== null) this.#addTrailers(trailers)
    this.#response.end()
  }

  fail(_cause: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#owner.cut()
  }

  flushHead(): void {
    if (this.#isSilent && !this.#isOver) this.#response.flushHeaders()
    this.#isSilent = false
  }

  /** The caller is gone or cut: whatever still comes is dropped. */
  close(): void {
    this.#isOver = true
  }

  #addTrailers(trailers: RawHeaders): void {
    const safe = safeTrailers(trailers)
    if (safe === null) return
    const pairs: [string, string][] = []
    for (let i = 0; i < safe.length; i += 2) pairs.push([safe[i] as string, safe[i + 1] as string])
    try {
      this.#response.addTrailers(pairs)
    } catch {
      // A field that node will not write. A trailer section may always be left out (RFC 9110 section 6.5.1).
    }
  }
}
