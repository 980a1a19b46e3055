// One keep-alive connection with at most one request in flight, on a bare socket: node:http's client would cost the
// generator several times as much as the answer. Does not decide what is sent when, and never sends anything twice.
import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { AnswerParser } from './answer-parser.ts'
import type { RequestShape } from './plan.ts'

export interface Target {
  readonly host: string
  readonly port: number
}

/**
 * Told about a connection's turning points; after `unreachable`, `lost` or a last answer it is never heard of again.
 */
export interface ConnectionListener {
  opened(connection: Connection): void
  /** It was refused, or broke before it was open. */
  unreachable(connection: Connection): void
  /** `connection.state` is `gone` when the server wants it closed after this answer. */
  answered(connection: Connection, ticket: number, status: number, code: string): void
  /** `ticket` is -1 when nothing was in flight. */
  lost(connection: Connection, ticket: number): void
}

/** `ticket` when no request is in flight. */
const noTicket = -1
// One buffer for all: a read and its callback are one step of the loop, and whoever keeps bytes copies them.
const readBuffer = Buffer.allocUnsafe(256 * 1024)

export class Connection {
  ticket = noTicket
  state: 'opening' | 'open' | 'gone' = 'opening'
  readonly #socket: Socket
  readonly #parser = new AnswerParser()
  readonly #listener: ConnectionListener

  constructor(target: Target, listener: ConnectionListener) {
    this.#listener = listener
    this.#socket = connect({
      host: target.host,
      port: target.port,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (byteCount) => {
          this.#read(readBuffer.subarray(0, byteCount))
          return true
        },
      },
    })
    this.#socket.on('connect', () => this.#opened())
    this.#socket.on('end', () => this.#ended())
    // The error itself is of no use here: the close that follows it ends the request as a connection error.
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => this.#lose())
  }

  send(ticket: number, method: string, bytes: Buffer): void {
    this.ticket = ticket
    this.#parser.expect(method)
    this.#socket.write(bytes)
  }

  /** Closes without a word to the listener. */
  discard(): void {
    this.state = 'gone'
    this.ticket = noTicket
    this.#socket.destroy()
  }

  #opened(): void {
    if (this.state !== 'opening') return
    this.state = 'open'
    this.#listener.opened(this)
  }

  #read(chunk: Buffer): void {
    if (this.state !== 'open') return
    try {
      if (this.ticket === noTicket) throw new Error('Answer without a request')
      this.#parser.feed(chunk)
    } catch {
      // What came is no HTTP/1.1 answer to our request: counted as a connection error, and the connection is useless.
      this.#lose()
      return
    }
    if (this.#parser.isComplete) this.#complete(this.#parser.isReusable)
  }

  #ended(): void {
    if (this.ticket !== noTicket && this.#parser.endsWithClose()) this.#complete(false)
    else this.#lose()
  }

  #complete(isReusable: boolean): void {
    const ticket = this.ticket
    this.ticket = noTicket
    if (!isReusable) this.discard()
    this.#listener.answered(this, ticket, this.#parser.status, this.#parser.code)
  }

  #lose(): void {
    if (this.state === 'gone') return
    const { state, ticket } = this
    this.discard()
    if (state === 'opening') this.#listener.unreachable(this)
    else this.#listener.lost(this, ticket)
  }
}

const digits = 12

/** Gives the bytes of one request after another: the same ones, or with `freshField` each with a value of its own. */
export function requestMaker(request: RequestShape, target: Target): () => Buffer {
  const { freshField, headers } = request
  if (freshField === undefined) {
    const bytes = requestBytes(request, target)
    return () => bytes
  }
  // Random, so that no other run has sent it.
  const run = randomUUID()
  const first = { ...headers, [freshField]: `${run}-${'0'.repeat(digits)}` }
  const pattern = requestBytes({ ...request, headers: first }, target)
  const at = pattern.indexOf(run) + run.length + 1
  let count = 0
  return () => {
    const bytes = Buffer.from(pattern)
    bytes.write(String(++count).padStart(digits, '0'), at, 'latin1')
    return bytes
  }
}

/** The bytes of a request, made once a run. Host and content-length come by themselves. */
export function requestBytes(request: RequestShape, target: Target): Buffer {
  const body = Buffer.from(request.body ?? '')
  const lines = [`${request.method} ${request.path} HTTP/1.1`, `host: ${target.host}:${target.port}`]
  for (const [name, value] of Object.entries(request.headers ?? {})) lines.push(`${name}: ${value}`)
  if (request.body !== undefined) lines.push(`content-length: ${body.length}`)
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body])
}
