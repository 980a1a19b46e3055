// The wait between two attempts of a work: ends early with its exchange, so that nobody sleeps for a caller that has
// left.

import type { Clock } from './clock.ts'
import type { Work } from './work.ts'

/** Resolves to true after `delayMs`, to false as soon as the exchange is over. One wait of a work at a time. */
export function pause(work: Work, delayMs: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(delayMs, () => {
      work.onOver = null
      resolve(true)
    })
    const wake = (): void => {
      timer.clear()
      work.onOver = null
      resolve(false)
    }
    work.onOver = wake
  })
}
