// Upstreams of the fast simulator. Each keeps an unbounded line inside and goes on working for callers that have left,
// as HTTP/1.1 services do. How much a job is, is drawn by whoever makes the job; how fast it goes is the plant's part.

import type { Schedule } from './schedule.ts'

/** A job in a plant. */
export interface Job {
  /** Work, ms on an idle plant. */
  readonly workMs: number
  finished(now: number): void
}

export interface Plant {
  /** Jobs inside: being worked on or in the plant's own line. */
  readonly inside: number
  start(job: Job, now: number): void
}

/** Slots with one line in front: FIFO-c, a single thread (c = 1), an infinite server (c = Infinity). */
export class SlotPlant implements Plant {
  inside = 0
  /** Every job takes this many times its work; a script may change it. */
  slowness = 1
  /** A stalled plant begins nothing; what runs ends. */
  isStalled = false
  /** Collector-like coupling: each job in the line makes new ones longer by this part. */
  readonly #coupling: number
  readonly #schedule: Schedule
  #slots: number
  #working = 0
  #line: (Job | null)[] = []
  #head = 0

  constructor(schedule: Schedule, slots: number, coupling = 0) {
    this.#schedule = schedule
    this.#slots = slots
    this.#coupling = coupling
  }

  get slots(): number { return this.#slots }

  /** Changes the capacity; jobs being worked on are finished. */
  resize(slots: number, now: number): void {
    this.#slots = slots
    this.nudge(now)
  }

  start(job: Job, now: number): void {
    this.inside++
    this.#line.push(job)
    this.nudge(now)
  }

  /** Begins what can begin, after `isStalled` was taken back. */
  nudge(now: number): void {
    while (!this.isStalled && this.#working < this.#slots && this.#head < this.#line.length) {
      const job = this.#line[this.#head] as Job
      this.#line[this.#head++] = null
      if (this.#head > 1024 && this.#head * 2 > this.#line.length) {
        this.#line = this.#line.slice(this.#head)
        this.#head = 0
      }
      this.#working++
      const longer = 1 + this.#coupling * (this.#line.length - this.#head)
      const end = { happen: (at: number): void => this.#end(job, at) }
      this.#schedule.at(now + job.workMs * this.slowness * longer, end)
    }
  }

  #end(job: Job, now: number): void {
    this.inside--
    this.#working--
    job.finished(now)
    this.nudge(now)
  }
}

/**
 * All jobs share one speed: `speedOf(n)` is the work done per ms with n jobs inside. min(n, c) is processor sharing on
 * c cores; the universal scalability law gives a plant that gets slower when it is pushed.
 */
export class SharedPlant implements Plant {
  slowness = 1
  readonly #schedule: Schedule
  readonly #speedOf: (n: number) => number
  /** Jobs by the shared work at which each is finished: a binary heap. */
  readonly #jobs: { job: Job; doneAt: number }[] = []
  /** Work that every job inside since the start would have received. */
  #shared = 0
  #at = 0
  #version = 0

  constructor(schedule: Schedule, speedOf: (n: number) => number) {
    this.#schedule = schedule
    this.#speedOf = speedOf
  }

  get inside(): number { return this.#jobs.length }

  start(job: Job, now: number): void {
    this.#advance(now)
    this.#push({ job, doneAt: this.#shared + job.workMs * this.slowness })
    this.#plan(now)
  }

  #advance(now: number): void {
    const n = this.#jobs.length
    if (n > 0) this.#shared += (now - this.#at) * this.#speedOf(n) / n
    this.#at = now
  }

  #plan(now: number): void {
    const first = this.#jobs[0]
    const version = ++this.#version
    if (first === undefined) return
    const n = this.#jobs.length
    const restMs = Math.max(0, (first.doneAt - this.#shared) * n / this.#speedOf(n))
    this.#schedule.at(now + restMs, { happen: (at) => { if (version === this.#version) this.#end(at) } })
  }

  #end(now: number): void {
    this.#advance(now)
    const { job } = this.#pop()
    this.#plan(now)
    job.finished(now)
  }

  #push(entry: { job: Job; doneAt: number }): void {
    const heap = this.#jobs
    let i = heap.push(entry) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      const above = heap[parent] as { job: Job; doneAt: number }
      if (above.doneAt <= entry.doneAt) break
      heap[i] = above
      i = parent
    }
    heap[i] = entry
  }

  #pop(): { job: Job; doneAt: number } {
    const heap = this.#jobs
    const first = heap[0] as { job: Job; doneAt: number }
    const last = heap.pop() as { job: Job; doneAt: number }
    if (heap.length === 0) return first
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      const right = heap[child + 1]
      if (right !== undefined && right.doneAt < (heap[child] as { doneAt: number }).doneAt) child++
      const next = heap[child] as { job: Job; doneAt: number }
      if (next.doneAt >= last.doneAt) break
      heap[i] = next
      i = child
    }
    heap[i] = last
    return first
  }
}

/** Speed by the universal scalability law, jobs' work per ms. */
export function scalability(contention: number, coherence: number): (n: number) => number {
  return (n) => n / (1 + contention * (n - 1) + coherence * n * (n - 1))
}

/** A service in front of which a cache stands: misses cost the whole work and fill it, hits next to nothing. */
export class CachePlant implements Plant {
  readonly #behind: Plant
  readonly #random: () => number
  readonly #keys: number
  readonly #hitPart: number
  #filled = 0

  /** `keys`: how many jobs fill the cache; `hitPart`: the part of the work that a hit costs. */
  constructor(behind: Plant, random: () => number, keys: number, hitPart: number) {
    this.#behind = behind
    this.#random = random
    this.#keys = keys
    this.#hitPart = hitPart
  }

  get inside(): number { return this.#behind.inside }

  /** Loses the part [0, 1] of what is cached. */
  lose(part: number): void { this.#filled *= 1 - part }

  start(job: Job, now: number): void {
    const isHit = this.#random() < this.#filled / this.#keys
    const workMs = isHit ? job.workMs * this.#hitPart : job.workMs
    this.#behind.start({
      workMs,
      finished: (at) => {
        if (!isHit && this.#filled < this.#keys) this.#filled++
        job.finished(at)
      },
    }, now)
  }
}

export interface Distance {
  /** There and back. */
  readonly awayMs: number
  /** How coarse the timers are that end the work, 0 for exact ones. */
  readonly tickMs: number
  /** What the service draws as the work of a job, whatever its caller drew. */
  readonly workMs: () => number
}

/** A service in a process of its own: it draws its work itself, and its answers come a little later. */
export class DistantPlant implements Plant {
  readonly #behind: Plant
  readonly #schedule: Schedule
  readonly #distance: Distance

  constructor(schedule: Schedule, behind: Plant, distance: Distance) {
    this.#schedule = schedule
    this.#behind = behind
    this.#distance = distance
  }

  get inside(): number { return this.#behind.inside }

  start(job: Job, now: number): void {
    const { awayMs, tickMs, workMs } = this.#distance
    this.#behind.start({
      workMs: workMs(),
      finished: (at) => {
        const saidAt = tickMs > 0 ? Math.ceil(at / tickMs) * tickMs : at
        this.#schedule.call(saidAt + awayMs, (arrivedAt) => { job.finished(arrivedAt) })
      },
    }, now)
  }
}

/** A single thread that computes, waits for something else, and computes again: a Node service. */
export class NodePlant implements Plant {
  inside = 0
  /** What it waits for takes this long. */
  waitMs: number
  readonly #schedule: Schedule
  readonly #thread: SlotPlant

  constructor(schedule: Schedule, waitMs: number) {
    this.#schedule = schedule
    this.#thread = new SlotPlant(schedule, 1)
    this.waitMs = waitMs
  }

  start(job: Job, now: number): void {
    this.inside++
    const half = job.workMs / 2
    const second: Job = { workMs: half, finished: (at) => { this.inside--; job.finished(at) } }
    const begin = (at: number): void => this.#thread.start(second, at)
    const wait = (at: number): void => this.#schedule.call(at + this.waitMs, begin)
    this.#thread.start({ workMs: half, finished: wait }, now)
  }
}
