// A plain connection that may speak either protocol: its first bytes tell (RFC 9113 section 3.4). Nothing else is read
// of them; whoever takes the socket over finds them in it again.

import type { Socket } from 'node:net'
import type { EdgeConnection } from './edge-connection.ts'

export const connectionPreface: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

export class ProtocolChoice implements EdgeConnection {
  readonly isIdle = true
  readonly hasUnsent = false
  readonly #socket: Socket
  readonly #chosen: (isHttp2: boolean) => void
  readonly #latestAt: number
  #received: Buffer | null = null

  /** `latestAt`: when a socket that has not said which is closed. `chosen` has to make the socket flow again. */
  constructor(socket: Socket, latestAt: number, chosen: (isHttp2: boolean) => void) {
    this.#socket = socket
    this.#latestAt = latestAt
    this.#chosen = chosen
    socket.on('error', () => {})
    socket.on('data', this.#look)
    socket.on('end', this.#ended)
  }

  check(now: number): void {
    if (now >= this.#latestAt) this.#socket.destroy()
  }

  cut(): void {
    this.#socket.destroy()
  }

  closed(): void {
    // There is nobody to be told.
  }

  readonly #look = (chunk: Buffer): void => {
    const received = this.#received = this.#received === null ? chunk : Buffer.concat([this.#received, chunk])
    const length = Math.min(received.length, connectionPreface.length)
    const isAlike = received.compare(connectionPreface, 0, length, 0, length) === 0
    if (isAlike && length < connectionPreface.length) return
    const socket = this.#socket
    socket.off('data', this.#look)
    socket.off('end', this.#ended)
    socket.pause()
    socket.unshift(received)
    this.#chosen(isAlike)
  }

  readonly #ended = (): void => { this.#socket.destroy() }
}
