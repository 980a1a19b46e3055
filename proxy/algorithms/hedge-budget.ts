// What hedges may cost: each request that went well earns the share that hedging may add, each hedge costs one. There
// is no reserve and no trickle: a hedge is a luxury, and an upstream that serves nobody gets none. Pure.

/** Saved at most: a burst after a quiet time. */
const most = 10

export class HedgeBudget {
  /** Hedges that may be sent for one request that went well, 0 to 1. */
  share: number
  #tokens = 0

  constructor(share: number) {
    this.share = share
  }

  get available(): number { return this.#tokens }

  succeeded(): void { this.#tokens = Math.min(most, this.#tokens + this.share) }

  take(): boolean {
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  /** What was paid for was not sent. */
  refund(): void { this.#tokens = Math.min(most, this.#tokens + 1) }
}
