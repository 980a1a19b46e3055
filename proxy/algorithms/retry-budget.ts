// What an upstream can be asked for a second time: retries are paid for by first attempts that went well, so that in an
// outage nothing pays any more and attempts fall to one a request. A small reserve and a trickle keep retries possible
// where traffic is low. Pure: `now` is an argument.
//
//   first attempt went well  +0.1 ──►  tokens ≤ cap  ──►  a retry −1, after a timeout −2
//   every second             +0.1 ──►

/** Earned by one success: the share of attempts that may be retries while all is well. */
const earned = 0.1
/** By time alone, each second. */
const trickle = 0.1
/** To begin with, and the least that can be saved. */
const reserve = 10
/** The rate is remembered for about this long, ms; what can be saved is a tenth of the requests of this time. */
const memoryMs = 10_000

export class RetryBudget {
  #tokens = reserve
  #at = -Infinity
  /** First attempts, forgotten exponentially: the rate times `memoryMs`. */
  #recent = 0

  /** A request came: its first attempt is about to be made. */
  began(now: number): void {
    this.#pass(now)
    this.#recent++
  }

  /** A first attempt went well. */
  succeeded(now: number): void {
    this.#pass(now)
    this.#earn(earned)
  }

  /** Pays for one more attempt; false: it may not be made. */
  take(cost: number, now: number): boolean {
    this.#pass(now)
    if (this.#tokens < cost) return false
    this.#tokens -= cost
    return true
  }

  /** What was paid for was not sent. */
  refund(cost: number): void { this.#earn(cost) }

  /** What there is to spend, in retries. */
  available(now: number): number {
    this.#pass(now)
    return this.#tokens
  }

  #earn(tokens: number): void {
    this.#tokens = Math.min(Math.max(reserve, earned * this.#recent), this.#tokens + tokens)
  }

  #pass(now: number): void {
    const elapsedMs = now - this.#at
    if (elapsedMs <= 0) return
    this.#at = now
    if (elapsedMs === Infinity) return
    this.#recent *= Math.exp(-elapsedMs / memoryMs)
    this.#earn(trickle * elapsedMs / 1000)
  }
}
