// The simulator's only source of time: timers and the wall clock come in through this door, so that a timetable or a
// slow body can be tested without sleeping. It does not measure durations.

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall-clock time in milliseconds since 1970, for the ledger's rows. */
  wallMs(): number
  /** Calls `fire` once after `delayMs` milliseconds, unless cancelled. */
  startTimer(delayMs: number, fire: () => void): Timer
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  startTimer(delayMs, fire) {
    const handle = setTimeout(fire, delayMs)
    return { cancel: () => clearTimeout(handle) }
  },
}
