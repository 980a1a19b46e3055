// The body of a request for more than one attempt: recorded while it streams to the first, played again to the next,
// and live from where the record ends. It is bounded: once more has passed than may be kept, the record is freed and
// the work is no longer repeatable, which layers see before they try.
//
//   caller ──► ReplayBody ──► the source that was opened last         an older source gets nothing more

import type { BodySink, BodySource, BodySupply } from './body.ts'
import type { RawHeaders } from './raw-headers.ts'

type State = 'held' | 'flowing' | 'complete' | 'broken'

export class ReplayBody implements BodySupply, BodySink {
  readonly length: number
  readonly #source: BodySource
  readonly #maxBytes: number
  #record: Uint8Array[] = []
  #bytes = 0
  #state: State = 'held'
  #trailers: RawHeaders | null = null
  #cause = ''
  #isOverflown = false
  /** The source did not go on since somebody said "enough". */
  #isStopped = false
  /** Nothing will be sent again: what is unread need not be recorded, and is dropped when nobody wants it. */
  #isFinal = false
  #reader: ReplaySource | null = null

  constructor(source: BodySource, maxBytes: number) {
    this.#source = source
    this.#maxBytes = maxBytes
    this.length = source.length
    if (source.length > maxBytes) this.#isOverflown = true
  }

  /** Whether one more attempt could have the whole body. */
  get isRepeatable(): boolean {
    return this.#state === 'held' || (!this.#isOverflown && !this.#isFinal && this.#state !== 'broken')
  }

  /** Bytes held for a repetition. */
  get recordedBytes(): number { return this.#record.length === 0 ? 0 : this.#bytes }

  /** Never null: what is said to have a body must not be sent without. One that is gone fails at once. */
  open(): BodySource {
    if (!this.isRepeatable) return new GoneBody(this.length)
    this.#reader = new ReplaySource(this)
    return this.#reader
  }

  /** Layer: there will be no further attempt. */
  close(): void {
    if (this.#isFinal) return
    this.#isFinal = true
    if (this.#reader === null) this.#drop()
    else this.#freeUnneeded()
  }

  // BodySink, towards the caller's body

  write(chunk: Uint8Array): boolean {
    const reader = this.#reader
    if (this.#canGrow || (reader !== null && !reader.isLive)) {
      this.#record.push(chunk)
      this.#bytes += chunk.length
      if (this.#bytes > this.#maxBytes) this.#isOverflown = true
      this.#freeUnneeded()
    }
    this.#isStopped = reader === null || !reader.take(chunk)
    return !this.#isStopped
  }

  end(trailers: RawHeaders | null): void {
    this.#state = 'complete'
    this.#trailers = trailers
    this.#reader?.ended()
  }

  fail(cause: string): void {
    this.#state = 'broken'
    this.#cause = cause
    this.#record = []
    this.#reader?.ended()
  }

  // ReplaySource

  /** The chunk at that place of the record; undefined behind its end. */
  chunkAt(index: number): Uint8Array | undefined { return this.#record[index] }

  /** The record is played: go on live, or tell the end. */
  goLive(sink: BodySink): void {
    this.#freeUnneeded()
    if (this.#state === 'complete') return sink.end(this.#trailers)
    if (this.#state === 'broken') return sink.fail(this.#cause)
    if (this.#state === 'held') {
      this.#state = 'flowing'
      this.#source.flow(this)
    } else if (this.#isStopped) this.resumeLive()
  }

  resumeLive(): void {
    if (this.#state !== 'flowing' || !this.#isStopped) return
    this.#isStopped = false
    this.#source.resume()
  }

  /** The attempt that read it wants no more. */
  left(reader: ReplaySource): void {
    if (this.#reader !== reader) return
    this.#reader = null
    if (this.#isFinal) this.#drop()
  }

  /** Whether what comes is recorded for attempts to come. */
  get #canGrow(): boolean { return !this.#isOverflown && !this.#isFinal }

  /** A reader that still plays the record needs it to its end; nobody else does once it cannot be sent again. */
  #freeUnneeded(): void {
    if (this.#canGrow || (this.#reader !== null && !this.#reader.isLive)) return
    this.#record = []
  }

  #drop(): void {
    this.#record = []
    if (this.#state === 'flowing') this.#source.discard()
  }
}

/** A body that cannot be had any more: whoever asks for it is told, and never completes its request. */
class GoneBody implements BodySource {
  readonly length: number
  constructor(length: number) { this.length = length }
  flow(sink: BodySink): void { sink.fail('the body was not kept to be sent again') }
  resume(): void { /* Nothing flows. */ }
  discard(): void { /* Nothing is held. */ }
}

/** One reading of it, for one attempt. */
class ReplaySource implements BodySource {
  readonly length: number
  readonly #body: ReplayBody
  #sink: BodySink | null = null
  #at = 0
  #isStopped = false
  /** It has had the record and gets chunks as they come. */
  isLive = false

  constructor(body: ReplayBody) {
    this.#body = body
    this.length = body.length
  }

  flow(sink: BodySink): void {
    this.#sink = sink
    this.#play()
  }

  resume(): void {
    if (this.#sink === null || !this.#isStopped) return
    this.#isStopped = false
    if (this.isLive) this.#body.resumeLive()
    else this.#play()
  }

  discard(): void {
    this.#sink = null
    this.#body.left(this)
  }

  /** A chunk came; false: no more for now. */
  take(chunk: Uint8Array): boolean {
    // Not live: it will find the chunk in the record.
    if (!this.isLive || this.#sink === null) return false
    this.#isStopped = !this.#sink.write(chunk)
    return !this.#isStopped
  }

  /** Nothing more will come. */
  ended(): void {
    const sink = this.#sink
    if (!this.isLive || sink === null) return
    this.#sink = null
    this.#body.goLive(sink)
  }

  #play(): void {
    while (this.#sink !== null) {
      const chunk = this.#body.chunkAt(this.#at)
      if (chunk === undefined) break
      this.#at++
      if (!this.#sink.write(chunk)) {
        this.#isStopped = true
        return
      }
    }
    const sink = this.#sink
    if (sink === null) return
    this.isLive = true
    this.#body.goLive(sink)
  }
}
