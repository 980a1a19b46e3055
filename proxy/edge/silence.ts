// Closes a socket on which nothing has moved in either direction for a while. It looks now and then instead of arming a
// timer for every byte: silence ends a connection after the time given and at most a quarter more.

import type { Socket } from 'node:net'
import type { Clock, Timer } from '../core/clock.ts'

/** Watches until the socket closes; `limitMs`: how long nothing may move. */
export function watchSilence(socket: Socket, clock: Clock, limitMs: number): void {
  new Silence(socket, clock, limitMs).arm()
}

class Silence {
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #limitMs: number
  #timer: Timer | null = null
  #moved = 0
  #since = 0

  constructor(socket: Socket, clock: Clock, limitMs: number) {
    this.#socket = socket
    this.#clock = clock
    this.#limitMs = limitMs
    this.#since = clock.now()
    socket.on('close', () => this.#timer?.clear())
  }

  arm(): void {
    this.#timer = this.#clock.after(this.#limitMs / 4, () => this.#look())
  }

  #look(): void {
    const moved = this.#socket.bytesRead + this.#socket.bytesWritten
    const now = this.#clock.now()
    if (moved !== this.#moved) {
      this.#moved = moved
      this.#since = now
    }
    if (now - this.#since >= this.#limitMs) this.#socket.destroy()
    else this.arm()
  }
}
