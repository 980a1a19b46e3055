// The door to time: the only file that touches performance.now, setTimeout and setImmediate. Everything else gets a
// Clock handed in, so that the whole stack runs in virtual time.

import { TimerWheel } from './timer-wheel.ts'

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

/** setTimeout overflows above this and would fire at once; the wheel asks again when it has been woken too early. */
const longestMs = 2 ** 31 - 1

/** The one timer of the runtime, behind the wheel. */
class SystemAlarm {
  readonly #ring: () => void
  #handle: NodeJS.Timeout | null = null
  #dueAt = 0

  constructor(ring: () => void) { this.#ring = ring }

  set(delayMs: number): void {
    if (this.#handle !== null) clearTimeout(this.#handle)
    const capped = Math.min(delayMs, longestMs)
    this.#dueAt = performance.now() + capped
    this.#handle = setTimeout(SystemAlarm.#elapsed, Math.max(0, capped), this)
    this.#handle.unref()
  }

  static #elapsed(alarm: SystemAlarm): void {
    alarm.#handle = null
    // After a blocked loop timers run before input. One turn of input first, or every answer that arrived in time and
    // lies unread in its socket would be called a timeout.
    if (performance.now() - alarm.#dueAt > lateMs) setImmediate(alarm.#ring)
    else alarm.#ring()
  }
}

const wheel = new TimerWheel(() => performance.now(), (delayMs) => { alarm.set(delayMs) })
const alarm = new SystemAlarm(() => { wheel.ring() })

/** The real clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, fire) => wheel.after(delayMs, fire),
  endOfTurn: (fire) => { setImmediate(fire) },
  wallMs: () => Date.now(),
}
