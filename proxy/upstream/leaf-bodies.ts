// Bodies for tests of leaves: a sink that keeps everything, and a source that a test pushes by hand. Both are
// strict about the contract of core/body.ts: what must happen once throws when it happens twice.

import type { BodySink, BodySource } from '../core/body.ts'
import type { RawHeaders } from '../core/raw-headers.ts'

/** A sink that keeps everything; `isStopped` makes its next writes say "enough". */
export class Collected implements BodySink {
  text = ''
  bytes = 0
  writes = 0
  trailers: RawHeaders | null = null
  failure: string | null = null
  isEnded = false
  isStopped = false
  readonly over: Promise<void>
  readonly #resolve: () => void

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.over = promise
    this.#resolve = resolve
  }

  write(chunk: Uint8Array): boolean {
    this.#mustBeOpen('write')
    this.bytes += chunk.length
    this.writes++
    if (this.text.length < 1_000_000) this.text += Buffer.from(chunk).toString('latin1')
    return !this.isStopped
  }

  end(trailers: RawHeaders | null): void {
    this.#mustBeOpen('end')
    this.isEnded = true
    this.trailers = trailers
    this.#resolve()
  }

  fail(cause: string): void {
    this.#mustBeOpen('fail')
    this.failure = cause
    this.#resolve()
  }

  #mustBeOpen(verb: string): void {
    if (this.isEnded || this.failure !== null) throw new Error(`${verb} after the end`)
  }
}

/** A request body that the test pushes by hand, or all at once with `bodyOf`. */
export class PushedBody implements BodySource {
  readonly length: number
  sink: BodySink | null = null
  isDiscarded = false
  resumes = 0
  readonly flowing: Promise<void>
  readonly discarded: Promise<void>
  readonly #onFlow: (body: PushedBody) => void
  readonly #resolveFlowing: () => void
  readonly #resolveDiscarded: () => void

  constructor(length: number, onFlow: (body: PushedBody) => void = () => {}) {
    const flowing = Promise.withResolvers<void>()
    const discarded = Promise.withResolvers<void>()
    this.length = length
    this.flowing = flowing.promise
    this.discarded = discarded.promise
    this.#onFlow = onFlow
    this.#resolveFlowing = flowing.resolve
    this.#resolveDiscarded = discarded.resolve
  }

  flow(sink: BodySink): void {
    if (this.sink !== null) throw new Error('flow twice')
    this.sink = sink
    this.#resolveFlowing()
    this.#onFlow(this)
  }

  resume(): void {
    this.resumes++
  }

  discard(): void {
    this.isDiscarded = true
    this.#resolveDiscarded()
  }

  /** Pushes text; false: the leaf has enough for now. */
  push(text: string): boolean {
    if (this.sink === null) throw new Error('push before flow')
    return this.sink.write(Buffer.from(text, 'latin1'))
  }
}

/** A body that hands over `chunks` and its end as soon as it flows. `length` -1 makes it of unknown length. */
export function bodyOf(chunks: readonly string[], length: number, trailers: RawHeaders | null = null): PushedBody {
  return new PushedBody(length, (body) => {
    for (const chunk of chunks) body.push(chunk)
    body.sink?.end(trailers)
  })
}
