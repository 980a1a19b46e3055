// The body of an answer on its way into a record: held until it is whole, because it is recorded before it is replied.
// One that turns out larger than may be kept is let go, and streams on from where it is.

import type { BodySink, BodySource } from '../../core/body.ts'
import type { RawHeaders } from '../../core/raw-headers.ts'
import type { Soon } from '../../core/record-store.ts'

export type Collected =
  | { readonly kind: 'whole'; readonly bytes: Uint8Array; readonly trailers: RawHeaders | null }
  | { readonly kind: 'broken'; readonly cause: string }
  /** What came so far and what is to come, as one source. */
  | { readonly kind: 'too-large'; readonly rest: BodySource }

/** Reads a body to its end, or until it is known to be larger than `maxBytes`. Small ones are here at once. */
export function collect(body: BodySource, maxBytes: number): Soon<Collected> {
  const collecting = new Collecting(body, maxBytes)
  body.flow(collecting)
  return collecting.collected ?? new Promise((resolve) => { collecting.resolve = resolve })
}

class Collecting implements BodySink, BodySource {
  readonly length: number
  /** What it came to, when it did so before somebody waited for it. */
  collected: Collected | null = null
  /** Who waits for it. */
  resolve: ((collected: Collected) => void) | null = null
  readonly #source: BodySource
  readonly #maxBytes: number
  #chunks: Uint8Array[] = []
  #bytes = 0
  #isTooLarge = false
  #isDiscarded = false
  #sink: BodySink | null = null
  /** The sink has enough for now. */
  #isStopped = true
  /** How the source ended, when it did before somebody read this far. */
  #ending: ((sink: BodySink) => void) | null = null

  constructor(source: BodySource, maxBytes: number) {
    this.length = source.length
    this.#source = source
    this.#maxBytes = maxBytes
  }

  // BodySink, towards the upstream

  write(chunk: Uint8Array): boolean {
    if (this.#sink !== null && this.#chunks.length === 0 && !this.#isStopped) {
      this.#isStopped = !this.#sink.write(chunk)
      return !this.#isStopped
    }
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (!this.#isTooLarge && this.#bytes > this.#maxBytes) {
      this.#isTooLarge = true
      this.#came({ kind: 'too-large', rest: this })
    }
    return !this.#isTooLarge
  }

  end(trailers: RawHeaders | null): void {
    if (this.#isTooLarge) return this.#over((sink) => { sink.end(trailers) })
    this.#came({ kind: 'whole', bytes: Buffer.concat(this.#chunks), trailers })
  }

  fail(cause: string): void {
    if (this.#isTooLarge) return this.#over((sink) => { sink.fail(cause) })
    this.#came({ kind: 'broken', cause })
  }

  // BodySource, towards the caller

  flow(sink: BodySink): void {
    this.#sink = sink
    this.resume()
  }

  resume(): void {
    const sink = this.#sink
    if (sink === null) return
    this.#isStopped = false
    while (this.#chunks.length > 0 && !this.#isStopped) {
      if (this.#isDiscarded) return
      this.#isStopped = !sink.write(this.#chunks.shift() as Uint8Array)
    }
    if (this.#chunks.length > 0 || this.#isDiscarded) return
    if (this.#ending !== null) this.#over(this.#ending)
    else if (!this.#isStopped) this.#source.resume()
  }

  discard(): void {
    this.#isDiscarded = true
    this.#chunks = []
    this.#source.discard()
  }

  #came(collected: Collected): void {
    if (this.resolve === null) this.collected = collected
    else this.resolve(collected)
  }

  #over(ending: (sink: BodySink) => void): void {
    if (this.#isDiscarded) return
    if (this.#sink === null || this.#chunks.length > 0) this.#ending = ending
    else {
      const sink = this.#sink
      this.#sink = null
      ending(sink)
    }
  }
}
