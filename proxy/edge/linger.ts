// The lingering close (RFC 9112 section 9.6): FIN, and go on reading for a moment. Closing a socket with unread bytes
// in it makes the kernel send RST, and RST makes the peer's kernel throw away the answer that was just sent.

import type { Socket } from 'node:net'
import type { Clock, Timer } from '../core/clock.ts'

/** Bytes thrown away before reading stops; the peer then has the rest of the time to read its answer. */
const maxDroppedBytes = 64 * 1024
/** How long a peer has for reading what the kernel holds of the answer and closing its side, ms. */
const lingerMs = 1000

export class Linger {
  readonly #socket: Socket
  readonly #clock: Clock
  #timer: Timer | null = null
  #isOver = false
  #droppedBytes = 0
  #isDropping = false
  isUnderWay = false

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket
    this.#clock = clock
  }

  /**
   * Whatever still arrives is thrown away: no parser sees it. Reading goes on, because a FIN shows only in reading, but
   * not without end: asked again, it reads as much again.
   */
  drop(): void {
    this.#droppedBytes = 0
    if (this.#isDropping) return void this.#socket.resume()
    this.#isDropping = true
    this.#socket.removeAllListeners('data')
    this.#socket.on('data', (chunk: Buffer) => {
      this.#droppedBytes += chunk.length
      if (this.#droppedBytes > maxDroppedBytes) this.#socket.pause()
    })
    this.#socket.resume()
  }

  /**
   * Ends our side after what is queued; destroys the socket when the peer has closed or the time is over. The time
   * begins when the kernel has all of the answer: how long a slow reader may take until then is not decided here.
   */
  begin(): void {
    const socket = this.#socket
    if (this.isUnderWay || socket.destroyed) return
    this.isUnderWay = true
    this.drop()
    socket.end(() => {
      if (!this.#isOver) this.#timer = this.#clock.after(lingerMs, () => { socket.destroy() })
    })
  }

  /** The socket is closed. */
  stop(): void {
    this.#isOver = true
    this.#timer?.clear()
  }
}
