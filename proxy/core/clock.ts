// The door to time: the only file that touches performance.now, setTimeout and setImmediate. Everything else gets a
// Clock handed in, so that the whole stack runs in virtual time.

/** A timer that can be taken back; clearing it twice or after it fired does nothing. */
export interface Timer { clear(): void }

/** Monotonic time in ms, and the two ways to be called later. */
export interface Clock {
  /** Milliseconds, monotonic, with a fraction. Read at turning points and handed down as `now`. */
  now(): number
  /** Calls `fire` once, `delayMs` from now. Never keeps the process alive by itself. */
  after(delayMs: number, fire: () => void): Timer
  /** Calls `fire` once at the end of this event-loop turn, after the input that is already there. */
  endOfTurn(fire: () => void): void
  /** Wall-clock ms since 1970, for logs and documents only; never for decisions. */
  wallMs(): number
}

/** Later than this a timer did not elapse, the loop was blocked: the answers may already lie in the sockets. */
const lateMs = 50

/** setTimeout overflows above this and would fire at once. */
const longestMs = 2 ** 31 - 1

class SystemTimer implements Timer {
  readonly #dueAt: number
  readonly #fire: () => void
  #handle: NodeJS.Timeout | null
  constructor(delayMs: number, fire: () => void) {
    this.#dueAt = performance.now() + delayMs
    this.#fire = fire
    this.#handle = setTimeout(SystemTimer.#elapsed, Math.min(Math.max(delayMs, 0), longestMs), this)
    this.#handle.unref()
  }
  static #elapsed(timer: SystemTimer): void {
    // After a blocked loop timers run before input. One turn of input first, or every answer that arrived in time and
    // lies unread in its socket would be called a timeout.
    if (performance.now() - timer.#dueAt > lateMs) setImmediate(SystemTimer.#fireUnlessCleared, timer)
    else SystemTimer.#fireUnlessCleared(timer)
  }
  static #fireUnlessCleared(timer: SystemTimer): void {
    if (timer.#handle === null) return
    timer.#handle = null
    timer.#fire()
  }
  clear(): void {
    if (this.#handle === null) return
    clearTimeout(this.#handle)
    this.#handle = null
  }
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, fire) => new SystemTimer(delayMs, fire),
  endOfTurn: (fire) => { setImmediate(fire) },
  wallMs: () => Date.now(),
}
