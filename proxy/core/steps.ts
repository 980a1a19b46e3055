// Work that says where it can be interrupted: a long check is done in one go where a process starts, and in pieces with
// everybody else's requests in between where it serves. It does not make a piece shorter than it is.

import type { Clock } from './clock.ts'

/** At every `yield` others may go first. */
export type Steps<Result> = Generator<undefined, Result, undefined>

/** As much of one turn of the event loop as such work takes, if its pieces allow, ms. */
const turnMs = 0.5
/**
 * It rests so many times as long as it has just taken. A request goes through four turns or so: where each had a piece
 * of such work in it, a request would wait for four of them.
 */
const restShare = 4

export function allAtOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const next = steps.next()
    if (next.done === true) return next.value
  }
}

/**
 * Piece by piece, and at most a fifth of the time; rejects with what the work throws. It rests after the last piece
 * too: whoever goes on with the result begins a turn of its own.
 */
export async function turnByTurn<Result>(steps: Steps<Result>, clock: Clock): Promise<Result> {
  for (;;) {
    const begunAt = clock.now()
    const { result, isOver } = oneTurn(steps, clock)
    await rest(clock, (clock.now() - begunAt) * restShare)
    if (isOver) return result
  }
}

function oneTurn<Result>(
  steps: Steps<Result>, clock: Clock,
): { isOver: true, result: Result } | { isOver: false, result: undefined } {
  const until = clock.now() + turnMs
  do {
    const next = steps.next()
    if (next.done === true) return { isOver: true, result: next.value }
  } while (clock.now() < until)
  return { isOver: false, result: undefined }
}

function rest(clock: Clock, forMs: number): Promise<void> {
  return new Promise((resolve) => { clock.after(forMs, resolve) })
}
