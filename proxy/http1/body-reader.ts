// HOT PATH — runs for every body in both directions. Rules: docs/decisions/0004.
// Takes the framing off a body: by length, chunked, or until the connection closes. It is pushed bytes and hands on
// ranges of them, nothing copied; what comes after the end of the body it does not touch.
//
//   chunked:  size ─;─► extension ─┐
//              └────CR─────────────┴─► sizeLf ─► data ─► dataCr ─► dataLf ─► size …
//                                          └ 0 ─► trailersStart ─CR─► lastLf ─► complete
//                                                       └─► trailers (a HeadReader of its own) ─► complete

import { BACKSLASH, CR, hexValue, LF, QUOTE, SEMICOLON, valueCharacter } from './characters.ts'
import { parseFields } from './fields.ts'
import { chunkedBody } from './framing.ts'
import { HeadReader } from './head-reader.ts'
import type { HeadLimits } from './head-reader.ts'

/** Takes ranges of body bytes; valid during the call only, the owner of `chunk` may use it again. */
export interface RangeSink {
  take(chunk: Buffer, start: number, end: number): void
}

export type BodyStatus = 'reading' | 'complete' | 'malformed'

/** Bytes of one chunk's line and of all extensions of a message: nothing uses them, floods have been built of them. */
const maxChunkLineBytes = 4 * 1024
const maxExtensionBytes = 16 * 1024

const size = 0
const extension = 1
const sizeLf = 2
const data = 3
const dataCr = 4
const dataLf = 5
const trailersStart = 6
const lastLf = 7
const trailers = 8
const identity = 9

export class BodyReader {
  readonly #trailerLimits: HeadLimits
  #trailerReader: HeadReader | null = null
  #state = identity
  /** Of the chunk in `data`, of the whole body in `identity`: Infinity until close. */
  #remaining = 0
  #digits = 0
  #lineBytes = 0
  #extensionBytes = 0
  #isQuoted = false
  #isEscaped = false
  status: BodyStatus = 'complete'
  /** As received; null when there were none. */
  trailers: string[] | null = null

  /** `trailerLimits.startLineBytes` is not used. */
  constructor(trailerLimits: HeadLimits) {
    this.#trailerLimits = trailerLimits
  }

  /** Begins a body: its length, Infinity until the connection closes, or `chunkedBody`. */
  begin(framing: number): void {
    this.trailers = null
    this.status = framing === 0 ? 'complete' : 'reading'
    if (framing === chunkedBody) {
      this.#extensionBytes = 0
      this.#beginChunk()
    } else {
      this.#state = identity
      this.#remaining = framing
    }
  }

  /** The connection closed: a body that is framed by that is complete. */
  endOfInput(): void {
    if (this.status === 'reading' && this.#remaining === Infinity) this.status = 'complete'
  }

  /** Reads `chunk` from `start` to `end`. Returns the index after the last byte that belongs to the body. */
  read(chunk: Buffer, start: number, end: number, sink: RangeSink): number {
    let at = start
    while (at < end && this.status === 'reading') {
      switch (this.#state) {
        case identity:
        case data: at = this.#readData(chunk, at, end, sink); break
        case size:
        case extension: at = this.#readLine(chunk, at, end); break
        case trailers: at = this.#readTrailers(chunk, at, end); break
        default: this.#readMark(chunk[at] as number); if (this.#state !== trailers) at++
      }
    }
    return at
  }

  #readData(chunk: Buffer, at: number, end: number, sink: RangeSink): number {
    const to = end - at < this.#remaining ? end : at + this.#remaining
    this.#remaining -= to - at
    if (this.#remaining === 0) {
      if (this.#state === identity) this.status = 'complete'
      else this.#state = dataCr
    }
    sink.take(chunk, at, to)
    return to
  }

  #readLine(chunk: Buffer, start: number, end: number): number {
    let at = start
    if (this.#state === size) {
      for (; at < end; at++) {
        const digit = hexValue[chunk[at] as number] as number
        if (digit === 255) break
        // 2^53 - 1 is 0x1fffffffffffff: one digit more than this would leave the exact integers.
        if (this.#remaining > 0x1ffffffffffff || ++this.#digits > maxChunkLineBytes) return this.#refuse(at)
        this.#remaining = this.#remaining * 16 + digit
      }
      if (at === end) return at
      const code = chunk[at] as number
      if (this.#digits === 0) return this.#refuse(at)
      if (code === CR) this.#state = sizeLf
      else if (code === SEMICOLON) this.#state = extension
      else return this.#refuse(at)
      at++
    }
    return this.#state === extension ? this.#readExtension(chunk, at, end) : at
  }

  /** Extensions are not forwarded and not understood; only where they end must be beyond doubt. */
  #readExtension(chunk: Buffer, start: number, end: number): number {
    for (let at = start; at < end; at++) {
      const code = chunk[at] as number
      if (code === CR && !this.#isQuoted) {
        this.#state = sizeLf
        return at + 1
      }
      if (valueCharacter[code] !== 1) return this.#refuse(at)
      if (++this.#lineBytes > maxChunkLineBytes || ++this.#extensionBytes > maxExtensionBytes) return this.#refuse(at)
      if (this.#isEscaped) this.#isEscaped = false
      else if (code === QUOTE) this.#isQuoted = !this.#isQuoted
      else if (code === BACKSLASH && this.#isQuoted) this.#isEscaped = true
    }
    return end
  }

  /** The single bytes between the parts. */
  #readMark(code: number): void {
    switch (this.#state) {
      case sizeLf:
        if (code !== LF) this.#refuse(0)
        else this.#state = this.#remaining === 0 ? trailersStart : data
        break
      case dataCr:
        if (code !== CR) this.#refuse(0)
        else this.#state = dataLf
        break
      case dataLf:
        if (code !== LF) this.#refuse(0)
        else this.#beginChunk()
        break
      case trailersStart:
        this.#state = code === CR ? lastLf : trailers
        break
      case lastLf:
        this.status = code === LF ? 'complete' : 'malformed'
        break
    }
  }

  #readTrailers(chunk: Buffer, start: number, end: number): number {
    const reader = this.#trailerReader ??= new HeadReader(this.#trailerLimits, () => true, false)
    const at = reader.read(chunk, start, end)
    if (reader.status === 'incomplete') return at
    const fields: string[] = []
    const isGood = reader.status === 'complete'
      && parseFields(reader.text, 0, this.#trailerLimits, fields) === 'complete'
    reader.reset()
    if (!isGood) return this.#refuse(at)
    this.trailers = fields
    this.status = 'complete'
    return at
  }

  #beginChunk(): void {
    this.#state = size
    this.#remaining = 0
    this.#digits = 0
    this.#lineBytes = 0
    this.#isQuoted = false
    this.#isEscaped = false
  }

  #refuse(at: number): number {
    this.status = 'malformed'
    return at
  }
}
