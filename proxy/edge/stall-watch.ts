// Whether a connection has stopped moving while something is to move: a body that no longer comes or only trickles, or
// an answer that is not read. It is looked at now and then instead of arming a timer for every chunk.

import type { Socket } from 'node:net'

/** How long a peer may leave an answer unread, ms: as long as upstream may pause within one. */
export const maxUnreadMs = 60_000

/** What is expected of a body: nothing, that it goes on, or that it goes on at the rate that is asked for. */
export type BodyPace = 'none' | 'any' | 'steady'

/** What moves: a socket, or one stream of many on it. */
export type Moving = Pick<Socket, 'bytesRead' | 'bytesWritten' | 'writableLength'>

export class StallWatch {
  /** How far it had come when it was last seen to move; NaN: nothing was to move. */
  #mark = NaN
  #isReceiving = false
  #since = 0
  /** Where the time began over which the rate of a body is measured, and what had come by then. */
  #paceSince = 0
  #paceBytes = -1

  /** What has stalled, if anything has. */
  look(
    socket: Moving, pace: BodyPace, now: number, receiveMs: number, leastPerSecond = 0,
  ): 'receiving' | 'sending' | null {
    const isSending = socket.writableLength > 0
    const isReceiving = pace !== 'none'
    if (pace !== 'steady') this.#paceBytes = -1
    if (!isSending && !isReceiving) {
      this.#mark = NaN
      return null
    }
    // What the kernel has taken of the answer, or what has come of the body.
    const mark = isReceiving ? socket.bytesRead : socket.bytesWritten - socket.writableLength
    if (mark !== this.#mark || isReceiving !== this.#isReceiving) {
      this.#mark = mark
      this.#isReceiving = isReceiving
      this.#since = now
      return pace === 'steady' && this.#isTooSlow(mark, now, receiveMs, leastPerSecond) ? 'receiving' : null
    }
    if (now - this.#since < (isReceiving ? receiveMs : maxUnreadMs)) return null
    return isReceiving ? 'receiving' : 'sending'
  }

  /** A body may rest for as long as bytes may be apart; over such a time it has to have come at the rate. */
  #isTooSlow(bytes: number, now: number, overMs: number, leastPerSecond: number): boolean {
    if (this.#paceBytes < 0) {
      this.#paceBytes = bytes
      this.#paceSince = now
    }
    const elapsedMs = now - this.#paceSince
    if (elapsedMs < overMs) return false
    const isTooSlow = (bytes - this.#paceBytes) * 1000 < leastPerSecond * elapsedMs
    this.#paceBytes = bytes
    this.#paceSince = now
    return isTooSlow
  }
}
