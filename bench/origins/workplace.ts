// What a service of an overload experiment is made of, and how it becomes another one mid-run: plain JSON, because
// bench and service are two processes. Holds no behaviour.

/** Slots that work off one unbounded line, first come first served; a stand-in for threads, connections, a pool. */
export interface SlotsShape {
  readonly kind: 'slots'
  readonly slots: number
  /** Mean time in a slot. */
  readonly meanMs: number
  /** `constant` is exactly the mean each time. */
  readonly spread: 'exponential' | 'constant'
  readonly seed: number
}

/** One thread that is busy with one request at a time. */
export interface BusyShape {
  readonly kind: 'busy'
  readonly workMs: number
}

/** From `atMs` after the first request on. What a change leaves out stays as it was. */
export interface Change {
  readonly atMs: number
  readonly slots?: number
  readonly meanMs?: number
  readonly workMs?: number
}

export interface ServicePlan {
  readonly shape: SlotsShape | BusyShape
  readonly changes: readonly Change[]
}

/** Works off jobs in the order they came, without bound and for whoever asked, whether or not he still waits. */
export interface Workplace {
  readonly inService: number
  readonly queued: number
  arrive(finish: () => void): void
  change(change: Change): void
}

export interface ServiceSample {
  /** Since the first request. */
  readonly atMs: number
  readonly inService: number
  readonly queued: number
  /** Since the last sample. */
  readonly finished: number
}

export interface ServiceFigures {
  /** When the first request came, in milliseconds since 1970; 0 before. */
  readonly startedAtMs: number
  readonly samples: readonly ServiceSample[]
  readonly arrived: number
  readonly finished: number
  /** Of these, for callers that had left. */
  readonly inVain: number
}
