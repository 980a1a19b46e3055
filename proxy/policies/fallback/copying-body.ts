// A body that is copied while it passes: back-pressure, order and end are those of the body itself. The copy is given
// up when it grows too large, when there is no room for it, or when the body breaks.

import type { BodySink, BodySource } from '../../core/body.ts'
import type { RawHeaders } from '../../core/raw-headers.ts'

export interface CopyPlace {
  /** Largest copy. */
  readonly maxBytes: number
  /** Room for so many bytes more; false: there is none. */
  reserve(bytes: number): boolean
  free(bytes: number): void
  /** The body has passed whole. */
  copied(body: Uint8Array): void
}

export class CopyingBody implements BodySource, BodySink {
  readonly #source: BodySource
  #place: CopyPlace | null
  #sink: BodySink | null = null
  #chunks: Uint8Array[] = []
  #bytes = 0

  constructor(source: BodySource, place: CopyPlace) {
    this.#source = source
    this.#place = place
  }

  get length(): number { return this.#source.length }

  flow(sink: BodySink): void {
    this.#sink = sink
    this.#source.flow(this)
  }

  resume(): void { this.#source.resume() }

  discard(): void {
    this.#giveUp()
    this.#source.discard()
  }

  write(chunk: Uint8Array): boolean {
    const place = this.#place
    if (place !== null) {
      if (this.#bytes + chunk.length > place.maxBytes || !place.reserve(chunk.length)) this.#giveUp()
      else {
        this.#chunks.push(chunk)
        this.#bytes += chunk.length
      }
    }
    return this.#sink?.write(chunk) ?? true
  }

  end(trailers: RawHeaders | null): void {
    const place = this.#place
    if (place !== null) {
      // One piece of its own: the chunks may be windows on much larger buffers.
      const body = Buffer.concat(this.#chunks)
      this.#giveUp()
      place.copied(body)
    }
    this.#sink?.end(trailers)
  }

  fail(cause: string): void {
    this.#giveUp()
    this.#sink?.fail(cause)
  }

  #giveUp(): void {
    this.#place?.free(this.#bytes)
    this.#place = null
    this.#chunks = []
    this.#bytes = 0
  }
}
