// HOT PATH — runs for every word to a store. Rules: docs/decisions/0004.
// What follows a value that is there at once or is promised. A value that is there goes on at once: a promise for it
// would cost more than what is done with it.

import type { Soon } from './record-store.ts'

/** Gives what `next` makes of the value; what it throws is thrown, or rejects. */
export function follow<T, R>(value: Soon<T>, next: (value: T) => Soon<R>): Soon<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}
