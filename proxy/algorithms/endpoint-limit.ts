// HOT PATH — runs for every attempt. Rules: docs/decisions/0004.
// What one endpoint of an upstream can use: its own learned limit, and how many permits are in use there. It is one
// summand of endpoint-limits.ts, and refuses nobody: who is sent where is the balancer's part.

import type { LimitLesson, ProbingOptions } from './limit.ts'
import { ProbingLimit } from './probing-limit.ts'

/** What the endpoints of one upstream have in common. */
export interface LimitSum {
  /** Whether the learned limit counts at all. */
  readonly isOn: boolean
  /** Whether each endpoint hears of its own permits only: not where there is but one. */
  readonly isSplit: boolean
  /** The sum is reached, and somebody waits for it or was refused because of it. */
  readonly isBinding: boolean
  /** A summand has become more, or less by a negative number. */
  add(change: number): void
  /** What is learned of one of them is another. */
  relearned(): void
}

/** Where an endpoint that is new or back begins, attempts. */
const leastRising = 2

export class EndpointLimit {
  learned: ProbingLimit
  /** Permits in use here, and those of them whose latency says nothing about the endpoint. */
  inUse = 0
  #aside = 0
  /** Attempts are sent here as a matter of course: it is in, and its tier is the one that is asked. */
  isAsked = true
  /** It is one of the upstream's; one that is no more may still have attempts under way. */
  isHere = false
  /** Coming back: every good answer makes room for one more, until the learned limit is reached. Infinity: it is. */
  #rising = Infinity
  /** The balancer would have sent somebody here, and it was full. */
  #isWanted = false
  readonly #sum: LimitSum
  /** What it adds to the sum at present. */
  #counted = 0

  constructor(options: ProbingOptions, sum: LimitSum) {
    this.learned = new ProbingLimit(options)
    this.#sum = sum
  }

  /** Permits that may be in use here at once. */
  get capacity(): number { return Math.min(Math.floor(this.learned.limit), this.#rising) }

  /** The same, where anybody is sent. */
  get usable(): number { return this.isAsked && this.isHere ? this.capacity : 0 }

  /**
   * Permits in use over what the balancer may send here; below 0: there is room. While nobody waits for the sum that is
   * a little more than the limit: chance has put some more here, and the next best may be much worse.
   */
  get over(): number {
    if (!this.#sum.isOn) return -1
    const { capacity } = this
    const isStrict = this.#sum.isBinding || this.#rising !== Infinity
    return this.inUse - capacity - (isStrict ? 0 : Math.floor(Math.sqrt(capacity)))
  }

  /** It begins as these options say; `baselineMs`: what its peers take, 0 while nobody knows. */
  begin(options: ProbingOptions, baselineMs: number): void {
    this.learned = new ProbingLimit(options)
    if (baselineMs > 0) this.learned.trust(baselineMs)
    this.recount()
  }

  /** It is new among others, or back: what it can use is shown by its answers. */
  rise(): void {
    this.#rising = leastRising
    this.recount()
  }

  /** Whether attempts are sent here as a matter of course from now on. */
  ask(isAsked: boolean): void {
    this.isAsked = isAsked
    this.recount()
  }

  /** Whether it is one of the upstream's from now on. */
  stay(isHere: boolean): void {
    this.isHere = isHere
    this.recount()
  }

  /** A permit is used here. */
  take(now: number): void {
    this.inUse++
    this.tell(now)
  }

  /** It is used here no more. */
  leave(now: number): void {
    this.inUse--
    this.tell(now)
  }

  /** Counts one more (or less, by -1) permit whose latency is kept out of what the limit learns. */
  setAside(change: 1 | -1, now: number): void {
    this.#aside += change
    this.tell(now)
  }

  /** Somebody would have come here, and there was no room. */
  turnedAway(now: number): void {
    if (this.#isWanted) return
    this.#isWanted = true
    this.tell(now)
  }

  /** A dispatched attempt ended here after `latencyMs`. */
  learn(lesson: LimitLesson, latencyMs: number, now: number): void {
    if (!this.#sum.isOn) return
    const { learned } = this
    const { limit, baselineMs } = learned
    learned.learn(lesson, latencyMs, now)
    if (this.#rising !== Infinity && lesson.sample === 'yes') this.#rises()
    if (limit === learned.limit && baselineMs === learned.baselineMs) return
    this.recount()
    this.#sum.relearned()
  }

  /** Tells the limit what is in flight, after every change of it. */
  tell(now: number): void {
    if (!this.#sum.isSplit) return
    this.recount()
    const over = this.inUse - this.capacity
    if (over < 0) this.#isWanted = false
    // On its way up it is not the learned limit that binds.
    const isBinding = over >= 0 && this.#rising === Infinity && (this.#isWanted || this.#sum.isBinding)
    this.learned.observe(this.inUse - this.#aside, isBinding, now)
  }

  /** More than it can use, or whatever is in use where nobody is asked, takes no room from the others. */
  recount(): void {
    const counts = Math.max(this.usable, this.inUse)
    if (counts === this.#counted) return
    this.#sum.add(counts - this.#counted)
    this.#counted = counts
  }

  #rises(): void {
    if (++this.#rising >= this.learned.limit) this.#rising = Infinity
    this.recount()
  }
}
