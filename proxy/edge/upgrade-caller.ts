// A request that asks to become a WebSocket, as a Caller: until its upstream agrees it can be refused or answered like
// any other, on the bare socket; each such answer closes the connection.

import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { BodySink } from '../core/body.ts'
import type { Caller, CallerOwner, RequestHead } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import type { Code } from '../core/codes.ts'
import { firstValue } from '../core/raw-headers.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import { interimHead } from './interim.ts'
import { identityOf } from './peer-identity.ts'
import { rawHead, rawRefusal } from './raw-answer.ts'

/** Bytes of a tunnel that are kept before there is one. */
const maxEarlyBytes = 64 * 1024

/** A head as node's own request, which is what tunnels are made from. */
export function messageOf(head: RequestHead, socket: Socket): IncomingMessage {
  return Object.assign(new IncomingMessage(socket), {
    method: head.method, url: head.target, httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1,
    rawHeaders: [...head.headers], complete: true,
  })
}

export class UpgradeCaller implements Caller {
  readonly head: RequestHead
  readonly body = null
  readonly remoteAddress: string
  readonly isSecure: boolean
  readonly identity: string | null
  /** What the tunnel is made of: node's request and the socket; the bytes that came early are put back into it. */
  readonly request: IncomingMessage
  readonly socket: Socket
  owner: CallerOwner | null = null
  readonly #clock: Clock
  /** What came behind the head and belongs to the tunnel. */
  readonly #early: Buffer[]
  #earlyBytes = 0
  #isBegun = false
  #isAnswered = false

  constructor(head: RequestHead, request: IncomingMessage, socket: Socket, firstBytes: Buffer, clock: Clock) {
    this.head = head
    this.request = request
    this.socket = socket
    this.#early = [firstBytes]
    this.remoteAddress = socket.remoteAddress ?? ''
    this.isSecure = 'encrypted' in socket
    this.identity = identityOf(socket)
    this.#clock = clock
    socket.on('close', () => this.#closed())
    // Until a tunnel pipes the socket it is read here: only who reads notices that the peer leaves.
    socket.on('end', () => { if (!this.#isBegun) this.#closed() })
    socket.on('data', this.#keep)
    socket.resume()
  }

  /** Whether something has been written, by us or by the tunnel. */
  get isBegun(): boolean {
    return this.#isBegun
  }

  /** Tunnel: what goes over the socket from here on is not ours to write. */
  handOver(): void {
    this.#isBegun = true
    const { socket } = this
    socket.off('data', this.#keep)
    socket.pause()
    const early = Buffer.concat(this.#early)
    if (early.length > 0 && !socket.readableEnded) socket.unshift(early)
  }

  inform(status: number, headers: RawHeaders): void {
    // No handshake has a body that could wait for a 100.
    if (!this.#isBegun && status !== 100) this.socket.write(interimHead(status, headers), 'latin1')
  }

  answer(status: number, reason: string, headers: RawHeaders, length: number | null, onDrain: () => void): BodySink {
    const fields = headers.slice()
    const isKnown = length !== null && length >= 0
    if (isKnown && firstValue(fields, 'content-length') === undefined) fields.push('content-length', String(length))
    const socket = this.socket
    this.#isBegun = true
    socket.on('drain', onDrain)
    socket.write(rawHead(status, reason, fields, this.#clock.wallMs()), 'latin1')
    return {
      write: (chunk) => socket.write(chunk),
      end: () => this.#end(),
      fail: () => { this.breakOff() },
    }
  }

  refuse(code: Code, retryAfterS: number, requestId: string, own?: RawHeaders): void {
    if (this.#isBegun) return this.cut()
    this.#isBegun = true
    this.socket.write(rawRefusal(code, requestId, retryAfterS, this.#clock.wallMs(), own))
    this.#end()
  }

  cut(): void {
    this.socket.destroy()
  }

  /**
   * Closes in the middle of an answer, whose end may be the end of the connection: only a reset tells the two apart.
   * A unix socket knows none.
   */
  breakOff(): void {
    if (this.remoteAddress !== '' && !this.isSecure) this.socket.resetAndDestroy()
    else this.socket.destroy()
  }

  limitBody(): void {
    // There is none.
  }

  readonly #keep = (chunk: Buffer): void => {
    if (this.#isBegun) return
    this.#early.push(chunk)
    this.#earlyBytes += chunk.length
    // A peer has to wait for the answer before it sends frames (RFC 6455 section 4.1): more than a few are no mistake.
    if (this.#earlyBytes > maxEarlyBytes) this.socket.pause()
  }

  #end(): void {
    this.#isAnswered = true
    this.socket.destroySoon()
    this.owner?.callerEnded()
  }

  #closed(): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    this.owner?.callerLeft()
    this.owner?.callerEnded()
    if (!this.#isBegun) this.socket.destroy()
  }
}
