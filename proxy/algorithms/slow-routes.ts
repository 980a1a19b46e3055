// Which routes of an upstream are so much slower than the rest that their latency says nothing about its load: those
// whose median is over ten times the upstream's. Their permits count, their latency teaches nothing.

/** A median this many times the upstream's. */
const slowFactor = 10

/** Below this many answers a median is a guess. */
const fewest = 20

/** One step of the estimate, as a part of it: half a per cent follows a change within some hundred answers. */
const step = 0.05

/** A median that follows by small steps: up when the sample lies above it, down when below. */
class RunningMedian {
  valueMs = 0
  count = 0

  learn(sampleMs: number): void {
    this.count++
    if (this.count === 1) this.valueMs = sampleMs
    // Wide steps at first, so that a first sample far off is soon forgotten.
    const part = Math.max(step, 1 / this.count)
    if (sampleMs > this.valueMs) this.valueMs *= 1 + part
    else if (sampleMs < this.valueMs) this.valueMs /= 1 + part
  }
}

export class SlowRoutes {
  readonly #all = new RunningMedian()
  readonly #routes: RunningMedian[] = []

  /** An answer of the route with this number (small, from 0) took so long. */
  learn(route: number, latencyMs: number): void {
    while (this.#routes.length <= route) this.#routes.push(new RunningMedian())
    ;(this.#routes[route] as RunningMedian).learn(latencyMs)
    this.#all.learn(latencyMs)
  }

  isSlow(route: number): boolean {
    const own = this.#routes[route]
    if (own === undefined || own.count < fewest || this.#routes.length < 2) return false
    return own.valueMs > slowFactor * this.#all.valueMs
  }
}
