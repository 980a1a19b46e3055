// What policies count and show that does not follow from outcomes: counters bound to their labels when a configuration
// loads, gauges that are read when somebody looks. The names are a closed list; how a page comes of them is observe's.

/** Every family that policies fill. Their labels come from configuration and closed sets, never from a request. */
export const policyFamilies = {
  seawall_limit: { type: 'gauge', help: 'Permits of an upstream that may be in use at once.' },
  seawall_limit_baseline_seconds: { type: 'gauge', help: 'What an answer takes without a queue, as learned.' },
  seawall_breaker_state: { type: 'gauge', help: '0 closed, 1 half-open, 2 open.' },
  seawall_breaker_transitions_total: { type: 'counter', help: 'Changes of state of a breaker, by reason.' },
  seawall_endpoint_ejected: { type: 'gauge', help: '1 while an endpoint gets no calls.' },
  seawall_retries_total: { type: 'counter', help: 'Attempts sent again, by what had befallen the one before.' },
  seawall_retry_budget: { type: 'gauge', help: 'Retries that the budget would pay for now.' },
  seawall_hedges_total: { type: 'counter', help: 'Hedges sent, by whether their answer was used.' },
  seawall_fallbacks_total: { type: 'counter', help: 'Answers put in the place of a failure, by kind.' },
  seawall_rate_limit_total: { type: 'counter', help: 'Decisions of a rate limit.' },
  seawall_deadline_ignored_total: { type: 'counter', help: 'Deadline fields that were none, or above the route.' },
  seawall_priority_ignored_total: { type: 'counter', help: 'Priority fields that were none, or above the route.' },
  seawall_idempotency_total: { type: 'counter', help: 'Requests with a key, by what became of them.' },
  seawall_idempotency_records: { type: 'gauge', help: 'Records in the store, by state.' },
  seawall_idempotency_bytes: { type: 'gauge', help: 'What the records take up.' },
  seawall_idempotency_waiters: { type: 'gauge', help: 'Requests that wait for the answer of another.' },
  seawall_idempotency_oldest_in_flight_seconds: { type: 'gauge', help: 'Age of the oldest claim without an outcome.' },
  seawall_idempotency_doubts_total: { type: 'counter', help: 'Keys whose outcome nobody knows, by reason.' },
  seawall_idempotency_late_answers_total: { type: 'counter', help: 'Answers recorded after nobody waited for them.' },
  seawall_idempotency_fenced_total: { type: 'counter', help: 'Words on a key that another has taken over.' },
  seawall_idempotency_clock_jumps_total: { type: 'counter', help: 'Jumps of the clock that expiry did not follow.' },
  seawall_idempotency_store_seconds: { type: 'histogram', help: 'Time of one operation on the store.' },
  seawall_store_up: { type: 'gauge', help: '1 while the store answers.' },
  seawall_store_losses: { type: 'gauge', help: 'How often the store was found to have forgotten its records.' },
  seawall_inherited_total: { type: 'counter', help: 'Egress calls that took something over from their exchange.' },
  seawall_connection_wait_seconds: { type: 'histogram', help: 'From the wish for a connection to its first byte.' },
  seawall_faults_injected_total: { type: 'counter', help: 'Faults injected on purpose, by kind.' },
  seawall_config_reloads_total: { type: 'counter', help: 'Configurations read again, by what became of them.' },
  seawall_connections_refused_total: { type: 'counter', help: 'Connections closed unheard, by the limit reached.' },
  seawall_throttled_total: { type: 'counter', help: 'Attempts held back by the adaptive throttle.' },
} as const satisfies Record<string, { readonly type: 'counter' | 'gauge' | 'histogram'; readonly help: string }>

export type PolicyFamily = keyof typeof policyFamilies
type OfType<T extends 'counter' | 'gauge' | 'histogram'> = {
  [F in PolicyFamily]: (typeof policyFamilies)[F]['type'] extends T ? F : never
}[PolicyFamily]
export type CounterFamily = OfType<'counter'>
export type GaugeFamily = OfType<'gauge'>
export type HistogramFamily = OfType<'histogram'>

export type Labels = Readonly<Record<string, string>>
export type Figures = Record<string, number | string>

export interface Counter { add(count?: number): void }
export interface Histogram { observe(valueMs: number): void }

export interface Meter {
  /** The counter of these labels: the same one for whoever asks again, so that a reload goes on counting. */
  counter(family: CounterFamily, labels: Labels): Counter
  histogram(family: HistogramFamily, labels: Labels): Histogram
  /** The value is read at each scrape; whoever names the same labels last is the one who is asked. */
  gauge(family: GaugeFamily, labels: Labels, read: () => number): void
  /** The same of a count that somebody else keeps. */
  total(family: CounterFamily, labels: Labels, read: () => number): void
}
