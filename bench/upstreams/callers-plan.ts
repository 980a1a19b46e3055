// What the callers of an upstream are told and what they tell back: plain JSON, because callers and experiment are two
// processes. Holds no behaviour.
import type { LatencySummary, Moment } from '../generator/plan.ts'

export interface CallersPlan {
  /** Each call goes to the next of these, and so does its repetition. */
  readonly ports: readonly number[]
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly ratePerSecond: number
  readonly seed: number
  readonly durationMs: number
  /** When a caller gives an attempt up. */
  readonly attemptMs: number
  /** 1: nobody tries again. Repetitions follow at once, whatever befell the attempt before. */
  readonly maxAttempts: number
  readonly momentMs: number
  /** Where the endpoints are told that it begins. */
  readonly controlPort?: number
}

export interface CallersReport {
  readonly calls: number
  /** Attempts the callers made. */
  readonly attempts: number
  /** Calls with a 2xx, from the intended moment to the last byte of the answer that counted. */
  readonly ok: LatencySummary
  /** Calls by what their last attempt came to: the status, with the code of a refusal, `timeout` or `broken`. */
  readonly endings: Readonly<Record<string, number>>
  /** Calls by when they were due. */
  readonly series: readonly Moment[]
  /** How late the callers themselves were. */
  readonly lateness: LatencySummary
}
