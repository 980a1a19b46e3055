// Time that only moves when the world says so: timers are fired in the order of their due times, and of their making
// where those are equal, so a run with a seed is the same run every time.

import type { Clock, Timer } from '../../proxy/core/clock.ts'

class VirtualTimer implements Timer {
  readonly dueAt: number
  readonly order: number
  fire: (() => void) | null
  constructor(dueAt: number, order: number, fire: () => void) {
    this.dueAt = dueAt
    this.order = order
    this.fire = fire
  }
  clear(): void { this.fire = null }
}

export class VirtualClock implements Clock {
  #now = 0
  #order = 0
  readonly #heap: VirtualTimer[] = []

  now(): number { return this.#now }

  /** A step that somebody made the wall clock take. */
  wallStepMs = 0

  wallMs(): number { return this.#now + this.wallStepMs }

  /** The loop is held up for so long: what was due meanwhile comes late, and in its order. */
  skip(ms: number): void { this.#now += ms }

  after(delayMs: number, fire: () => void): Timer {
    const timer = new VirtualTimer(this.#now + Math.max(0, delayMs), this.#order++, fire)
    this.#push(timer)
    return timer
  }

  endOfTurn(fire: () => void): void { this.after(0, fire) }

  /** Timers that are still to fire. */
  get pending(): number { return this.#heap.filter((timer) => timer.fire !== null).length }

  /** Fires everything due until `untilMs`, letting promises settle after each, and stops there. */
  async run(untilMs: number): Promise<void> {
    await settle()
    for (;;) {
      const timer = this.#heap[0]
      if (timer === undefined || timer.dueAt > untilMs) break
      this.#pop()
      if (timer.fire === null) continue
      this.#now = Math.max(this.#now, timer.dueAt)
      timer.fire()
      await settle()
    }
    this.#now = Math.max(this.#now, untilMs)
  }

  #push(timer: VirtualTimer): void {
    const heap = this.#heap
    let i = heap.push(timer) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(timer, heap[parent] as VirtualTimer)) break
      heap[i] = heap[parent] as VirtualTimer
      i = parent
    }
    heap[i] = timer
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as VirtualTimer
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as VirtualTimer, heap[child] as VirtualTimer)) child++
      if (!isBefore(heap[child] as VirtualTimer, last)) break
      heap[i] = heap[child] as VirtualTimer
      i = child
    }
    heap[i] = last
  }
}

function isBefore(a: VirtualTimer, b: VirtualTimer): boolean {
  return a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.order < b.order)
}

/** One real turn of the event loop: every promise that can settle has settled. No real I/O exists in a world. */
function settle(): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve) })
}
