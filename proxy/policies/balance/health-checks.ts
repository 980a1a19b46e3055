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

/** The checking of one endpoint. */
interface Checking {
  readonly endpoint: Endpoint
  isHealthy: boolean
  /** Checks in a row that say otherwise. */
  inRow: number
  timer: Timer | null
}

export class HealthChecks {
  readonly #doors: HealthCheckDoors
  #options: HealthOptions | null = null
  /** Of the leaf in force: a reload may have made another one. */
  #ask: Check = () => Promise.resolve('upstream.none')
  /** By address: what is known of an endpoint outlives another list of them. */
  readonly #checkings = new Map<string, Checking>()

  constructor(doors: HealthCheckDoors) { this.#doors = doors }

  /** Checks these endpoints in this way from now on; null: no more. Who was checked in this way goes on as before. */
  configure(options: HealthOptions | null, endpoints: readonly Endpoint[], ask: Check): void {
    this.#ask = ask
    if (JSON.stringify(options) !== JSON.stringify(this.#options)) this.#stopTimers()
    this.#options = options
    if (options === null) return this.stop()
    const old = new Map(this.#checkings)
    this.#checkings.clear()
    for (const endpoint of endpoints) {
      const known = old.get(endpoint.url)
      if (known?.endpoint === endpoint && known.timer !== null) this.#checkings.set(endpoint.url, known)
      else this.#begin(endpoint, known?.isHealthy ?? true)
    }
    for (const [url, checking] of old) if (this.#checkings.get(url) !== checking) this.#end(checking)
  }

  /** Ends all of them; `configure` begins anew. */
  stop(): void {
    this.#options = null
    this.#stopTimers()
    this.#checkings.clear()
  }

  #stopTimers(): void {
    for (const checking of this.#checkings.values()) this.#end(checking)
  }

  #end(checking: Checking): void {
    checking.timer?.clear()
    checking.timer = null
  }

  #begin(endpoint: Endpoint, isHealthy: boolean): void {
    const checking: Checking = { endpoint, isHealthy, inRow: 0, timer: null }
    this.#checkings.set(endpoint.url, checking)
    this.#next(checking, this.#intervalMs() * this.#doors.random())
  }

  #intervalMs(): number { return this.#options?.interval ?? defaults.intervalMs }

  #next(checking: Checking, delayMs: number): void {
    const { clock, random } = this.#doors
    checking.timer = clock.after(delayMs, () => {
      const options = this.#options
      if (options === null) return
      const again = (seen: CheckResult | null): void => {
        // Nobody's any more: ended, or begun anew under its address.
        if (checking.timer === null || this.#checkings.get(checking.endpoint.url) !== checking) return
        if (seen !== null) this.#learn(checking, options, seen)
        this.#next(checking, this.#intervalMs() * (1 - jitter + 2 * jitter * random()))
      }
      const timeoutMs = options.timeout ?? defaults.timeoutMs
      this.#ask(checking.endpoint, options.path, timeoutMs).then(again, () => { again(null) })
    })
  }

  #learn(checking: Checking, options: HealthOptions, seen: CheckResult): void {
    const isGood = typeof seen === 'number' && seen >= 200 && seen < 300
    if (isGood === checking.isHealthy) {
      checking.inRow = 0
      return
    }
    const wanted = isGood ? options.healthy ?? defaults.healthy : options.unhealthy ?? defaults.unhealthy
    if (++checking.inRow < wanted) return
    checking.isHealthy = isGood
    checking.inRow = 0
    this.#doors.turned(checking.endpoint, isGood, seen)
  }
}
