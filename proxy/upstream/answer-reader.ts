// HOT PATH — runs for every read from an upstream. Rules: docs/decisions/0004.
// Turns the bytes of one connection into answers: interim heads, the head, the body without its framing. One object for
// the life of a connection; it knows nothing of attempts, sockets or time.

import { BodyReader } from '../http1/body-reader.ts'
import type { RangeSink } from '../http1/body-reader.ts'
import {
  bodyUntilClose, FramingFields, isPersistent, malformedFraming, noBody, responseFraming,
} from '../http1/framing.ts'
import { HeadReader } from '../http1/head-reader.ts'
import type { HeadLimits } from '../http1/head-reader.ts'
import { isStatusLine, ResponseHead } from '../http1/response-head.ts'
import type { Reply } from '../core/outcome.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import { ReplyBody } from './reply-body.ts'

/** Wider than the limits for callers: origins add cookies and policies by the dozen. */
const headLimits: HeadLimits = {
  headBytes: 64 * 1024, startLineBytes: 4 * 1024, fieldCount: 256, fieldBytes: 32 * 1024,
}

const trailerLimits: HeadLimits = {
  headBytes: 16 * 1024, startLineBytes: 16 * 1024, fieldCount: 64, fieldBytes: 8 * 1024,
}

/** Interim answers to one request beyond either are a flood. */
export const maxInterim = 16
export const maxInterimBytes = 32 * 1024

/** Takes interim answers, 100 included, 101 never. */
export interface InterimSink {
  interim(status: number, headers: RawHeaders): void
}

export type AnswerStatus = 'head' | 'body' | 'complete' | 'malformed'

export class AnswerReader implements RangeSink {
  readonly head = new ResponseHead()
  readonly #headReader = new HeadReader(headLimits, isStatusLine, false)
  readonly #bodyReader = new BodyReader(trailerLimits)
  readonly #fields = new FramingFields()
  #method = ''
  #interim = 0
  #interimBytes = 0
  /** Pairs of start and end in the chunk that is being read. */
  readonly #ranges: number[] = []
  #rangeBytes = 0
  status: AnswerStatus = 'complete'
  /** Length of the body, or `chunkedBody`, `noBody`, `bodyUntilClose`; once the head has come. */
  framing = noBody
  /** Bytes came after the end of the answer. */
  hasSurplus = false
  /** What was wrong; once malformed. */
  cause = ''

  /** Makes ready for the answer to a request of this method. */
  begin(method: string): void {
    this.#method = method
    this.#interim = 0
    this.#interimBytes = 0
    this.#headReader.reset()
    this.status = 'head'
    this.hasSurplus = false
  }

  /** Whether the connection may be used again when this answer is complete. */
  get isPersistent(): boolean {
    return !this.hasSurplus && this.framing !== bodyUntilClose && isPersistent(this.head.minor, this.#fields)
  }

  /** What the origin announces as its idle time, s; -1 when it does not. */
  get keepAliveS(): number {
    return this.#fields.keepAliveS
  }

  get trailers(): RawHeaders | null {
    return this.#bodyReader.trailers
  }

  /** Reads the first `count` bytes of `chunk`; then see `status`, and `takeBody`. */
  read(chunk: Buffer, count: number, sink: InterimSink): void {
    let at = 0
    while (this.status === 'head' && at < count) at = this.#readHead(chunk, at, count, sink)
    if (this.status === 'body') {
      at = this.#bodyReader.read(chunk, at, count, this)
      if (this.#bodyReader.status === 'complete') this.status = 'complete'
      else if (this.#bodyReader.status === 'malformed') this.#refuse('the body is not framed as HTTP/1.1')
    }
    if (this.status === 'complete') this.hasSurplus = at < count
  }

  /** The connection ended in order: that may be the end of the body. */
  endOfInput(): void {
    this.#bodyReader.endOfInput()
    if (this.status === 'body' && this.#bodyReader.status === 'complete') this.status = 'complete'
  }

  /** The body bytes of the last read, copied out of `chunk`, in one piece; null when there were none. */
  takeBody(chunk: Buffer): Buffer | null {
    const ranges = this.#ranges
    if (this.#rangeBytes === 0) return null
    const taken = Buffer.allocUnsafe(this.#rangeBytes)
    let at = 0
    for (let i = 0; i < ranges.length; i += 2) at += chunk.copy(taken, at, ranges[i], ranges[i + 1])
    ranges.length = 0
    this.#rangeBytes = 0
    return taken
  }

  /** The answer with this body. */
  replyWith(body: ReplyBody | null): Reply {
    const { status, reason, headers } = this.head
    return { kind: 'reply', status, reason, headers, body, origin: 'upstream' }
  }

  /** The complete answer, `chunk` being all of its body. */
  wholeReply(chunk: Buffer | null): Reply {
    if (this.framing === noBody) return this.replyWith(null)
    const { trailers } = this
    // What is complete has a length, whatever framed it; only trailers need the framing that carries them.
    const length = trailers === null ? chunk?.length ?? 0 : -1
    return this.replyWith(new ReplyBody(null, length, chunk, trailers))
  }

  /** The body reader's. */
  take(_chunk: Buffer, start: number, end: number): void {
    this.#ranges.push(start, end)
    this.#rangeBytes += end - start
  }

  #readHead(chunk: Buffer, start: number, end: number, sink: InterimSink): number {
    const reader = this.#headReader
    const at = reader.read(chunk, start, end)
    if (reader.status === 'incomplete') return at
    const { head } = this
    if (reader.status !== 'complete' || !head.parse(reader.text, headLimits)) {
      return this.#refuse(reader.status === 'complete' ? 'the head is not HTTP/1.1' : `the head is ${reader.status}`)
    }
    const { bytes } = reader
    reader.reset()
    if (head.status < 200) this.#readInterim(bytes, sink)
    else this.#beginBody()
    return at
  }

  #readInterim(bytes: number, sink: InterimSink): void {
    const { head } = this
    this.#interimBytes += bytes
    if (++this.#interim > maxInterim || this.#interimBytes > maxInterimBytes) this.#refuse('too many interim answers')
    // Upgrades do not pass here, so nobody asked for one.
    else if (head.status === 101) this.#refuse('an unasked 101')
    else sink.interim(head.status, head.headers)
  }

  #beginBody(): void {
    const { head } = this
    this.#fields.read(head.headers)
    this.framing = responseFraming(this.#method, head.status, head.minor, this.#fields)
    if (this.framing === malformedFraming) {
      this.#refuse('the head frames the body in no way or in two')
      return
    }
    if (this.#fields.contentLengths > 1) head.headers = withOneLength(head.headers)
    if (this.framing === noBody || this.framing === 0) {
      this.#bodyReader.begin(0)
      this.status = 'complete'
    } else {
      this.#bodyReader.begin(this.framing === bodyUntilClose ? Infinity : this.framing)
      this.status = 'body'
    }
  }

  #refuse(cause: string): number {
    this.status = 'malformed'
    this.cause = cause
    return 0
  }
}

/** Identical lengths were accepted as one: only one may travel on. */
function withOneLength(headers: readonly string[]): string[] {
  let hasLength = false
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const isLength = (headers[i] as string).toLowerCase() === 'content-length'
    if (isLength && hasLength) continue
    hasLength ||= isLength
    kept.push(headers[i] as string, headers[i + 1] as string)
  }
  return kept
}
