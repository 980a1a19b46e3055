// What the books of callers and endpoints come to: attempts per call, shares, who was in flight, goodput. Pure.
import { countBetween } from '../overload/recovery.ts'
import type { CallersReport } from './callers-plan.ts'
import type { EndpointFigures, Seen } from './endpoint-plan.ts'

/** Length of the moments of every series here. */
export const momentMs = 100

export interface Span {
  readonly fromMs: number
  readonly untilMs: number
}

/** Requests that reached the endpoints in this time. */
export function arrivals(endpoints: readonly EndpointFigures[], { fromMs, untilMs }: Span): number {
  return endpoints.reduce((sum, { seen }) =>
    sum + seen.filter(([atMs]) => atMs >= fromMs && atMs < untilMs).length, 0)
}

/** What reached the endpoints for each call that was due in this time. */
export function attemptsPerCall(report: CallersReport, endpoints: readonly EndpointFigures[], span: Span): number {
  return arrivals(endpoints, span) / countBetween(report.series, 'offered', span.fromMs, span.untilMs)
}

/** The part of the calls due in this time that was answered well and in time. */
export function successRatio({ series }: CallersReport, { fromMs, untilMs }: Span): number {
  return countBetween(series, 'ok', fromMs, untilMs) / countBetween(series, 'offered', fromMs, untilMs)
}

/** The part of all requests that this endpoint got; its requests count though it never answered them. */
export function shareOf(endpoints: readonly EndpointFigures[], index: number, span: Span): number {
  const own = endpoints[index]
  return own === undefined ? NaN : arrivals([own], span) / arrivals(endpoints, span)
}

/** The most that were in flight at the endpoint when a request came, itself included, of those that came in `span`. */
export function mostInFlight(seen: readonly Seen[], { fromMs, untilMs }: Span): number {
  const events = seen.flatMap(([arrivedAtMs, endedAtMs]) => [
    { atMs: arrivedAtMs, step: 1 }, { atMs: endedAtMs < 0 ? Infinity : endedAtMs, step: -1 },
  ])
  // An answer and the next request of the same tenth of a millisecond were not there together.
  events.sort((a, b) => a.atMs - b.atMs || a.step - b.step)
  let now = 0
  let most = 0
  for (const { atMs, step } of events) {
    now += step
    if (step === 1 && atMs >= fromMs && atMs < untilMs) most = Math.max(most, now)
  }
  return most
}

/** Requests that reached the endpoints, a second, over time: for the plots. */
export function arrivalPoints(
  endpoints: readonly EndpointFigures[], lengthMs: number, stepMs = 1000,
): readonly (readonly [number, number])[] {
  const counts = Array.from({ length: Math.ceil(lengthMs / stepMs) }, () => 0)
  for (const { seen } of endpoints) {
    for (const [atMs] of seen) {
      const index = Math.floor(atMs / stepMs)
      if (index < counts.length) counts[index] = (counts[index] ?? 0) + 1
    }
  }
  return counts.map((count, index) => [(index + 1) * stepMs / 1000, count * 1000 / stepMs])
}

/** Calls answered well and in time, a second, over time. */
export function goodputPoints({ series }: CallersReport, stepMs = 1000): readonly (readonly [number, number])[] {
  const endMs = (series.at(-1)?.atMs ?? -momentMs) + momentMs
  return Array.from({ length: Math.floor(endMs / stepMs) }, (_, index) => [
    index + 1, countBetween(series, 'ok', index * stepMs, (index + 1) * stepMs) * 1000 / stepMs,
  ])
}
