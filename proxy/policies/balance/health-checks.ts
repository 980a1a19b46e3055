// Active checks: asks every endpoint of an upstream by itself, in its own time with jitter, and says when its state has
// changed for good. Runs from the first plan that wants it until it is stopped; what it learns is for the balancer.

import type { Clock, Timer } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import type { CheckResult, Endpoint } from '../../core/upstream.ts'
import type { HealthOptions } from './schema.ts'

/** A fifth more or less, so that instances and endpoints do not check in step. */
const jitter = 0.2
const defaults = { intervalMs: 5_000, timeoutMs: 1_000, healthy: 2, unhealthy: 3 }

export interface HealthCheckDoors {
  readonly clock: Clock
  readonly random: Random
  /** An endpoint has turned well or unwell; `seen`: status or fault of the last check. */
  readonly turned: (endpoint: Endpoint, isHealthy: boolean, seen: CheckResult) => void
}

type Check = (endpoint: Endpoint, path: string, timeoutMs: number) => Promise<CheckResult>

/** The key of an upstream's checks among the parts. */
export const healthChecksKey = 'health:'

export class HealthChecks {
  readonly #doors: HealthCheckDoors
  #options: HealthOptions | null = null
  #endpoints: readonly Endpoint[] = []
  /** Of the leaf in force: a reload may have made another one. */
  #ask: Check = () => Promise.resolve('upstream.none')
  readonly #timers = new Set<Timer>()
  /** Counts restarts: a check that was under way before one is nobody's any more. */
  #run = 0

  constructor(doors: HealthCheckDoors) { this.#doors = doors }

  /** Checks these endpoints in this way from now on; null: no more. The same again changes nothing. */
  configure(options: HealthOptions | null, endpoints: readonly Endpoint[], ask: Check): void {
    this.#ask = ask
    const isSame = JSON.stringify(options) === JSON.stringify(this.#options)
      && endpoints.length === this.#endpoints.length && endpoints.every((one, i) => one === this.#endpoints[i])
    if (isSame) return
    this.stop()
    this.#options = options
    this.#endpoints = endpoints
    if (options === null) return
    for (const endpoint of endpoints) this.#begin(endpoint, options, this.#run)
  }

  /** Ends all of them; `configure` begins anew. */
  stop(): void {
    this.#run++
    this.#options = null
    this.#endpoints = []
    for (const timer of this.#timers) timer.clear()
    this.#timers.clear()
  }

  #begin(endpoint: Endpoint, options: HealthOptions, run: number): void {
    const { clock, random } = this.#doors
    const intervalMs = options.interval ?? defaults.intervalMs
    const memory = { isHealthy: true, inRow: 0 }
    const next = (delayMs: number): void => {
      if (run !== this.#run) return
      const timer = clock.after(delayMs, () => {
        this.#timers.delete(timer)
        this.#check(endpoint, options).then((seen) => {
          if (run !== this.#run) return
          this.#learn(endpoint, options, memory, seen)
          next(intervalMs * (1 - jitter + 2 * jitter * random()))
        }, () => { next(intervalMs) })
      })
      this.#timers.add(timer)
    }
    next(intervalMs * random())
  }

  #check(endpoint: Endpoint, options: HealthOptions): Promise<CheckResult> {
    return this.#ask(endpoint, options.path, options.timeout ?? defaults.timeoutMs)
  }

  #learn(
    endpoint: Endpoint, options: HealthOptions, memory: { isHealthy: boolean; inRow: number }, seen: CheckResult,
  ): void {
    const isGood = typeof seen === 'number' && seen >= 200 && seen < 300
    if (isGood === memory.isHealthy) {
      memory.inRow = 0
      return
    }
    const wanted = isGood ? options.healthy ?? defaults.healthy : options.unhealthy ?? defaults.unhealthy
    if (++memory.inRow < wanted) return
    memory.isHealthy = isGood
    memory.inRow = 0
    this.#doors.turned(endpoint, isGood, seen)
  }
}
