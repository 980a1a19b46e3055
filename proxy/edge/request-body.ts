// HOT PATH — runs for every body of a request. Rules: docs/decisions/0004.
// The body of a request on its way in: counted against its bound, stopped when its sink has enough, and dropped when
// nobody wants it any more. The connection reads it; nothing is read before somebody asks.

import type { BodySink, BodySource } from '../core/body.ts'
import type { Clock } from '../core/clock.ts'
import type { Code } from '../core/codes.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import { TurnShare } from '../core/turn-share.ts'
import type { RangeSink } from '../http1/body-reader.ts'

/** What the body asks of its connection. */
export interface BodyReading {
  /** The body may be read from now on. */
  startBody(): void
  pauseBody(): void
  resumeBody(): void
  breakBody(code: Code): void
}

type State = 'held' | 'flowing' | 'dropping' | 'over'

export class RequestBody implements BodySource, RangeSink {
  readonly length: number
  readonly #reading: BodyReading
  readonly #clock: Clock
  readonly #share = new TurnShare()
  #sink: BodySink | null = null
  #state: State = 'held'
  /** Bytes that have come. */
  received = 0
  /** One byte more is too large. */
  maxBytes = Infinity
  /** Its sink has enough: nothing is expected of the caller. */
  isPaused = false
  /** The last byte is here. */
  hasArrived = false

  constructor(length: number, reading: BodyReading, clock: Clock) {
    this.length = length
    this.#reading = reading
    this.#clock = clock
  }

  /** Whether bytes may be read: into the sink, or to be thrown away. */
  get isWanted(): boolean { return this.#state === 'flowing' || this.#state === 'dropping' }

  /** Whether somebody waits for the bytes. */
  get isFlowing(): boolean { return this.#state === 'flowing' }

  flow(sink: BodySink): void {
    if (this.#state !== 'held') return sink.fail('the rest of the request did not come')
    this.#sink = sink
    this.#state = 'flowing'
    this.#reading.startBody()
  }

  resume(): void {
    if (this.#state !== 'flowing') return
    this.isPaused = false
    this.#reading.resumeBody()
  }

  discard(): void {
    if (this.#state === 'over') return
    this.#sink = null
    this.#state = 'dropping'
    this.#reading.startBody()
  }

  /** Connection: its exchange is over before it is. The sink is told, and the rest is read and thrown away. */
  abandon(cause: string): void {
    if (this.#state === 'over') return
    const sink = this.#sink
    this.discard()
    sink?.fail(cause)
  }

  take(chunk: Buffer, start: number, end: number): void {
    this.received += end - start
    if (this.#state !== 'flowing') return
    if (this.received > this.maxBytes) return this.#reading.breakBody('request.body-too-large')
    const isWhole = start === 0 && end === chunk.length
    const hasRoom = (this.#sink as BodySink).write(isWhole ? chunk : chunk.subarray(start, end))
    if (hasRoom && !this.#share.endsWith(end - start, this.#clock, this.#readOn)) return
    this.isPaused = !hasRoom
    this.#reading.pauseBody()
  }

  /** The others have had their turn. Also when it is over by now: the connection still stands still. */
  readonly #readOn = (): void => { if (!this.isPaused) this.#reading.resumeBody() }

  /** Connection: the framing says that this was all. */
  complete(trailers: RawHeaders | null): void {
    this.hasArrived = true
    const sink = this.#sink
    this.#sink = null
    const wasFlowing = this.#state === 'flowing'
    this.#state = 'over'
    if (wasFlowing) sink?.end(trailers)
  }

  /** Connection: the rest will not come, or nobody is left to want it. */
  fail(cause: string): void {
    const sink = this.#sink
    this.#sink = null
    if (this.#state === 'over') return
    this.#state = 'over'
    sink?.fail(cause)
  }
}
