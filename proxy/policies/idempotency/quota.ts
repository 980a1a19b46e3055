// How many keys one scope takes in this process: new ones within the time that keys are kept, and those in flight. A
// sliding count over two windows, exact enough to stop a flood; the store's own bounds hold beside it.

/** Scopes counted at once; beyond that the one counted longest is forgotten, which errs in its favour. */
const maxScopes = 10_000

interface Usage {
  windowStart: number
  before: number
  now: number
  inFlight: number
}

export interface QuotaLimits {
  readonly maxKeys: number
  readonly maxInFlight: number
  /** The window of `maxKeys`, ms. */
  readonly windowMs: number
}

export class Quota {
  readonly #byScope = new Map<string, Usage>()

  /** Counts one more key of the scope, or says no. */
  take(scope: string, limits: QuotaLimits, now: number): boolean {
    if (limits.maxKeys === Infinity && limits.maxInFlight === Infinity) return true
    const usage = this.#usageOf(scope, limits.windowMs, now)
    const passed = (now - usage.windowStart) / limits.windowMs
    if (usage.before * (1 - passed) + usage.now >= limits.maxKeys || usage.inFlight >= limits.maxInFlight) return false
    usage.now++
    usage.inFlight++
    return true
  }

  /** A key that was taken is in flight no more. `isUsed` false: it never came to anything, and does not count. */
  giveBack(scope: string, isUsed: boolean): void {
    const usage = this.#byScope.get(scope)
    if (usage === undefined) return
    usage.inFlight = Math.max(0, usage.inFlight - 1)
    if (!isUsed) usage.now = Math.max(0, usage.now - 1)
  }

  #usageOf(scope: string, windowMs: number, now: number): Usage {
    let usage = this.#byScope.get(scope)
    if (usage === undefined) {
      if (this.#byScope.size >= maxScopes) this.#byScope.delete(this.#byScope.keys().next().value as string)
      usage = { windowStart: now, before: 0, now: 0, inFlight: 0 }
      this.#byScope.set(scope, usage)
    }
    const windows = Math.floor((now - usage.windowStart) / windowMs)
    if (windows > 0) {
      usage.before = windows === 1 ? usage.now : 0
      usage.now = 0
      usage.windowStart += windows * windowMs
    }
    return usage
  }
}
