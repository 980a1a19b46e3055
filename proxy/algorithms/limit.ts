// What a learned concurrency limit is: something that is told how many attempts are in flight and how they ended, and
// that answers with one number. It neither queues nor refuses; that is the admission's part.

import type { Lesson } from '../core/outcome-matrix.ts'

/** The columns of the outcome matrix that a limit reads; of the breaker's only that an attempt was given up early. */
export type LimitLesson = Pick<Lesson, 'sample' | 'brake' | 'breaker'>

/** Learns how many attempts an upstream can use at once. Every method is O(1), allocates nothing and takes `now`. */
export interface Limit {
  /** Attempts that may be in flight: a float, so that small steps add up; the admission uses its whole part. */
  readonly limit: number
  /** How long an answer takes without a line inside the upstream, ms; 0 while nothing is known. */
  readonly baselineMs: number
  /**
   * After every change of either: attempts in flight that count for latency, and whether the limit is binding (it is
   * reached, and somebody waits for it or was refused because of it).
   */
  observe(inFlight: number, isBinding: boolean, now: number): void
  /** A dispatched attempt ended after `latencyMs`. What was refused before it was sent must not be told. */
  learn(lesson: LimitLesson, latencyMs: number, now: number): void
}

/** Bounds of a limit and where it starts. */
export interface LimitBounds {
  /** First limit, attempts. 10: safe in front of a single thread, and a hundred is six steps away. */
  readonly initial: number
  /** At least one: with none in flight nothing could be learned. */
  readonly min: number
  readonly max: number
}

export interface ProbingOptions extends LimitBounds {
  /** The shortest window, ms: below it the clock and the event loop are the noise. */
  readonly minWindowMs: number
}

/** One attempt being worked on and one on the wire; what the sockets and memory of a sidecar bear. */
export const defaultLimitBounds: LimitBounds = { initial: 10, min: 2, max: 1024 }

export const defaultLearning: ProbingOptions = { ...defaultLimitBounds, minWindowMs: 20 }

/** No limit at all, and nothing learned. */
export const unlimited: Limit = {
  limit: Infinity,
  baselineMs: 0,
  observe() { /* There is nothing to learn for. */ },
  learn() { /* As above. */ },
}
