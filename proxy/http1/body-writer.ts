// HOT PATH — runs for every message that is written. Rules: docs/decisions/0004.
// Puts a head and its body onto a socket in the framing its head announced. The head waits for the first chunk, so that
// a small message is one write. It does not build heads and does not decide framing.

import type { Socket } from 'node:net'
import { isHopByHop } from '../core/hop-by-hop.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import { bodyUntilClose, chunkedBody, noBody } from './framing.ts'

/** Up to here copying a chunk into the text of one write is cheaper than a second write or a gathered one. */
const joinBytes = 8 * 1024

/** Trailer fields that frame, address, authenticate or steer a message are not forwarded (RFC 9110 section 6.5.1). */
const forbiddenTrailers: ReadonlySet<string> = new Set([
  'age', 'authorization', 'cache-control', 'content-encoding', 'content-length', 'content-range', 'content-type',
  'cookie', 'date', 'expect', 'expires', 'forwarded', 'host', 'idempotency-key', 'if-match', 'if-modified-since',
  'if-none-match', 'if-range', 'if-unmodified-since', 'location', 'max-forwards', 'pragma', 'range', 'retry-after',
  'set-cookie', 'trailer', 'traceparent', 'tracestate', 'vary', 'via', 'warning', 'www-authenticate',
  'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-request-id',
])

export class BodyWriter {
  readonly #socket: Socket
  /** Not yet written; '' when it is. */
  #head = ''
  /** Bytes left of an announced length, or `chunkedBody`, `bodyUntilClose`, `noBody`. */
  #framing = noBody
  /** The body went beyond its announced length; what was too much was not written. */
  isOver = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Whether only the end of the connection says where the body of this message ends. */
  get endsByClose(): boolean {
    return this.#framing === bodyUntilClose
  }

  /** Begins a message: `head` ends with its empty line; `framing` is what it announced. Writes nothing yet. */
  begin(head: string, framing: number): void {
    this.#head = head
    this.#framing = framing
    this.isOver = false
  }

  /** Writes a chunk; false: the socket has enough until it drains. */
  write(chunk: Uint8Array): boolean {
    const { length } = chunk
    if (length === 0 || this.#framing === noBody) return true
    if (this.#framing === chunkedBody) return this.#gather(`${length.toString(16)}\r\n`, chunk, '\r\n')
    if (this.#framing !== bodyUntilClose) {
      if (length > this.#framing) {
        this.isOver = true
        return false
      }
      this.#framing -= length
    }
    return this.#gather('', chunk, '')
  }

  /** Writes the head if it still waits for a chunk. To be called when none came at once. */
  flush(): boolean {
    if (this.#head === '') return !this.#socket.writableNeedDrain
    return this.#put('')
  }

  /** Ends the body. False: it was not as long as announced, and the message cannot be completed. */
  end(trailers: RawHeaders | null): boolean {
    if (this.#framing === chunkedBody) this.#put(`0\r\n${trailers === null ? '' : trailerLines(trailers)}\r\n`)
    else this.flush()
    return this.#framing <= 0 && !this.isOver
  }

  #put(text: string): boolean {
    const all = this.#head + text
    this.#head = ''
    return this.#socket.write(all, 'latin1')
  }

  #gather(before: string, chunk: Uint8Array, after: string): boolean {
    const socket = this.#socket
    if (before === '' && this.#head === '') return socket.write(chunk)
    if (chunk.length <= joinBytes) return this.#put(before + latin1(chunk) + after)
    socket.cork()
    this.#put(before)
    let wantsMore = socket.write(chunk)
    if (after !== '') wantsMore = socket.write(after, 'latin1')
    socket.uncork()
    return wantsMore
  }
}

function latin1(chunk: Uint8Array): string {
  const buffer = chunk instanceof Buffer ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
  return buffer.toString('latin1')
}

/** Whether a trailer of this lower-case name must not travel. */
export function isForbiddenTrailer(lowerName: string): boolean {
  return forbiddenTrailers.has(lowerName) || isHopByHop(lowerName)
}

/** The lines of the trailers that may travel. */
function trailerLines(trailers: RawHeaders): string {
  let lines = ''
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i] as string
    const lower = name.toLowerCase()
    if (!isForbiddenTrailer(lower)) lines += `${name}: ${trailers[i + 1] as string}\r\n`
  }
  return lines
}
