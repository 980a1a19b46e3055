// What the runs of the slow provider come to: each route's goodput and p99 beside the phase before, the pool, the
// fan-out, and the claims. Pure.
import type { Findings } from '../experiment.ts'
import type { Settings } from '../overload/scenario.ts'
import { spreadOf } from '../statistics.ts'
import type { DotPanel } from '../svg.ts'
import type { Table } from '../table.ts'
import { atLeast, atMost, count, isTrue, milliseconds, percent, seconds, times } from './claims.ts'
import type { Claim } from './claims.ts'
import { findingsOf, shortNote } from './findings.ts'
import { endedP99Ms, goodP99Ms, goodRatio } from './picture-load.ts'
import type { Reports } from './picture-load.ts'

/** The service's own calls to the fraud check, as its egress route counts them. */
export interface Scores {
  readonly calls: number
  readonly good: number
  readonly seconds: number
}

export interface PictureResult {
  readonly name: string
  readonly before: Reports
  readonly slow: Reports
  readonly scoresBefore: Scores
  readonly scoresSlow: Scores
  /** Connections of the service, and requests that wait for one, while the provider is slow. */
  readonly mostInUse: number
  readonly mostWaiting: number
  /** From the provider's recovery until no connection is in use; Infinity: not within 15 s. */
  readonly poolAgainMs: number
  /** Last good answers of /catalogue given in the place of a failure while the provider was slow. */
  readonly lastGood: number
  readonly fraudBefore: Reports
  readonly fraudBusy: Reports
  readonly bulkheadRefusals: number
  readonly fanOut: Reports
  /** Mean time of an egress call of the fan-out, ms; NaN without Seawall. */
  readonly egressMs: number
  readonly inherited: number
}

export const callersDeadlineMs = 800
const routes = ['/charge', '/catalogue', '/risk', '/charges/:id'] as const
const leastGoodput = 0.95
const leastBefore = 0.99
const mostSlower = 1.5
/** Timers, two hops and the answer's own way. */
const deadlineMargin = 1.1
const poolWithinMs = 5000

/** What is left of a route's goodput, and how much slower its p99 is, from one phase to another. */
export function compared(before: Reports, after: Reports, route: string) {
  return {
    kept: goodRatio(after[route]) / goodRatio(before[route]),
    slower: goodP99Ms(after[route]) / goodP99Ms(before[route]),
  }
}

export function slowProviderFindings(results: readonly PictureResult[], settings: Settings): Findings {
  return findingsOf({
    claims: claimsOf(results),
    tables: [
      routeTable('A slow provider', results, ({ before, slow }) => ({ before, after: slow }),
        routes),
      routeTable('A busy fraud check', results, ({ fraudBefore, fraudBusy }) =>
        ({ before: fraudBefore, after: fraudBusy }), routes.slice(1)),
      poolTable(results), fanOutTable(results),
    ],
    panels: [
      dots('/catalogue while the provider is slow', 'p99 in milliseconds', results,
        ({ slow }) => goodP99Ms(slow['/catalogue'])),
      dots('/catalogue while the provider is slow', 'part of it that is answered well', results,
        ({ slow }) => goodRatio(slow['/catalogue'])),
      dots('/summary/:id while nobody answers', 'p99 of all endings, ms', results,
        (result) => endedP99Ms(result.fanOut['/summary/:id'])),
    ],
    notes: [
      'seawall: config/charge.json, but a twelfth of the permits for charges, because the service has eight ' +
      'connections, and a fraud bulkhead of four, so that /risk can use it up. Callers wait 4 s.',
      'Kept and slower: beside the phase before the fault, in the same arm. p99 of answers with a 2xx. The file as ' +
      'it is gives /catalogue a last good answer where it is shed; elsewhere that is off: it would hide the rest.',
      ...settings.isShort ? [shortNote] : [],
    ],
    data: results.map(({ name, ...result }) => ({ name, ...withoutSeries(result) })),
  })
}

function withoutSeries(result: Omit<PictureResult, 'name'>): object {
  return JSON.parse(JSON.stringify(result, (key, value: unknown) => key === 'series' ? undefined : value)) as object
}

function routeTable(
  title: string, results: readonly PictureResult[],
  phases: (result: PictureResult) => { before: Reports, after: Reports }, routes: readonly string[],
): Table {
  return {
    title: `${title}: each route before and meanwhile`,
    columns: ['', 'route', 'good before', 'good meanwhile', 'p99 before', 'p99 meanwhile', 'kept', 'slower'],
    rows: results.flatMap((result) => routes.map((route) => {
      const { before, after } = phases(result)
      const { kept, slower } = compared(before, after, route)
      return [
        result.name, route, percent(goodRatio(before[route])), percent(goodRatio(after[route])),
        milliseconds(goodP99Ms(before[route])), milliseconds(goodP99Ms(after[route])), percent(kept), times(slower),
      ]
    })),
  }
}

function poolTable(results: readonly PictureResult[]): Table {
  return {
    title: 'The pool of eight connections while the provider is slow, and after',
    columns: ['', 'most in use', 'most waiting', 'idle again after', 'last good /catalogue', 'fraud bulkhead refused'],
    rows: results.map(({ name, mostInUse, mostWaiting, poolAgainMs, lastGood, bulkheadRefusals }) => [
      name, count(mostInUse), count(mostWaiting), seconds(poolAgainMs), count(lastGood), count(bulkheadRefusals),
    ]),
  }
}

function fanOutTable(results: readonly PictureResult[]): Table {
  return {
    title: `/summary/:id for callers with ${callersDeadlineMs} ms while provider and fraud check say nothing`,
    columns: ['', 'p99 of all endings', 'mean of a call to the provider', 'deadlines inherited'],
    rows: results.map(({ name, fanOut, egressMs, inherited }) => [
      name, milliseconds(endedP99Ms(fanOut['/summary/:id'])), milliseconds(egressMs), count(inherited),
    ]),
  }
}

function dots(
  title: string, valueLabel: string, results: readonly PictureResult[], value: (result: PictureResult) => number,
): DotPanel {
  return {
    kind: 'dots', title, valueLabel,
    rows: results.flatMap((result) => {
      const found = value(result)
      return Number.isFinite(found) ? [{ name: result.name, spread: spreadOf([found]) }] : []
    }),
  }
}

export function claimsOf(results: readonly PictureResult[]): readonly Claim[] {
  const ours = results.find(({ name }) => name === 'seawall')
  if (ours === undefined) return []
  const { before, slow, poolAgainMs, fraudBefore, fraudBusy, bulkheadRefusals, fanOut, egressMs } = ours
  const bound = callersDeadlineMs * deadlineMargin
  const untouched = (what: string, first: Reports, then: Reports, route: string): readonly Claim[] => {
    const { kept, slower } = compared(first, then, route)
    return [
      atLeast(`${what}: ${route} keeps its goodput`, kept, leastGoodput, percent),
      atMost(`${what}: p99 of ${route}, times that of before`, slower, mostSlower, times),
    ]
  }
  const [keptOut, slowerOut] = outside(ours)
  const wellBefore = Math.min(...routes.map((route) => goodRatio(before[route])))
  return [
    // Beside a bad before, anything is kept.
    atLeast('before any fault: every route is served', wellBefore, leastBefore, percent),
    ...untouched('slow provider', before, slow, '/catalogue'), ...untouched('slow provider', before, slow, '/risk'),
    atLeast('slow provider: calls out to the fraud check keep their goodput', keptOut, leastGoodput, percent),
    atMost('slow provider: mean of a call to the fraud check, times that of before', slowerOut, mostSlower, times),
    atMost('the pool is idle again after the end', poolAgainMs, poolWithinMs, seconds),
    isTrue('the fraud bulkhead was exhausted', '≥ 1 refused', count(bulkheadRefusals), bulkheadRefusals >= 1),
    ...untouched('fraud exhausted', fraudBefore, fraudBusy, '/catalogue'),
    ...untouched('fraud exhausted', fraudBefore, fraudBusy, '/charges/:id'),
    atMost('p99 of the fan-out', endedP99Ms(fanOut['/summary/:id']), bound, milliseconds),
    atMost('mean of its calls to the provider', egressMs, bound, milliseconds),
  ]
}

/** The same on the way out, where only sums are counted: goodput kept, and how much slower the mean is. */
function outside({ scoresBefore, scoresSlow }: PictureResult): readonly [number, number] {
  const ratio = ({ good, calls }: Scores): number => good / calls
  const mean = ({ seconds: total, calls }: Scores): number => total / calls
  return [ratio(scoresSlow) / ratio(scoresBefore), mean(scoresSlow) / mean(scoresBefore)]
}
