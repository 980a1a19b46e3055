// How fast a line moves: the mean time between two permits that come free while somebody wants one. It predicts waits;
// it knows nothing of who waits.

/** Gaps remembered, as the weight of an exponential mean: enough to smooth chance, few enough to follow a change. */
const memory = 32

/** A silence of this many gaps says that the line moves slower than it did. */
const patience = 8

export class DrainRate {
  #gapMs = 0
  #count = 0
  #lastAt = -1

  /** Somebody wants one from now on, and nobody did before: the silence until now says nothing. */
  wanted(now: number): void { this.#lastAt = now }

  /** A permit came free; `isWanted`: somebody has wanted one ever since the last call of either. */
  freed(isWanted: boolean, now: number): void {
    if (isWanted && this.#lastAt >= 0) {
      this.#count = Math.min(this.#count + 1, memory)
      this.#gapMs += (now - this.#lastAt - this.#gapMs) / this.#count
    }
    this.#lastAt = now
  }

  /** Whether enough has been seen to predict with. */
  get isKnown(): boolean { return this.#count >= patience }

  /** Mean time until the next permit comes free, ms; longer when nothing has come for a while. */
  gapMs(now: number): number {
    return Math.max(this.#gapMs, (now - this.#lastAt) / patience)
  }
}
