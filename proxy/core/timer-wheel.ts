// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// Many timers over one: buckets of one millisecond, each a ring that a timer leaves in O(1). Nearly every timer of a
// proxy is taken back long before it is due, so making and clearing must cost next to nothing, and a timer that was
// cleared must leave nothing behind.

import type { Timer } from './clock.ts'

/** Asks to be woken once, `delayMs` from now (below zero: it is so late). A later call replaces an earlier one. */
export type Alarm = (delayMs: number) => void

class WheelTimer implements Timer {
  dueAt: number
  fire: (() => void) | null
  previous: WheelTimer
  next: WheelTimer

  constructor(dueAt: number, fire: (() => void) | null) {
    this.dueAt = dueAt
    this.fire = fire
    this.previous = this
    this.next = this
  }

  clear(): void {
    if (this.fire === null) return
    this.fire = null
    const { previous, next } = this
    previous.next = next
    next.previous = previous
    this.previous = this.next = this
  }
}

/** Timers that are due in the same millisecond: a ring around a head that never fires. */
interface Bucket {
  readonly tick: number
  readonly head: WheelTimer
}

export class TimerWheel {
  readonly #now: () => number
  readonly #alarm: Alarm
  readonly #buckets = new Map<number, Bucket>()
  /** The buckets by their tick, the earliest at the root of a binary heap. */
  readonly #heap: Bucket[] = []
  /** The tick that the alarm is set for. */
  #alarmTick = Infinity

  constructor(now: () => number, alarm: Alarm) {
    this.#now = now
    this.#alarm = alarm
  }

  /** A timer that fires once, never early and at most a tick late by its own doing. */
  after(delayMs: number, fire: () => void): Timer {
    const dueAt = this.#now() + Math.max(0, delayMs)
    const timer = new WheelTimer(dueAt, fire)
    const tick = Math.ceil(dueAt)
    let bucket = this.#buckets.get(tick)
    if (bucket === undefined) {
      bucket = { tick, head: new WheelTimer(tick, null) }
      this.#buckets.set(tick, bucket)
      this.#push(bucket)
      if (tick < this.#alarmTick) this.#setAlarm(tick)
    }
    const { head } = bucket
    timer.previous = head.previous
    timer.next = head
    head.previous.next = timer
    head.previous = timer
    return timer
  }

  /**
   * Fires what is due by now, in the order of milliseconds and of making, and sets the alarm for what comes next. What
   * falls due meanwhile is that: whoever stood still in here would else find every timer elapsed, and no input read.
   */
  ring(): void {
    const now = this.#now()
    this.#alarmTick = Infinity
    for (let bucket = this.#heap[0]; bucket !== undefined; bucket = this.#heap[0]) {
      const isEmpty = bucket.head.next === bucket.head
      if (!isEmpty && bucket.tick > now) break
      this.#pop()
      this.#buckets.delete(bucket.tick)
      for (let timer = bucket.head.next; timer !== bucket.head; timer = bucket.head.next) {
        const { fire } = timer
        timer.clear()
        fire?.()
      }
    }
    const first = this.#heap[0]
    if (first !== undefined && first.tick < this.#alarmTick) this.#setAlarm(first.tick)
  }

  #setAlarm(tick: number): void {
    this.#alarmTick = tick
    this.#alarm(tick - this.#now())
  }

  #push(bucket: Bucket): void {
    const heap = this.#heap
    let i = heap.push(bucket) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if ((heap[parent] as Bucket).tick <= bucket.tick) break
      heap[i] = heap[parent] as Bucket
      i = parent
    }
    heap[i] = bucket
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Bucket
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && (heap[child + 1] as Bucket).tick < (heap[child] as Bucket).tick) child++
      if ((heap[child] as Bucket).tick >= last.tick) break
      heap[i] = heap[child] as Bucket
      i = child
    }
    heap[i] = last
  }
}
