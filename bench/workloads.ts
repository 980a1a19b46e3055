// The requests that the experiments send, and the runs they are sent in. One place, so that figures of different
// experiments can be compared.
import type { Subject } from './contenders/contender.ts'
import type { ClosedLoopPlan, LoadReport, OpenLoopPlan, RequestShape } from './generator/plan.ts'
import { runLoad } from './generator/start.ts'
import type { Ground } from './ground.ts'

export interface Workload {
  readonly name: string
  readonly request: RequestShape
}

const kib = 'x'.repeat(1024)

export const getSmall: Workload = {
  name: 'GET',
  request: { method: 'GET', path: '/catalogue?page=1', headers: { accept: 'application/json', 'user-agent': 'bench' } },
}

export const postKib: Workload = {
  name: 'POST 1 KiB',
  request: {
    method: 'POST',
    path: '/charge',
    headers: { 'content-type': 'text/plain', 'user-agent': 'bench' },
    body: kib,
  },
}

/** Enough to keep a single core busy, few enough to stay below any learned limit's ceiling. */
const busyConnections = 32
const deadlineMs = 5_000

export function openPlan(
  subject: Subject, { request }: Workload, run: { seconds: number, ratePerSecond: number, seed: number },
): OpenLoopPlan {
  return {
    kind: 'open',
    host: '127.0.0.1',
    port: subject.port,
    request,
    ratePerSecond: run.ratePerSecond,
    arrivals: 'poisson',
    seed: run.seed,
    warmUpMs: 500,
    durationMs: run.seconds * 1000,
    deadlineMs,
    connections: 16,
    maxConnections: 256,
  }
}

export function closedPlan(
  subject: Subject, { request }: Workload, run: { seconds: number, warmUpSeconds: number, connections?: number },
): ClosedLoopPlan {
  return {
    kind: 'closed',
    host: '127.0.0.1',
    port: subject.port,
    request,
    warmUpMs: run.warmUpSeconds * 1000,
    durationMs: run.seconds * 1000,
    deadlineMs,
    connections: run.connections ?? busyConnections,
    ...subject.pid !== undefined && { watchPid: subject.pid },
  }
}

export function offer({ processes, cpus }: Ground, plan: OpenLoopPlan | ClosedLoopPlan): Promise<LoadReport> {
  return runLoad(processes, cpus.load, plan)
}

/** CPU time of the watched process for each answered request, in microseconds. */
export function cpuUsPerRequest(report: LoadReport): number | undefined {
  return report.watched === undefined || report.finished === 0
    ? undefined
    : report.watched.cpuMs * 1000 / report.finished
}

/** Requests that did not end with a 2xx. */
export function notOk(report: LoadReport): number {
  return Object.entries(report.outcomes).reduce((sum, [kind, { count }]) => kind === '2xx' ? sum : sum + count, 0)
}
