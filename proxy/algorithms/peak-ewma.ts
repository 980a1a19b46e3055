// HOT PATH — runs for every attempt. Rules: docs/decisions/0004.
// What one endpoint costs now: a mean of its latency that jumps up at once and comes down slowly (peak EWMA, Finagle),
// times what is under way there. A failure is noted as a long time, or the endpoint that fails fastest would be liked
// best; and what does not answer grows dearer while it is silent.

/** Time constant of the way down, ms. */
const decayMs = 8_500
/** Assumed of an endpoint that has something under way and has never answered, ms. */
const unknownMs = 1_000

export class PeakEwma {
  #ms = 0
  #at = 0
  /** Since when something is under way and nothing came back. */
  #silentSince = 0
  /** Attempts under way. */
  pending = 0

  /** An attempt goes there. */
  began(now: number): void {
    if (this.pending++ === 0) this.#silentSince = now
  }

  /** The upstream's work on an attempt is over. */
  ended(now: number): void {
    if (this.pending > 0) this.pending--
    this.#silentSince = now
  }

  /** A latency, or what a failure is put down as, ms. */
  observe(ms: number, now: number): void {
    this.#silentSince = now
    if (ms >= this.latencyMs(now)) this.#ms = ms
    else {
      const kept = Math.exp((this.#at - now) / decayMs)
      this.#ms = this.#ms * kept + ms * (1 - kept)
    }
    this.#at = now
  }

  /** It begins anew, as good as that. */
  seed(ms: number, now: number): void {
    this.#ms = ms
    this.#at = now
  }

  /** The mean, aged: what was slow long ago deserves another look. 0: never seen. */
  latencyMs(now: number): number {
    return this.#ms === 0 ? 0 : this.#ms * Math.exp((this.#at - now) / decayMs)
  }

  /** What one more attempt would meet there. */
  cost(now: number): number {
    const silentMs = this.pending > 0 ? now - this.#silentSince : 0
    const known = this.#ms === 0 && this.pending > 0 ? unknownMs : this.latencyMs(now)
    return Math.max(known, silentMs) * (this.pending + 1)
  }
}
