// A workplace that is one thread: each job keeps this process from everything else for its time, and between two jobs
// the loop gets one turn, so that what has arrived is read and stands in line here and not in the sockets. The work is
// timed by the clock: an experiment gives this process a core of its own, or its capacity is nobody's guess.
import type { BusyShape, Change, Workplace } from './workplace.ts'

export class BusyThread implements Workplace {
  readonly #line: (() => void)[] = []
  #head = 0
  #workMs: number
  #isWorking = false

  constructor({ workMs }: BusyShape) {
    this.#workMs = workMs
  }

  get inService(): number { return this.#isWorking ? 1 : 0 }
  get queued(): number { return this.#line.length - this.#head - this.inService }

  arrive(finish: () => void): void {
    this.#line.push(finish)
    if (this.#isWorking) return
    this.#isWorking = true
    setImmediate(this.#workOne)
  }

  change({ workMs }: Change): void {
    this.#workMs = workMs ?? this.#workMs
  }

  #workOne = (): void => {
    const endsAtMs = performance.now() + this.#workMs
    while (performance.now() < endsAtMs);
    this.#line[this.#head++]?.()
    if (this.#head < this.#line.length) {
      setImmediate(this.#workOne)
      return
    }
    this.#isWorking = false
    this.#line.length = 0
    this.#head = 0
  }
}
