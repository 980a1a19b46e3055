// All waits of one kind on one port, in one place, so that a changed behaviour can release them and a closing port can
// cancel them: no timer outlives its port. It does not know what is being waited for.

import type { Clock } from './clock.ts'

export type WaitEnd = 'elapsed' | 'released' | 'cancelled'

export class Waits {
  readonly #clock: Clock
  readonly #ends = new Set<(how: WaitEnd) => void>()
  #isClosed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#ends.size
  }

  /** Resolves after `ms` milliseconds ('elapsed'), or earlier by `releaseAll` or `close`. */
  wait(ms: number): Promise<WaitEnd> {
    if (this.#isClosed) return Promise.resolve('cancelled')
    return new Promise((resolve) => {
      const timer = this.#clock.startTimer(ms, () => end('elapsed'))
      const end = (how: WaitEnd): void => {
        timer.cancel()
        this.#ends.delete(end)
        resolve(how)
      }
      this.#ends.add(end)
    })
  }

  releaseAll(): void {
    for (const end of this.#ends) end('released')
  }

  /** Cancels every wait, and every later one at once. */
  close(): void {
    this.#isClosed = true
    for (const end of this.#ends) end('cancelled')
  }
}
