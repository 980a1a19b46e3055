// The heart of the fast simulator: what happens next. A binary heap on (time, order), synchronous, without promises and
// without a closure an event, so that millions of events take seconds.

/** Something that can be made to happen at a time. */
export interface Happening {
  happen(now: number): void
}

export class Schedule {
  now = 0
  /** Events so far. */
  happened = 0
  #order = 0
  #size = 0
  #times = new Float64Array(1024)
  #orders = new Float64Array(1024)
  readonly #whats: Happening[] = []

  /** Makes `what` happen at `at`, clock ms; events of one time happen in the order of their making. */
  at(at: number, what: Happening): void {
    if (this.#size === this.#times.length) this.#grow()
    const order = this.#order++
    const times = this.#times
    const orders = this.#orders
    const whats = this.#whats
    let i = this.#size++
    while (i > 0) {
      const parent = (i - 1) >> 1
      // A new event has the highest order of all, so equal times stay where they are.
      if ((times[parent] as number) <= at) break
      times[i] = times[parent] as number
      orders[i] = orders[parent] as number
      whats[i] = whats[parent] as Happening
      i = parent
    }
    times[i] = at
    orders[i] = order
    whats[i] = what
  }

  /** Calls `run` at `at`: for scripts, not for the many. */
  call(at: number, run: (now: number) => void): void {
    this.at(at, { happen: run })
  }

  /** Lets everything happen that is due until `until`, and stops there. */
  runUntil(until: number): void {
    while (this.#size > 0 && (this.#times[0] as number) <= until) {
      this.now = this.#times[0] as number
      const what = this.#whats[0] as Happening
      this.#removeFirst()
      this.happened++
      what.happen(this.now)
    }
    this.now = Math.max(this.now, until)
  }

  #removeFirst(): void {
    const size = --this.#size
    const times = this.#times
    const orders = this.#orders
    const whats = this.#whats
    const time = times[size] as number
    const order = orders[size] as number
    const what = whats[size] as Happening
    whats.length = size
    if (size === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= size) break
      const right = child + 1
      if (right < size && this.#isBefore(right, times[child] as number, orders[child] as number)) child = right
      if (!this.#isBefore(child, time, order)) break
      times[i] = times[child] as number
      orders[i] = orders[child] as number
      whats[i] = whats[child] as Happening
      i = child
    }
    times[i] = time
    orders[i] = order
    whats[i] = what
  }

  #isBefore(i: number, time: number, order: number): boolean {
    const other = this.#times[i] as number
    return other < time || (other === time && (this.#orders[i] as number) < order)
  }

  #grow(): void {
    const times = new Float64Array(2 * this.#times.length)
    const orders = new Float64Array(times.length)
    times.set(this.#times)
    orders.set(this.#orders)
    this.#times = times
    this.#orders = orders
  }
}
