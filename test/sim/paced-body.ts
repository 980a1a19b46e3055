// Callers that are slow with their bytes: the body of a request that comes at a steady pace, and a caller that reads
// its answer at one, behind a buffer like that of a socket.

import type { BodySink, BodySource } from '../../proxy/core/body.ts'
import type { Clock } from '../../proxy/core/clock.ts'
import type { RawHeaders } from '../../proxy/core/raw-headers.ts'
import { SimCaller } from './sim-caller.ts'
import type { Ask } from './sim-caller.ts'

/** So many bytes every `everyMs`, until the length is reached. */
export interface Pace { readonly bytes: number; readonly everyMs: number }

export class PacedBody implements BodySource {
  readonly length: number
  readonly #clock: Clock
  readonly #pace: Pace
  #sink: BodySink | null = null
  #sent = 0
  #isStopped = false

  constructor(clock: Clock, length: number, pace: Pace) {
    this.#clock = clock
    this.length = length
    this.#pace = pace
  }

  flow(sink: BodySink): void {
    this.#sink = sink
    this.#later()
  }

  resume(): void {
    if (!this.#isStopped) return
    this.#isStopped = false
    this.#later()
  }

  discard(): void { this.#sink = null }

  #later(): void { this.#clock.after(this.#pace.everyMs, () => { this.#next() }) }

  #next(): void {
    const sink = this.#sink
    if (sink === null) return
    const count = Math.min(this.#pace.bytes, this.length - this.#sent)
    this.#sent += count
    const wantsMore = sink.write(new Uint8Array(count))
    if (this.#sent === this.length) {
      this.#sink = null
      sink.end(null)
    } else if (wantsMore) this.#later()
    else this.#isStopped = true
  }
}

/** What a socket holds before it says that there is enough. */
const bufferBytes = 64 * 1024

export class SlowReader extends SimCaller {
  /** Bytes that were handed to it and that it has not read. */
  unread = 0
  readonly #clock: Clock
  readonly #pace: Pace
  #onDrain: (() => void) | null = null
  #isStopped = false
  #finish: (() => void) | null = null

  constructor(clock: Clock, ask: Ask, pace: Pace) {
    super(clock, ask)
    this.#clock = clock
    this.#pace = pace
  }

  override answer(
    status: number, reason: string, fields: RawHeaders, _length?: number | null, onDrain?: () => void,
  ): BodySink {
    const told = super.answer(status, reason, fields)
    this.#onDrain = onDrain ?? null
    this.#clock.after(this.#pace.everyMs, () => { this.#read() })
    return {
      write: (chunk) => {
        this.unread += chunk.length
        this.#isStopped = this.unread >= bufferBytes
        return !this.#isStopped
      },
      end: (trailers) => { this.#finish = () => { told.end(trailers) } },
      fail: (cause) => { told.fail(cause) },
    }
  }

  #read(): void {
    if (this.end !== null) return
    this.unread = Math.max(0, this.unread - this.#pace.bytes)
    if (this.unread === 0 && this.#finish !== null) return this.#finish()
    if (this.#isStopped && this.unread <= bufferBytes / 2) {
      this.#isStopped = false
      this.#onDrain?.()
    }
    this.#clock.after(this.#pace.everyMs, () => { this.#read() })
  }
}
