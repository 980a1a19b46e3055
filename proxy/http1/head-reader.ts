// HOT PATH — runs for every head in both directions. Rules: docs/decisions/0004.
// Finds the end of a message head in bytes as they arrive: CRLFCRLF and nothing else. A head within one read is cut out
// at once; one that comes in pieces is kept and every byte is looked at once. It does not parse.

import { CR, LF, valueCharacter } from './characters.ts'

export interface HeadLimits {
  /** Bytes of the whole head. */
  readonly headBytes: number
  /** Bytes of the start line without its CRLF. */
  readonly startLineBytes: number
  readonly fieldCount: number
  /** Bytes of one field line without its CRLF. */
  readonly fieldBytes: number
}

/** 'start-line-too-long' is 414 for a request, 'too-large' 431. */
export type HeadStatus = 'incomplete' | 'complete' | 'malformed' | 'too-large' | 'start-line-too-long'

const firstStoreBytes = 512

export class HeadReader {
  readonly #limits: HeadLimits
  /** Says of a start line whether it can be one: bytes that are not HTTP at all need not end like it. */
  readonly #isPlausible: (startLine: string) => boolean
  /** An empty line before a request line is ignored once (RFC 9112 section 2.2); before a status line it is not. */
  readonly #skipsEmptyLine: boolean
  #store: Buffer | null = null
  #stored = 0
  /** How much of CRLFCRLF the last stored bytes are. */
  #matched = 0
  #isStartLineOver = false
  #hasSkipped = false
  status: HeadStatus = 'incomplete'
  /** The head from the first byte of its start line to the CRLF of its last field, as latin1; set when complete. */
  text = ''
  /** Bytes of the head, its empty line included; set when complete. */
  bytes = 0

  constructor(limits: HeadLimits, isPlausible: (startLine: string) => boolean, skipsEmptyLine: boolean) {
    this.#limits = limits
    this.#isPlausible = isPlausible
    this.#skipsEmptyLine = skipsEmptyLine
  }

  /** Whether bytes of a head that is not complete are kept. */
  get isUnderWay(): boolean {
    return this.#stored > 0
  }

  /** Makes ready for the next head. */
  reset(): void {
    this.#stored = 0
    this.#matched = 0
    this.#isStartLineOver = false
    this.#hasSkipped = false
    this.status = 'incomplete'
    this.text = ''
    this.bytes = 0
  }

  /** Reads `chunk` from `start` to `end`. Returns the index after the last byte of the head, or `end`; see `status`. */
  read(chunk: Buffer, start: number, end: number): number {
    if (this.#stored > 0) return this.#readOn(chunk, start, end)
    let from = start
    if (this.#skipsEmptyLine && !this.#hasSkipped && end - from > 1 && chunk[from] === CR && chunk[from + 1] === LF) {
      this.#hasSkipped = true
      from += 2
    }
    const headEnd = endOfHead(chunk, from, end)
    if (headEnd < 0) return from < end ? this.#readOn(chunk, from, end) : end
    this.bytes = headEnd - from
    if (this.bytes > this.#limits.headBytes) return this.#stop(this.#excessOf(chunk, from), headEnd)
    this.text = chunk.toString('latin1', from, headEnd - 2)
    this.status = 'complete'
    return headEnd
  }

  /** Which limit a head that came at once is over: the start line's has its own answer. */
  #excessOf(chunk: Buffer, from: number): HeadStatus {
    const lineBytes = chunk.indexOf('\r\n', from, 'latin1') - from
    return lineBytes > this.#limits.startLineBytes ? 'start-line-too-long' : 'too-large'
  }

  #readOn(chunk: Buffer, start: number, end: number): number {
    for (let i = start; i < end; i++) {
      const code = chunk[i] as number
      this.#keep(code, end - i)
      if (!this.#follows(code)) return this.#stop('malformed', end)
      if (this.#matched === 4) return this.#complete(i + 1)
      if (!this.#isStartLineOver) {
        // The two bytes more are its CRLF.
        if (this.#stored > this.#limits.startLineBytes + 2) return this.#stop('start-line-too-long', end)
        if (code === LF && !this.#endStartLine()) return this.#stop('malformed', end)
      }
      if (this.#stored >= this.#limits.headBytes) return this.#stop('too-large', end)
    }
    return end
  }

  /** Takes the next byte into the state of line ends; false: it cannot stand here. */
  #follows(code: number): boolean {
    const matched = this.#matched
    if (code === CR) this.#matched = matched === 2 ? 3 : 1
    else if (code === LF) this.#matched = matched + 1
    else this.#matched = 0
    // A CR must be followed by LF, a LF must follow a CR; other control characters stand nowhere.
    const wasCr = matched === 1 || matched === 3
    if (code === LF) return wasCr
    return !wasCr && (code === CR || valueCharacter[code] === 1)
  }

  #endStartLine(): boolean {
    if (this.#stored === 2 && this.#skipsEmptyLine && !this.#hasSkipped) {
      this.#hasSkipped = true
      this.#stored = 0
      this.#matched = 0
      return true
    }
    this.#isStartLineOver = true
    return this.#isPlausible((this.#store as Buffer).toString('latin1', 0, this.#stored - 2))
  }

  #complete(at: number): number {
    this.bytes = this.#stored
    this.text = (this.#store as Buffer).toString('latin1', 0, this.#stored - 2)
    this.status = 'complete'
    return at
  }

  #stop(status: HeadStatus, at: number): number {
    this.status = status
    return at
  }

  #keep(code: number, more: number): void {
    let store = this.#store
    if (store === null || this.#stored === store.length) {
      // Doubling keeps the copying linear; what is left of this read is an honest first guess.
      const bytes = Math.min(Math.max(this.#stored * 2, this.#stored + more, firstStoreBytes), this.#limits.headBytes)
      const larger: Buffer = Buffer.allocUnsafe(bytes)
      store?.copy(larger)
      this.#store = store = larger
    }
    store[this.#stored++] = code
  }
}

/** Index after the first CRLFCRLF, or -1. Looks at every fourth byte as long as that is neither CR nor LF. */
function endOfHead(chunk: Buffer, start: number, end: number): number {
  let i = start + 3
  while (i < end) {
    const code = chunk[i] as number
    if (code === LF) {
      if (chunk[i - 1] === CR && chunk[i - 2] === LF && chunk[i - 3] === CR) return i + 1
      i += 2
    } else if (code === CR) i++
    else i += 4
  }
  return -1
}
