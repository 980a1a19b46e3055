// Reads one HTTP/1.1 answer after the other from the bytes of a connection, split anywhere (RFC 9112 section 6.3).
// Exists because the generator's own CPU time bounds what two cores can measure. Keeps no bodies and no headers, and is
// not a strict gate: it only ever talks to servers of the same experiment.

const headEnd = Buffer.from('\r\n\r\n')
/** The code of a refusal, as `proxy-status` names it (RFC 9209); only refused answers are searched for it. */
const codeField = /\r\nproxy-status:[^\r]*\bdetails="([^"\r]*)"/i
const framingHeader = /\r\n(content-length|transfer-encoding|connection):[ \t]*([^\r]*)/gi
/** No server of an experiment sends more; a bound, so that garbage ends. */
const maxHeadBytes = 64 * 1024

type State = 'head' | 'length' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailer' | 'until-close' | 'complete'

export class AnswerParser {
  status = 0
  /** Whether the connection may carry another request after this answer. */
  isReusable = true
  bodyBytes = 0
  /** What `proxy-status` gives as details of a 429 or a 503; else empty. */
  code = ''
  #state: State = 'head'
  #isHead = false
  #held: Buffer | null = null
  #remaining = 0
  #line = ''

  get isComplete(): boolean {
    return this.#state === 'complete'
  }

  /** Call before each request; `method` decides whether the answer has a body. */
  expect(method: string): void {
    this.status = 0
    this.isReusable = true
    this.bodyBytes = 0
    this.code = ''
    this.#state = 'head'
    this.#isHead = method === 'HEAD'
    this.#held = null
    this.#line = ''
  }

  /** Takes the next bytes; `isComplete` tells whether the answer ended in them. Throws on bytes that are no answer. */
  feed(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#state === 'head') at = this.#readHead(chunk, at)
      else if (this.#state === 'complete') throw new Error('Answer has bytes beyond its end')
      else at = this.#readBody(chunk, at)
    }
  }

  /** The peer closed: true when this is how the body ends. */
  endsWithClose(): boolean {
    return this.#state === 'until-close'
  }

  #readHead(chunk: Buffer, from: number): number {
    const held = this.#held
    const bytes = held === null ? chunk : Buffer.concat([held, chunk.subarray(from)])
    const start = held === null ? from : 0
    const end = bytes.indexOf(headEnd, start)
    if (end < 0) {
      if (bytes.length - start > maxHeadBytes) throw new Error(`Answer head exceeds ${maxHeadBytes} bytes`)
      // Copied, because the connections share one read buffer.
      this.#held = held === null ? Buffer.from(bytes.subarray(start)) : bytes
      return chunk.length
    }
    this.#held = null
    this.#takeHead(bytes.toString('latin1', start, end))
    return chunk.length - (bytes.length - end - headEnd.length)
  }

  #takeHead(head: string): void {
    if (!head.startsWith('HTTP/1.')) throw new Error(`Answer starts with ${JSON.stringify(head.slice(0, 20))}`)
    this.status = Number(head.slice(9, 12))
    // Interim answers (RFC 9110 section 15.2): the final one is still to come.
    if (this.status < 200) return
    if (this.status === 503 || this.status === 429) this.code = codeField.exec(head)?.[1] ?? ''
    let lengthBytes = -1
    let isChunked = false
    this.isReusable = head.charCodeAt(7) === 49
    for (const [, name = '', value = ''] of head.matchAll(framingHeader)) {
      const lower = name.toLowerCase()
      if (lower === 'content-length') lengthBytes = Number(value)
      else if (lower === 'transfer-encoding') isChunked = /chunked\s*$/i.test(value)
      else if (/\bclose\b/i.test(value)) this.isReusable = false
      else if (/\bkeep-alive\b/i.test(value)) this.isReusable = true
    }
    if (this.#isHead || this.status === 204 || this.status === 304) this.#state = 'complete'
    else if (isChunked) this.#state = 'chunk-size'
    else if (lengthBytes >= 0) this.#expectLength(lengthBytes)
    else this.#expectClose()
  }

  #expectLength(lengthBytes: number): void {
    this.#remaining = lengthBytes
    this.#state = lengthBytes === 0 ? 'complete' : 'length'
  }

  #expectClose(): void {
    this.isReusable = false
    this.#state = 'until-close'
  }

  #readBody(chunk: Buffer, at: number): number {
    if (this.#state === 'until-close') {
      this.bodyBytes += chunk.length - at
      return chunk.length
    }
    if (this.#state !== 'length' && this.#state !== 'chunk-data') return this.#readLine(chunk, at)
    const taken = Math.min(this.#remaining, chunk.length - at)
    this.#remaining -= taken
    this.bodyBytes += taken
    if (this.#remaining === 0) this.#state = this.#state === 'length' ? 'complete' : 'chunk-end'
    return at + taken
  }

  // The lines between chunks: sizes, the empty line after each chunk, and trailers up to their empty line.
  #readLine(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(10, at)
    this.#line += chunk.toString('latin1', at, end < 0 ? chunk.length : end)
    if (end < 0) return chunk.length
    const line = this.#line.trimEnd()
    this.#line = ''
    if (this.#state === 'chunk-end') this.#state = 'chunk-size'
    else if (this.#state === 'chunk-size') this.#takeChunkSize(line)
    else if (line === '') this.#state = 'complete'
    return end + 1
  }

  #takeChunkSize(line: string): void {
    const sizeBytes = Number.parseInt(line, 16)
    if (!(sizeBytes >= 0)) throw new Error(`Chunk size is ${JSON.stringify(line)}`)
    this.#remaining = sizeBytes
    this.#state = sizeBytes === 0 ? 'trailer' : 'chunk-data'
  }
}
