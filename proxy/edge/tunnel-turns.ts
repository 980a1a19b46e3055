// What a tunnel may read in one turn of the event loop: a pipe of streams reads on for as long as the other side takes
// what comes, and on a fast network that is two MiB before anybody else's turn. See core/turn-share.ts.

import type { Duplex, Writable } from 'node:stream'
import type { Clock } from '../core/clock.ts'
import { TurnShare } from '../core/turn-share.ts'

/** To be called before `from` is piped into `to`. */
export function takeTurns(from: Duplex, to: Writable, clock: Clock): void {
  const share = new TurnShare()
  // Where the other side has enough, its drain goes on, not we.
  const readOn = (): void => { if (!to.writableNeedDrain) from.resume() }
  // A listener for data begins the flow: what came with the handshake would be heard here alone, and lost to the pipe.
  from.pause()
  from.on('data', (chunk: Buffer) => { if (share.endsWith(chunk.length, clock, readOn)) from.pause() })
}
