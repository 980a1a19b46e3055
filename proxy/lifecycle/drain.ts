// How this instance leaves: first it says so and still serves, then it refuses new work and lets the old end, then it
// is over. It moves the House and knows no socket; who closes connections waits for `finished`.
//
//   serving ──begin──► leaving ──delay──► refusing ──nothing in flight──► lingering ──250 ms──► finished
//                         └─────── shortly before the timeout since begin, or hurry() ─────────┴────┘

import type { Announce } from '../core/announce.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { House } from '../core/house.ts'

export type DrainPhase = 'serving' | 'leaving' | 'refusing' | 'lingering' | 'finished'

export interface DrainTimes {
  /** From 0: how long to go on serving after the signal, until all who route here have heard that we are not ready. */
  readonly delayMs: number
  /** From 0: from the signal to the end of the process, closing included. */
  readonly timeoutMs: number
  /** How long nothing must have been in flight where the service's own calls go out through here; 0: they do not. */
  readonly egressQuietMs: number
}

export interface DrainOptions {
  readonly house: House
  /** Asked when it begins. */
  readonly times: () => DrainTimes
  readonly clock: Clock
  readonly announce: Announce
  /** Exchanges and tunnels that are not over, and answers that have not left the process. */
  readonly inFlight: () => number
  /** Whether the service accepts no connection any more: then it makes no calls either. Never rejects. */
  readonly isServiceGone: () => Promise<boolean>
  /** The last call: whoever still waits for its turn is to be told that it will not come. */
  readonly turnAway: () => void
}

export interface DrainResult {
  readonly durationMs: number
  /** What was still in flight when the time was over, and is to be cut now. */
  readonly cut: number
  /** How long closing may take: what is left of the timeout. */
  readonly closeMs: number
}

/** How often it is asked whether anything is left: short beside the time a process needs to exit. */
const lookEveryMs = 25

/** How often the service is asked for a connection, at most. */
const askEveryMs = 100

/** Callers that sent a request on an idle connection just now get an answer instead of a reset. */
const lingerMs = 250

/** What is kept of the timeout for the last answers, and again as much for closing: this part of it, or this time. */
const reservePart = 0.1
const longestReserveMs = 500

/** Who asks twice waits this long at most. */
const hurriedCloseMs = 1_000

export class Drain {
  /** Resolves once: everything may be closed. */
  readonly finished: Promise<DrainResult>
  readonly #options: DrainOptions
  readonly #finish: (result: DrainResult) => void
  #phase: DrainPhase = 'serving'
  #times: DrainTimes = { delayMs: 0, timeoutMs: 0, egressQuietMs: 0 }
  #startedAt = 0
  #refusingSince = Infinity
  /** Since when nothing has been in flight, as far as was looked; -Infinity: as long as anybody remembers. */
  #quietSince = -Infinity
  #entered = 0
  #isServiceGone = false
  /** When the service is asked again; Infinity while it is being asked. */
  #askAt = 0
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
    const { timeoutMs } = this.#times = times()
    this.#startedAt = clock.now()
    this.#quietSince = this.#startedAt
    this.#entered = house.entered
    this.#phase = 'leaving'
    house.phase = 'leaving'
    const reserveMs = Math.min(longestReserveMs, timeoutMs * reservePart)
    house.cutAt = this.#startedAt + timeoutMs - reserveMs
    announce({ what: 'drain-started', reason })
    this.#lastTimer = clock.after(timeoutMs - 2 * reserveMs, () => { this.#lastCall(reserveMs) })
    this.#look()
    return true
  }

  /** Asked twice: ends now, whatever is in flight. Begins when nobody has begun. */
  hurry(reason: string): void {
    this.begin(reason)
    if (this.#phase === 'finished') return
    this.#options.turnAway()
    this.#end(hurriedCloseMs)
  }

  /** For gauges and status: seconds since the begin, those of the whole drain once it is over. */
  figures(): { phase: DrainPhase; seconds: number; cut: number } {
    const elapsedMs = this.#phase === 'serving' ? 0 : this.#options.clock.now() - this.#startedAt
    return {
      phase: this.#phase, seconds: (this.#result?.durationMs ?? elapsedMs) / 1000, cut: this.#result?.cut ?? 0,
    }
  }

  #look(): void {
    const { house, clock, inFlight } = this.#options
    const { delayMs } = this.#times
    const now = clock.now()
    const isBusy = inFlight() > 0
    // Also what has begun and ended between two looks.
    if (isBusy || house.entered !== this.#entered) this.#quietSince = now
    this.#entered = house.entered
    if (this.#phase === 'leaving' && now - this.#startedAt >= delayMs) {
      this.#refusingSince = now
      this.#phase = 'refusing'
      house.refuse()
    }
    if (this.#phase !== 'leaving') {
      this.#phase = isBusy ? 'refusing' : 'lingering'
      if (!isBusy && this.#isOver(now)) return this.#end(this.#startedAt + this.#times.timeoutMs - now)
    }
    const untilRefusingMs = this.#phase === 'leaving' ? this.#startedAt + delayMs - now : Infinity
    this.#timer = clock.after(Math.min(lookEveryMs, untilRefusingMs), () => { this.#look() })
  }

  /** Nothing is in flight: whether nothing can come any more that anybody would miss. */
  #isOver(now: number): boolean {
    const quietMs = now - this.#quietSince
    if (quietMs < lingerMs || now - this.#refusingSince < lingerMs) return false
    // The service may be between two calls, unless it has had the time to make one, or has gone.
    if (quietMs >= this.#times.egressQuietMs || this.#isServiceGone) return true
    if (now >= this.#askAt) void this.#askService()
    return false
  }

  async #askService(): Promise<void> {
    this.#askAt = Infinity
    this.#isServiceGone = await this.#options.isServiceGone()
    this.#askAt = this.#options.clock.now() + askEveryMs
  }

  /** Who has not been sent by now will not be: it hears so, while there is time for an answer. */
  #lastCall(reserveMs: number): void {
    this.#options.turnAway()
    this.#lastTimer = this.#options.clock.after(reserveMs, () => { this.#end(reserveMs) })
  }

  #end(closeMs: number): void {
    if (this.#phase === 'finished') return
    const { clock, house, announce, inFlight } = this.#options
    this.#phase = 'finished'
    house.refuse()
    this.#timer?.clear()
    this.#lastTimer?.clear()
    const durationMs = clock.now() - this.#startedAt
    const cut = inFlight()
    this.#result = { durationMs, cut, closeMs }
    announce({ what: 'drain-finished', durationMs, cut })
    this.#finish(this.#result)
  }
}

/** A drain that has not begun. */
export function createDrain(options: DrainOptions): Drain {
  return new Drain(options)
}
