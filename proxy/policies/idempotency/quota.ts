// How many keys one scope takes in this process: new ones within the time that keys are kept, and those in flight. A
// sliding count over two windows, exact enough to stop a flood; the store's own bounds hold beside it, and while there
// is little room left in it nobody may take it all.

/** Scopes counted at once; beyond that the one counted longest is forgotten, which errs in its favour. */
const maxScopes = 10_000

/** Of the store's room: from here on the rest is shared. */
const shortFill = 0.8

interface Usage {
  windowStart: number
  before: number
  now: number
  inFlight: number
}

export interface QuotaLimits {
  readonly maxKeys: number
  /** The same while the store has little room. */
  readonly maxKeysWhenShort: number
  readonly maxInFlight: number
  /** The window of `maxKeys`, ms. */
  readonly windowMs: number
}

export class Quota {
  readonly #byScope = new Map<string, Usage>()

  /** Counts one more key of the scope, or says no. `fill`: share of the store's room that is taken. */
  take(scope: string, limits: QuotaLimits, fill: number, now: number): boolean {
    const { maxKeysWhenShort, maxInFlight, windowMs } = limits
    const maxKeys = fill >= shortFill ? Math.min(limits.maxKeys, maxKeysWhenShort) : limits.maxKeys
    if (limits.maxKeys === Infinity && maxKeysWhenShort === Infinity && maxInFlight === Infinity) return true
    const usage = this.#usageOf(scope, windowMs, now)
    const passed = (now - usage.windowStart) / windowMs
    if (usage.before * (1 - passed) + usage.now >= maxKeys || usage.inFlight >= maxInFlight) return false
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
