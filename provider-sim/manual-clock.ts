// A clock for tests that moves only when told to. It fires timers in the order of their due time, then of their making;
// it does not wait for promises, so a test that chains timers advances in several steps.

import type { Clock, Timer } from './clock.ts'

interface Due {
  readonly atMs: number
  readonly fire: () => void
}

export class ManualClock implements Clock {
  #nowMs = 0
  #due: Due[] = []

  wallMs(): number {
    return this.#nowMs
  }

  startTimer(delayMs: number, fire: () => void): Timer {
    const due = { atMs: this.#nowMs + delayMs, fire }
    this.#due.push(due)
    return { cancel: () => void (this.#due = this.#due.filter((other) => other !== due)) }
  }

  /** Moves time forward by `ms` milliseconds and fires what falls due on the way, also what those timers start. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (let next = this.#next(untilMs); next !== null; next = this.#next(untilMs)) {
      this.#due = this.#due.filter((other) => other !== next)
      this.#nowMs = next.atMs
      next.fire()
    }
    this.#nowMs = untilMs
  }

  get pendingTimers(): number {
    return this.#due.length
  }

  #next(untilMs: number): Due | null {
    let earliest: Due | null = null
    for (const due of this.#due) {
      if (due.atMs <= untilMs && (earliest === null || due.atMs < earliest.atMs)) earliest = due
    }
    return earliest
  }
}
