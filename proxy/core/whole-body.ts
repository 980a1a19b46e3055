// A body that lies whole in memory, and the keeping of an answer until it does: what a layer holds of an answer while
// it tries for a better one.

import type { BodySink, BodySource } from './body.ts'
import type { Outcome, Reply } from './outcome.ts'
import type { RawHeaders } from './raw-headers.ts'

/** Bytes that are there; they may be read by many, each through a source of its own. */
export class WholeBody implements BodySource {
  readonly length: number
  readonly #chunks: readonly Uint8Array[]
  readonly #trailers: RawHeaders | null
  #sink: BodySink | null = null
  #at = 0

  /** `length`: -1 where only the end told it. */
  constructor(chunks: readonly Uint8Array[], length: number, trailers: RawHeaders | null) {
    this.#chunks = chunks
    this.length = length
    this.#trailers = trailers
  }

  flow(sink: BodySink): void {
    this.#sink = sink
    this.resume()
  }

  resume(): void {
    while (this.#sink !== null && this.#at < this.#chunks.length) {
      if (!this.#sink.write(this.#chunks[this.#at++] as Uint8Array)) break
    }
    // The end is no data: a slow reader is told of it at once.
    if (this.#at < this.#chunks.length) return
    const sink = this.#sink
    this.#sink = null
    sink?.end(this.#trailers)
  }

  discard(): void { this.#sink = null }
}

/** An answer held back. Its body is read at once, so that its connection and its permit are free. */
export class KeptOutcome implements BodySink {
  readonly #outcome: Outcome
  readonly #source: BodySource | null
  readonly #maxBytes: number
  #chunks: Uint8Array[] = []
  #bytes = 0
  #trailers: RawHeaders | null = null
  #state: 'reading' | 'whole' | 'lost' = 'reading'

  /** `maxBytes`: of a longer body nothing is kept. */
  constructor(outcome: Outcome, maxBytes: number) {
    this.#outcome = outcome
    this.#maxBytes = maxBytes
    this.#source = outcome.kind === 'reply' ? outcome.body : null
    if (this.#source === null) this.#state = 'whole'
    else if (this.#source.length > maxBytes) this.#lose()
    else this.#source.flow(this)
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state !== 'reading') return true
    this.#bytes += chunk.length
    if (this.#bytes > this.#maxBytes) this.#lose()
    else this.#chunks.push(chunk)
    return true
  }

  end(trailers: RawHeaders | null): void {
    if (this.#state !== 'reading') return
    this.#state = 'whole'
    this.#trailers = trailers
  }

  fail(): void { this.#state = 'lost' }

  /** The outcome as it was, or null when its body did not come whole. Called once, and last. */
  take(): Outcome | null {
    this.drop()
    if (this.#state === 'lost') return null
    const source = this.#source
    if (source === null) return this.#outcome
    return { ...this.#outcome as Reply, body: new WholeBody(this.#chunks, source.length, this.#trailers) }
  }

  /** A better one has come: what still comes of its body would hold a connection and a permit for nobody. */
  drop(): void {
    if (this.#state === 'reading') this.#lose()
  }

  #lose(): void {
    this.#state = 'lost'
    this.#chunks = []
    this.#source?.discard()
  }
}
