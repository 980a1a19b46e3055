// Whether a connection has stopped moving while something is to move: a body that no longer comes, or an answer that is
// not read. It is looked at now and then instead of arming a timer for every chunk.

import type { Socket } from 'node:net'

/** How long a peer may leave an answer unread, ms: as long as upstream may pause within one. */
const maxUnreadMs = 60_000

export class StallWatch {
  #mark = -1
  #isReceiving = false
  #since = 0

  /** What has stalled, if anything has. */
  look(socket: Socket, isReceiving: boolean, now: number, receiveMs: number): 'receiving' | 'sending' | null {
    const isSending = socket.writableLength > 0
    if (!isSending && !isReceiving) {
      this.#mark = -1
      return null
    }
    // What the kernel has taken of the answer, or what has come of the body.
    const mark = isReceiving ? socket.bytesRead : socket.bytesWritten - socket.writableLength
    if (mark !== this.#mark || isReceiving !== this.#isReceiving) {
      this.#mark = mark
      this.#isReceiving = isReceiving
      this.#since = now
      return null
    }
    if (now - this.#since < (isReceiving ? receiveMs : maxUnreadMs)) return null
    return isReceiving ? 'receiving' : 'sending'
  }
}
