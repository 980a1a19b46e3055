// Why a commit of the embedded database failed. Its error carries the reason as a promise: who does not take hold of
// that in the same turn is an unhandled rejection, which ends the process.

import type { Clock } from '../core/clock.ts'

/** The reason is rejected in the same turn, or never: then the error itself is all there is. */
export function causeOf(clock: Clock, error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return Promise.resolve(error)
  const reason = Promise.resolve(error.commitError).then(() => error, (cause: unknown) => cause)
  return Promise.race([reason, new Promise((resolve) => { clock.endOfTurn(() => { resolve(error) }) })])
}
