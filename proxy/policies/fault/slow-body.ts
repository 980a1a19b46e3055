// A body that comes no faster than so many bytes a second: whole pieces at their time, back-pressure as ever.

import type { BodySink, BodySource } from '../../core/body.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { RawHeaders } from '../../core/raw-headers.ts'

/** Pieces of a tenth of a second's worth. */
const piecesPerSecond = 10

export class SlowBody implements BodySource, BodySink {
  readonly length: number
  readonly #source: BodySource
  readonly #clock: Clock
  readonly #pieceBytes: number
  readonly #waiting: Uint8Array[] = []
  #sink: BodySink | null = null
  #timer: Timer | null = null
  #end: (() => void) | null = null
  #isBlocked = false

  constructor(source: BodySource, bytesPerSecond: number, clock: Clock) {
    this.length = source.length
    this.#source = source
    this.#clock = clock
    this.#pieceBytes = Math.max(1, Math.ceil(bytesPerSecond / piecesPerSecond))
  }

  flow(sink: BodySink): void {
    this.#sink = sink
    this.#source.flow(this)
  }

  resume(): void {
    this.#isBlocked = false
    this.#pace()
  }

  discard(): void {
    this.#stop()
    this.#source.discard()
  }

  /** Takes one chunk and asks for no more until it has gone on its way. */
  write(chunk: Uint8Array): boolean {
    for (let at = 0; at < chunk.length; at += this.#pieceBytes) {
      this.#waiting.push(chunk.subarray(at, at + this.#pieceBytes))
    }
    this.#pace()
    return false
  }

  end(trailers: RawHeaders | null): void {
    this.#end = () => { this.#sink?.end(trailers) }
    this.#pace()
  }

  fail(cause: string): void {
    this.#stop()
    this.#sink?.fail(cause)
  }

  #pace(): void {
    if (this.#timer !== null || this.#isBlocked) return
    this.#timer = this.#clock.after(1000 / piecesPerSecond, () => {
      this.#timer = null
      this.#next()
    })
  }

  #next(): void {
    const piece = this.#waiting.shift()
    if (piece === undefined) return this.#end?.()
    this.#isBlocked = this.#sink?.write(piece) === false
    if (this.#waiting.length > 0 || this.#end !== null) this.#pace()
    else this.#source.resume()
  }

  #stop(): void {
    this.#timer?.clear()
    this.#timer = null
    this.#waiting.length = 0
    this.#end = null
  }
}
