// A caller that speaks bytes: what a test writes goes over the wire as it is, what comes back is shown as it came.

import { connect } from 'node:net'
import type { Socket } from 'node:net'

export class RawClient {
  readonly socket: Socket
  /** Everything received so far, as latin1. */
  received = ''
  /** fin: the peer ended its side; reset: the connection broke; null: it is open. */
  end: 'fin' | 'reset' | null = null
  readonly #waiters: (() => void)[] = []

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    this.socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1')
      this.#wake()
    })
    this.socket.on('end', () => {
      this.end ??= 'fin'
      this.#wake()
    })
    this.socket.on('error', () => {
      this.end = 'reset'
      this.#wake()
    })
    this.socket.on('close', () => {
      this.end ??= 'fin'
      this.#wake()
    })
  }

  write(text: string | Buffer): this {
    if (typeof text === 'string') this.socket.write(text, 'latin1')
    else this.socket.write(text)
    return this
  }

  /** Waits until `isEnough` says so, or the connection ended, or `timeoutMs` is over; resolves to what was received. */
  async until(isEnough: (received: string) => boolean, timeoutMs = 10_000): Promise<string> {
    const deadline = performance.now() + timeoutMs
    while (!isEnough(this.received) && this.end === null) {
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) throw new Error(`not received within ${timeoutMs} ms; so far: ${JSON.stringify(this.received)}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.#waiters.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
    return this.received
  }

  /** Waits for one whole answer that is framed by content-length, or until `text` stands at the end. */
  answer(timeoutMs?: number): Promise<string> {
    return this.until((received) => {
      const headEnd = received.indexOf('\r\n\r\n')
      if (headEnd < 0) return false
      const head = received.slice(0, headEnd)
      if (/\r\ntransfer-encoding: *chunked/i.test(head)) return received.endsWith('0\r\n\r\n')
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)
      return length === null || received.length >= headEnd + 4 + Number(length[1])
    }, timeoutMs)
  }

  /** Waits for the end of the connection. */
  closed(timeoutMs?: number): Promise<string> {
    return this.until(() => false, timeoutMs)
  }

  destroy(): void { this.socket.destroy() }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake()
  }
}
