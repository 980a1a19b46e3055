// How uneven answers are: the squared coefficient of variation of the latest windows. It says how many answers make a
// mean that can be relied on. A window in which the mean itself moved looks uneven, too; the next ones correct it.

/** The weight of one window. */
const weight = 0.3

/** Even answers still come at uneven times; and a single wild one must not stop all learning. */
const least = 0.5
const most = 8

export class Spread {
  /** Variance over squared mean: 1 where times are exponential. At first more is assumed than is likely. */
  ratio = 2
  #count = 0
  #sum = 0
  #squares = 0

  learn(valueMs: number): void {
    this.#count++
    this.#sum += valueMs
    this.#squares += valueMs * valueMs
  }

  /** A window is over. */
  close(): void {
    if (this.#count > 1 && this.#sum > 0) {
      const seen = Math.min(most, Math.max(least, this.#count * this.#squares / (this.#sum * this.#sum) - 1))
      this.ratio += weight * (seen - this.ratio)
    }
    this.#count = 0
    this.#sum = 0
    this.#squares = 0
  }
}
