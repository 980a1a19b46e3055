// What the load generator is told and what it tells back: plain JSON, because generator and experiment are two
// processes. Holds no behaviour.

export interface RequestShape {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is, with its content-length. */
  readonly body?: string
  /** Name of a field that gets another value with each request, never one that was sent before. */
  readonly freshField?: string
}

interface CommonPlan {
  readonly host: string
  readonly port: number
  readonly request: RequestShape
  /** Sent but not counted. */
  readonly warmUpMs: number
  /** The measured time, after the warm-up. */
  readonly durationMs: number
  /** A request that has no complete answer by then counts as `timeout`, timed at exactly this value. */
  readonly deadlineMs: number
  /** Process whose CPU time and memory are read at the edges of the measured time. */
  readonly watchPid?: number
}

/** Requests leave when the schedule says so, whether or not earlier ones were answered. */
export interface OpenLoopPlan extends CommonPlan {
  readonly kind: 'open'
  readonly ratePerSecond: number
  readonly arrivals: 'poisson' | 'constant'
  readonly seed: number
  /** Changes of the rate, ascending; before the first of them `ratePerSecond` holds. Poisson arrivals only. */
  readonly steps?: readonly RateStep[]
  /**
   * `thrifty` never spins towards the next arrival and wakes at most every half millisecond: later by as much, and a
   * fraction of the CPU time at high rates. Default: `exact`.
   */
  readonly pacing?: 'exact' | 'thrifty'
  /** Length of a moment of the report's series; without it there is no series. */
  readonly momentMs?: number
  /** Opened before the first request. */
  readonly connections: number
  /** More are opened while requests wait, up to this many; beyond it requests wait, and their waiting counts. */
  readonly maxConnections: number
}

export interface RateStep {
  /** From the start, warm-up included. */
  readonly fromMs: number
  readonly perSecond: number
}

/** Every connection sends its next request when the last one was answered: for cost per request, never for latency. */
export interface ClosedLoopPlan extends CommonPlan {
  readonly kind: 'closed'
  readonly connections: number
}

export type LoadPlan = OpenLoopPlan | ClosedLoopPlan

/** `5xx` is without 503, `4xx` without 429; `other` is 1xx and 3xx. A status counts when the answer is complete. */
export const outcomeKinds = [
  '2xx', '4xx', '429', '503', '5xx', 'other', 'timeout', 'connection-error',
] as const
export type OutcomeKind = typeof outcomeKinds[number]

/** Milliseconds with the microseconds (and below) kept as fractions. */
export interface LatencySummary {
  readonly count: number
  readonly minMs: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

export interface LoadReport {
  /** Arrivals the schedule held in the measured time; in the closed loop, requests sent in it. */
  readonly offered: number
  /** Of these, how many were written to a connection. */
  readonly started: number
  /** Of these, how many got a complete answer. */
  readonly finished: number
  /** From the intended moment of sending to the last byte of the answer, each outcome apart. Never merged. */
  readonly outcomes: Partial<Record<OutcomeKind, LatencySummary>>
  /** Actual minus intended moment of sending: what the generator itself adds. Empty in the closed loop. */
  readonly lateness: LatencySummary
  /** Requests that found no free connection when they were due. */
  readonly waitedForConnection: number
  readonly peakConnections: number
  readonly measuredMs: number
  /** Of the refusals among `outcomes`: those decided when the request came, and those it waited for. */
  readonly refusals?: Readonly<Partial<Record<RefusalKind, LatencySummary>>>
  /** How many refusals gave which code; those without one stand under the empty one. */
  readonly refusalCodes?: Readonly<Record<string, number>>
  /** When the schedule began, in milliseconds since 1970, so that others can lay their own series beside ours. */
  readonly startedAtMs?: number
  readonly series?: readonly Moment[]
  readonly watched?: WatchedFigures
}

export const refusalKinds = ['on-arrival', 'from-queue'] as const
export type RefusalKind = typeof refusalKinds[number]

/**
 * What became of the requests that were due in one short stretch of time, warm-up included. What is missing between
 * the sum of the others and `offered` never was: every request ends in one of them.
 */
export interface Moment {
  /** From the start of the schedule to the beginning of the moment. */
  readonly atMs: number
  readonly offered: number
  /** Answered with a 2xx before the deadline. */
  readonly ok: number
  /** No complete answer at the deadline. */
  readonly late: number
  readonly refused: number
  /** Another status, or a broken connection. */
  readonly failed: number
  /** Of those that are `ok`; 0 when there are none. */
  readonly p99Ms: number
}

export interface WatchedFigures {
  /** User and system time of the process, its threads and its children, over the measured time. */
  readonly cpuMs: number
  readonly memory: MemoryFigures
}

/** Read while the connections are still open. */
export interface MemoryFigures {
  readonly rssBytes: number
  readonly pssBytes: number
  readonly anonymousBytes: number
}
