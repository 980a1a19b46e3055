// The first things a process does, one after the other. Told to leave meanwhile it gives up between two of them; who
// ends the process waits a moment for that, and not for a store that does not open or a name that is not resolved.

import type { Clock } from '../core/clock.ts'

export type StartStep = () => Promise<void>

export class Start {
  readonly #isGivenUp: () => boolean
  /** Every step has been taken. */
  isDone = false
  /** Resolves when it is done, has failed or has been given up. Never rejects. */
  settled: Promise<void> = Promise.resolve()

  constructor(isGivenUp: () => boolean) {
    this.#isGivenUp = isGivenUp
  }

  /** Takes the steps; resolves to whether all were taken, rejects with the fault of the first that failed. */
  take(steps: readonly StartStep[]): Promise<boolean> {
    const taking = this.#take(steps)
    this.settled = taking.then(() => {}, () => {})
    return taking
  }

  /** Resolves when it has settled, and not later than that. */
  async over(clock: Clock, withinMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = clock.after(withinMs, resolve)
    await Promise.race([this.settled, promise])
    timer.clear()
  }

  async #take(steps: readonly StartStep[]): Promise<boolean> {
    for (const step of steps) {
      if (this.#isGivenUp()) return false
      await step()
    }
    return this.isDone = !this.#isGivenUp()
  }
}
