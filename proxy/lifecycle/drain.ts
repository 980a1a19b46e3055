// How this instance leaves: first it says so and still serves, then it refuses new work and lets the old end, then it
// is over. It moves the House and knows no socket; who closes connections waits for `finished`.
//
//   serving ──begin──► leaving ──delay──► refusing ──nothing in flight──► lingering ──250 ms──► finished
//                         └───────── timeout since begin, or hurry() ─────────┴────────────────────┘

import type { Announce } from '../core/announce.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { House } from '../core/house.ts'

export type DrainPhase = 'serving' | 'leaving' | 'refusing' | 'lingering' | 'finished'

export interface DrainOptions {
  readonly house: House
  /**
   * Asked when it begins. delayMs, from 0: how long to go on serving after the signal, until all who route here have
   * heard that we are not ready. timeoutMs, from 0: from the signal to the cut of what still runs.
   */
  readonly times: () => { readonly delayMs: number; readonly timeoutMs: number }
  /**
   * How long nothing must be in flight before it is over, ms. Where the service's own calls go out through here,
   * longer: it may still be working between two of them.
   */
  readonly lingerMs?: number
  readonly clock: Clock
  readonly announce: Announce
  /** Exchanges and tunnels that are not over, and answers that have not left the process. */
  readonly inFlight: () => number
}

export interface DrainResult {
  readonly durationMs: number
  /** What was still in flight when the time was over, and is to be cut now. */
  readonly cut: number
}

/** How often it is asked whether anything is left: short beside the time a process needs to exit. */
const lookEveryMs = 25

/** Callers that sent a request on an idle connection just now get an answer instead of a reset. */
const defaultLingerMs = 250

export class Drain {
  /** Resolves once: everything may be closed. */
  readonly finished: Promise<DrainResult>
  readonly #options: DrainOptions
  readonly #finish: (result: DrainResult) => void
  #phase: DrainPhase = 'serving'
  #startedAt = 0
  #result: DrainResult | null = null
  #timer: Timer | null = null
  #lastTimer: Timer | null = null

  constructor(options: DrainOptions) {
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<DrainResult>()
    this.finished = promise
    this.#finish = resolve
  }

  get phase(): DrainPhase {
    return this.#phase
  }

  /** Begins to leave; false when that has already begun. `reason` is for the log: `SIGTERM`, `admin`. */
  begin(reason: string): boolean {
    if (this.#phase !== 'serving') return false
    const { house, clock, announce, times } = this.#options
    const { delayMs, timeoutMs } = times()
    this.#startedAt = clock.now()
    this.#phase = 'leaving'
    house.phase = 'leaving'
    announce({ what: 'drain-started', reason })
    this.#lastTimer = clock.after(timeoutMs, () => { this.#end() })
    if (delayMs === 0) this.#refuse()
    else this.#timer = clock.after(delayMs, () => { this.#refuse() })
    return true
  }

  /** Asked twice: ends now, whatever is in flight. Begins when nobody has begun. */
  hurry(reason: string): void {
    this.begin(reason)
    this.#end()
  }

  /** For gauges and status: seconds since the begin, those of the whole drain once it is over. */
  figures(): { phase: DrainPhase; seconds: number; cut: number } {
    const elapsedMs = this.#phase === 'serving' ? 0 : this.#options.clock.now() - this.#startedAt
    return {
      phase: this.#phase, seconds: (this.#result?.durationMs ?? elapsedMs) / 1000, cut: this.#result?.cut ?? 0,
    }
  }

  #refuse(): void {
    this.#options.house.phase = 'refusing'
    this.#look()
  }

  #look(): void {
    if (this.#options.inFlight() === 0) {
      this.#phase = 'lingering'
      this.#timer = this.#options.clock.after(this.#options.lingerMs ?? defaultLingerMs, () => { this.#lingered() })
      return
    }
    this.#phase = 'refusing'
    this.#timer = this.#options.clock.after(lookEveryMs, () => { this.#look() })
  }

  #lingered(): void {
    // Work that passes the drain gate by right (a replay) may have come meanwhile: it is waited for like any other.
    if (this.#options.inFlight() === 0) this.#end()
    else this.#look()
  }

  #end(): void {
    if (this.#phase === 'finished') return
    const { clock, house, announce, inFlight } = this.#options
    this.#phase = 'finished'
    house.phase = 'refusing'
    this.#timer?.clear()
    this.#lastTimer?.clear()
    this.#result = { durationMs: clock.now() - this.#startedAt, cut: inFlight() }
    announce({ what: 'drain-finished', ...this.#result })
    this.#finish(this.#result)
  }
}

/** A drain that has not begun. */
export function createDrain(options: DrainOptions): Drain {
  return new Drain(options)
}
