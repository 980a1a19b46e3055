// How long to wait before something is tried again: exponential, with full jitter, so that those who failed together do
// not come back together (AWS Architecture Blog, "Exponential Backoff And Jitter").

/** Doubling stops being meaningful, and exact, long before this. */
const mostDoublings = 30

/** A time from 0 to base · 2^failures ms, at most `maxMs`; `failures` counts from 0. `dice`: a number in [0, 1). */
export function fullJitter(failures: number, baseMs: number, maxMs: number, dice: number): number {
  return dice * Math.min(maxMs, baseMs * 2 ** Math.min(failures, mostDoublings))
}
