// The socket of a connection from its first try to its end, in our words: open, room again, ended, lost. Why
// apart: a socket can end in six ways and say so twice, and whoever carries messages wants to hear of one, once.

import type { Socket } from 'node:net'
import type { Clock, Timer } from '../core/clock.ts'
import type { FaultCode } from '../core/codes.ts'
import { causeOf, faultOf } from './faults.ts'
import type { ConnectionPhase } from './faults.ts'

export interface LineOwner {
  /** The line can carry messages. At most once, and first. */
  opened(): void
  /** The socket has room again after it said it had enough. */
  drained(): void
  /** The peer ended its side in order. */
  ended(): void
  /** The line broke. May come more than once, and after `shut`. */
  lost(fault: FaultCode, cause: string): void
}

export class Line {
  readonly socket: Socket
  readonly #owner: LineOwner
  #phase: ConnectionPhase = 'connecting'
  #timer: Timer | null
  isShut = false

  /** The socket has just begun to connect; who opened it reads it. */
  constructor(socket: Socket, isSecure: boolean, connectMs: number, clock: Clock, owner: LineOwner) {
    this.#owner = owner
    this.socket = socket
    socket.on('connect', () => {
      this.#phase = 'securing'
      if (!isSecure) this.#open()
    })
    if (isSecure) socket.on('secureConnect', () => { this.#open() })
    socket.on('drain', () => { owner.drained() })
    socket.on('end', () => { owner.ended() })
    socket.on('error', (error) => { owner.lost(faultOf(error, this.#phase), causeOf(error)) })
    socket.on('close', () => { owner.lost('upstream.reset', 'the connection is closed') })
    this.#timer = clock.after(connectMs, () => {
      owner.lost('upstream.connect-timeout', `no connection within ${connectMs} ms`)
    })
  }

  get isOpen(): boolean {
    return this.#phase === 'open' && !this.isShut
  }

  /** Whether nothing waits to be written, and more could be. */
  get isClear(): boolean {
    return this.socket.writableLength === 0 && this.socket.writable
  }

  /** Reading goes on, after it was stopped. */
  readOn(): void {
    if (!this.isShut) this.socket.resume()
  }

  /** Closes at once; what waits to be written is not. */
  shut(): void {
    this.isShut = true
    this.#timer?.clear()
    this.socket.destroy()
  }

  #open(): void {
    this.#phase = 'open'
    this.#timer?.clear()
    this.#timer = null
    if (!this.isShut) this.#owner.opened()
  }
}
