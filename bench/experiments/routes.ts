// Does a request pay for routes it does not match? CPU time a request with 1 to 1,000 routes, where the last one
// matches. Measures matching only: the routes share one upstream and have the same policies.
import { alternate, ratioTo } from '../arms.ts'
import type { Arm, ArmResult } from '../arms.ts'
import type { RouteShape } from '../contenders/seawall.ts'
import { seawall } from '../contenders/seawall.ts'
import type { Experiment, ExperimentOptions, Findings } from '../experiment.ts'
import { startOrigin } from '../ground.ts'
import type { Ground } from '../ground.ts'
import { ratioCell, spreadCell } from '../table.ts'
import { closedPlan, cpuUsPerRequest, notOk, offer } from '../workloads.ts'
import type { Workload } from '../workloads.ts'

const routeCounts = [1, 10, 100, 1000]
/** How far the median ratio to a single route may lie from 1. */
const tolerance = 0.1
const warmUpSeconds = 2

export const routes: Experiment = {
  name: 'routes',
  summary: 'CPU time a request of Seawall with 1, 10, 100 and 1,000 routes; the last one matches',
  defaults: { seconds: 4, rounds: 5, rate: 0 },
  run: compare,
}

async function compare(ground: Ground, options: ExperimentOptions): Promise<Findings> {
  const origin = await startOrigin(ground, 'origin.ts')
  const arms = routeCounts.map((count) => armOf(ground, count, origin.port, options))
  const results = await alternate({ arms, rounds: options.rounds, progress: ground.progress })
  const [base] = results
  const ratioOf = (arm: ArmResult) => base && ratioTo(base, arm, 'cpuUs')
  const rows = results.flatMap((arm) => arm.figures.cpuUs ? [{ name: arm.name, spread: arm.figures.cpuUs }] : [])
  const worst = Math.max(...results.map((arm) => Math.abs((ratioOf(arm)?.median ?? Infinity) - 1)))
  return {
    tables: [{
      title: 'CPU time of Seawall a request, µs',
      columns: ['arm', 'median (lowest–highest round)', 'ratio to 1 route', 'not 2xx'],
      rows: results.map((arm) => [
        arm.name, spreadCell(arm.figures.cpuUs), ratioCell(ratioOf(arm)), String(arm.figures.notOk?.max ?? 0),
      ]),
    }],
    panels: [{ kind: 'dots', title: 'CPU time a request', valueLabel: 'µs', rows }],
    notes: ['Closed loop of 32 connections, GET of a small answer; the request matches the route configured last.'],
    data: { arms: results },
    checks: [
      { claim: `a request costs the same within ${tolerance * 100} % up to 1,000 routes`, holds: worst <= tolerance },
      { claim: 'every request got a 2xx', holds: results.every((arm) => arm.figures.notOk?.max === 0) },
    ],
  }
}

function armOf(ground: Ground, count: number, originPort: number, { seconds }: ExperimentOptions): Arm {
  const contender = seawall(shapes(count), `routes-${count}`)
  const workload: Workload = { name: 'GET', request: { method: 'GET', path: `${pathOf(count - 1)}/item` } }
  return {
    name: count === 1 ? '1 route' : `${count} routes`,
    measure: async () => {
      const missing = contender.missing()
      if (missing !== undefined) throw new Error(`Cannot measure routes: ${missing}`)
      const subject = await contender.start(ground, originPort)
      try {
        const report = await offer(ground, closedPlan(subject, workload, { seconds, warmUpSeconds }))
        const cpuUs = cpuUsPerRequest(report)
        return { notOk: notOk(report), ...cpuUs !== undefined && { cpuUs } }
      } finally {
        await subject.stop()
      }
    },
  }
}

function shapes(count: number): readonly RouteShape[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `service-${index}`,
    match: { path: `${pathOf(index)}/*` },
    deadline: { default: '10s', max: '10s' },
  }))
}

// Paths of equal length that share a prefix, as the routes of one service do.
function pathOf(index: number): string {
  return `/api/service-${String(index).padStart(4, '0')}`
}
