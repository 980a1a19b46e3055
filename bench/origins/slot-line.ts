// Slots behind one unbounded line, reckoned in the exact times of their work: a slot takes the next job at the moment
// its last one was done, not when a timer came round to saying so. So the capacity is the nominal one, to the job, on
// any machine; only answers may be a timer's lateness late. Reads no clock.

interface Running {
  readonly endsAtMs: number
  readonly finish: () => void
}

interface Waiting {
  readonly arrivedAtMs: number
  readonly finish: () => void
}

export interface SlotLineOptions {
  readonly slots: number
  readonly meanMs: number
  /** Work of the next job as a multiple of the mean. */
  readonly nextTime: () => number
}

export class SlotLine {
  readonly #nextTime: () => number
  #slots: number
  #meanMs: number
  #running: Running[] = []
  readonly #line: Waiting[] = []
  /** Of the line's first; what stands before it is gone. Cut off now and then. */
  #head = 0

  constructor({ slots, meanMs, nextTime }: SlotLineOptions) {
    this.#slots = slots
    this.#meanMs = meanMs
    this.#nextTime = nextTime
  }

  get inService(): number { return this.#running.length }
  get queued(): number { return this.#line.length - this.#head }

  /** When the next job is done; Infinity without one. */
  get nextEndMs(): number {
    return this.#running.reduce((soonest, { endsAtMs }) => Math.min(soonest, endsAtMs), Infinity)
  }

  arrive(finish: () => void, nowMs: number): void {
    this.advance(nowMs)
    if (this.#running.length < this.#slots) this.#begin(finish, nowMs)
    else this.#line.push({ arrivedAtMs: nowMs, finish })
  }

  /** Does all that is due until `nowMs`, in the order of its time. */
  advance(nowMs: number): void {
    for (;;) {
      const endMs = this.nextEndMs
      if (endMs > nowMs) return
      const index = this.#running.findIndex(({ endsAtMs }) => endsAtMs === endMs)
      const [done] = this.#running.splice(index, 1)
      this.#fill(endMs)
      done?.finish()
    }
  }

  /** Slots that are taken away finish what they are at; a new mean holds for work not yet begun. */
  change({ slots, meanMs }: { readonly slots?: number, readonly meanMs?: number }, nowMs: number): void {
    this.advance(nowMs)
    this.#slots = slots ?? this.#slots
    this.#meanMs = meanMs ?? this.#meanMs
    this.#fill(nowMs)
  }

  #fill(atMs: number): void {
    while (this.#running.length < this.#slots) {
      const next = this.#line[this.#head]
      if (next === undefined) break
      this.#head++
      this.#begin(next.finish, Math.max(atMs, next.arrivedAtMs))
    }
    if (this.#head > 1024 && this.#head * 2 > this.#line.length) {
      this.#line.splice(0, this.#head)
      this.#head = 0
    }
  }

  #begin(finish: () => void, atMs: number): void {
    this.#running.push({ endsAtMs: atMs + this.#meanMs * this.#nextTime(), finish })
  }
}
