// What every scenario hands back, put together in one way: the claims as a table and as checks, two curves a picture,
// and of each run what is worth keeping. Judges nothing.
import type { Findings } from '../experiment.ts'
import type { LinePanel, Panel } from '../svg.ts'
import type { Table } from '../table.ts'
import { checksOf, claimsTable } from './claims.ts'
import type { Claim } from './claims.ts'
import { arrivalPoints, goodputPoints } from './judging.ts'
import type { Ran } from './run.ts'

export interface Parts {
  readonly claims: readonly Claim[]
  readonly tables: readonly Table[]
  readonly panels: readonly Panel[]
  readonly notes: readonly string[]
  readonly data: unknown
}

/** Above this the callers, and not what they call, may be what the figures show. */
const tolerableLatenessMs = 20

export function findingsOf({ claims, tables, panels, notes, data }: Parts): Findings {
  return { tables: [...tables, claimsTable(claims)], panels, notes, data, checks: checksOf(claims) }
}

/** A run without the thousands of single requests. */
export function kept(ran: Ran, lengthMs: number): unknown {
  const { series: _series, ...report } = ran.report
  return {
    name: ran.name, report, goodput: goodputPoints(ran.report), metrics: ran.metrics.split('\n'),
    arrivals: ran.endpoints.map((one) => arrivalPoints([one], lengthMs)),
  }
}

export function goodputPanel(title: string, runs: readonly Ran[]): LinePanel {
  return {
    kind: 'lines', title, xLabel: 'seconds', yLabel: 'calls answered well, a second',
    series: runs.map(({ name, report }) => ({ name, points: goodputPoints(report) })),
  }
}

export function arrivalsPanel(title: string, runs: readonly Ran[], lengthMs: number): LinePanel {
  return {
    kind: 'lines', title, xLabel: 'seconds', yLabel: 'requests that reach the upstream, a second',
    series: runs.map(({ name, endpoints }) => ({ name, points: arrivalPoints(endpoints, lengthMs) })),
  }
}

export function latenessNotes(runs: readonly Ran[]): readonly string[] {
  const worstMs = Math.max(...runs.map(({ report }) => report.lateness.p99Ms))
  return worstMs <= tolerableLatenessMs ? [] :
    [`The callers were up to ${worstMs.toFixed(0)} ms late themselves (p99): the machine was busy.`]
}

export const shortNote = 'A short run: shows that the bench works, and no more.'
