// The callers of the charge service: one open loop a route, all at once for a phase. A phase is compared with the one
// before it in the same arm, so that only what happened in between tells them apart.
import type { LoadReport, RequestShape } from '../generator/plan.ts'
import { runLoad } from '../generator/start.ts'
import type { Ground } from '../ground.ts'
import { chargeBody } from './picture.ts'
import type { Picture } from './picture.ts'

export interface RouteLoad {
  readonly name: string
  readonly perSecond: number
  readonly request: RequestShape
}

const patienceMs = 4000

export const charges: RouteLoad = {
  name: '/charge', perSecond: 25,
  request: { method: 'POST', path: '/charge', headers: { 'content-type': 'application/json' }, body: chargeBody },
}
export const catalogue: RouteLoad = {
  name: '/catalogue', perSecond: 50, request: { method: 'GET', path: '/catalogue' },
}
export const risk: RouteLoad = { name: '/risk', perSecond: 30, request: { method: 'GET', path: '/risk/ada' } }

export function reading(id: string): RouteLoad {
  return { name: '/charges/:id', perSecond: 30, request: { method: 'GET', path: `/charges/${id}` } }
}

export function summary(id: string, deadlineMs: number): RouteLoad {
  return {
    name: '/summary/:id', perSecond: 4,
    request: { method: 'GET', path: `/summary/${id}`, headers: { 'x-request-timeout-ms': String(deadlineMs) } },
  }
}

export type Reports = Readonly<Record<string, LoadReport>>

export async function phase(
  { processes, cpus }: Ground, picture: Picture, routes: readonly RouteLoad[], ms: number, seed: number,
): Promise<Reports> {
  const reports = await Promise.all(routes.map((route, index) => runLoad(processes, cpus.load, {
    kind: 'open', host: '127.0.0.1', port: picture.port, request: route.request, ratePerSecond: route.perSecond,
    arrivals: 'poisson', seed: seed * 100 + index, warmUpMs: 0, durationMs: ms, deadlineMs: patienceMs,
    pacing: 'thrifty', momentMs: 100, connections: 4, maxConnections: 1024,
  })))
  return Object.fromEntries(routes.map(({ name }, index) => [name, reports[index] as LoadReport]))
}

/** Answers with a 2xx in time, of what was asked. */
export function goodRatio(report: LoadReport | undefined): number {
  return report === undefined ? NaN : (report.outcomes['2xx']?.count ?? 0) / report.offered
}

/** Of the good ones; NaN where there are none. */
export function goodP99Ms(report: LoadReport | undefined): number {
  return report?.outcomes['2xx']?.p99Ms ?? NaN
}

/** Of all that ended, well or not, the longest of the outcomes' p99; who gave up counts with his patience. */
export function endedP99Ms(report: LoadReport | undefined): number {
  return report === undefined ? NaN : Math.max(...Object.values(report.outcomes).map(({ p99Ms }) => p99Ms))
}
