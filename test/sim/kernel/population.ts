// Callers who come whether or not they are served: Poisson, in bursts (two-state modulated), or in batches, at rates
// that a script may change while they come.

import type { Random } from '../../../proxy/core/random.ts'
import { exponential } from '../seeded-random.ts'
import { Call } from './call.ts'
import type { Manner } from './call.ts'
import type { Happening, Schedule } from './schedule.ts'
import type { Sampler } from './samplers.ts'
import type { Sidecar } from './sidecar.ts'

export interface PopulationOptions extends Partial<Manner> {
  readonly sampler: Sampler
  /** Arrivals a second at a time, clock ms. */
  readonly rateAt: (now: number) => number
  /** Callers that come at once. */
  readonly batch?: number
  readonly untilMs: number
}

export class Population implements Happening {
  readonly #sidecar: Sidecar
  readonly #options: PopulationOptions
  readonly #manner: Manner
  readonly #random: Random

  constructor(sidecar: Sidecar, random: Random, options: PopulationOptions) {
    this.#sidecar = sidecar
    this.#random = random
    this.#options = options
    this.#manner = { level: 1, route: 0, deadlineMs: Infinity, maxAttempts: 1, ...options }
  }

  /** Begins to come. */
  start(schedule: Schedule): void { schedule.at(schedule.now, this) }

  happen(now: number): void {
    const { rateAt, batch = 1, sampler, untilMs } = this.#options
    if (now >= untilMs) return
    const rate = rateAt(now)
    if (rate > 0 && now > 0) {
      for (let i = 0; i < batch; i++) new Call(this.#sidecar, this.#manner, sampler(), 1, now).ask(now)
    }
    // Where nobody comes for a while, look again a little later.
    const gapMs = rate > 0 ? exponential(this.#random, 1000 * batch / rate) : 1
    this.#sidecar.schedule.at(now + gapMs, this)
  }
}

/** `high` for `onMs`, then `low` for `offMs`, and again. */
export function bursts(high: number, onMs: number, low: number, offMs: number): (now: number) => number {
  return (now) => now % (onMs + offMs) < onMs ? high : low
}
