// Work that says where it can be interrupted: a long check is done in one go where a process starts, and in pieces with
// everybody else's requests in between where it serves. It does not make a piece shorter than it is.

import type { Clock } from './clock.ts'

/** At every `yield` others may go first. */
export type Steps<Result> = Generator<undefined, Result, undefined>

/** As much of one turn of the event loop as such work takes, if its pieces allow, ms. */
const turnMs = 0.5

export function allAtOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const next = steps.next()
    if (next.done === true) return next.value
  }
}

/** In as many turns of the event loop as it takes; rejects with what the work throws. */
export async function turnByTurn<Result>(steps: Steps<Result>, clock: Clock): Promise<Result> {
  for (;;) {
    const until = clock.now() + turnMs
    do {
      const next = steps.next()
      if (next.done === true) return next.value
    } while (clock.now() < until)
    await endOfTurn(clock)
  }
}

export function endOfTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => { clock.endOfTurn(resolve) })
}
