// What the endpoints of an upstream are told and what they tell back: plain JSON, because bench and endpoints are two
// processes. Holds no behaviour.

/** How one endpoint behaves. What a change leaves out stays as it was. */
export interface Behaviour {
  /** Mean time in a slot. */
  readonly meanMs: number
  readonly slots: number
  /** The part of the requests answered with `status` instead of being worked on. */
  readonly errorShare: number
  readonly status: number
  /** How long such an error takes; it needs no slot. */
  readonly errorMs: number
  /** Takes requests and never says a word. */
  readonly isSilent: boolean
}

export interface EndpointPlan {
  readonly seed: number
  /** `tailed`: lognormal, and one in a hundred takes fifty times the mean. */
  readonly spread: 'constant' | 'exponential' | 'tailed'
  readonly begins: Partial<Behaviour>
  /** Ascending, counted from the start that the callers announce. */
  readonly changes: readonly ({ readonly atMs: number } & Partial<Behaviour>)[]
}

/**
 * One request as the endpoint saw it, in milliseconds since the start: when it came, when its answer was written (-1:
 * never) and the status.
 */
export type Seen = readonly [arrivedAtMs: number, endedAtMs: number, status: number]

export interface EndpointFigures {
  /** In the order of arrival, from the start on. */
  readonly seen: readonly Seen[]
}

export const healthy: Behaviour = {
  meanMs: 20, slots: 8, errorShare: 0, status: 503, errorMs: 0, isSilent: false,
}
