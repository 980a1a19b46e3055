// A limit tuned by hand, as somebody with an afternoon would: a small set of values at five times the load, and the one
// with the most goodput. Values within half a percent of the best are chance; of those the one with the shortest p99.
import type { Contender } from '../contenders/contender.ts'
import { haproxyLimited, nginxLimited } from '../contenders/protections.ts'
import { seawallBulkhead } from '../contenders/seawall.ts'
import type { ServicePlan } from '../origins/workplace.ts'
import type { Table } from '../table.ts'
import { short } from '../table.ts'
import { figuresOf } from './figures.ts'
import type { Offer } from './run.ts'
import { observe, visit } from './run.ts'
import type { Stage } from './stage.ts'

interface Kind {
  readonly name: string
  make(limit: number): Contender
}

const kinds: readonly Kind[] = [
  { name: 'nginx', make: nginxLimited },
  { name: 'haproxy', make: haproxyLimited },
  { name: 'bulkhead', make: (limit) => seawallBulkhead(limit, `bulkhead ${limit}`) },
]

export interface SweepPoint {
  readonly limit: number
  readonly goodputPerSecond: number
  readonly admittedP99Ms: number
}

export interface Sweep {
  readonly best: readonly Contender[]
  readonly table: Table
  readonly data: Readonly<Record<string, readonly SweepPoint[]>>
}

export async function sweep(
  stage: Stage, plan: ServicePlan, offer: Offer, limits: readonly number[],
): Promise<Sweep> {
  const best: Contender[] = []
  const rows: string[][] = []
  const data: Record<string, readonly SweepPoint[]> = {}
  for (const kind of kinds.filter((one) => one.make(1).missing() === undefined)) {
    const points: SweepPoint[] = []
    for (const limit of limits) {
      stage.ground.progress(`sweep: ${kind.name} ${limit}`)
      points.push(await visit(stage, kind.make(limit), undefined, async (subject) => {
        const { report } = await observe(stage, subject, plan, offer)
        const { goodputPerSecond = 0, admittedP99Ms = Infinity } = figuresOf(report, offer.seconds)
        return { limit, goodputPerSecond, admittedP99Ms }
      }))
    }
    const chosen = bestOf(points)
    best.push(kind.make(chosen.limit))
    data[kind.name] = points
    rows.push([kind.name, ...points.map((point) =>
      `${short(point.goodputPerSecond)} (${short(point.admittedP99Ms)} ms)${point === chosen ? ' *' : ''}`)])
  }
  const columns = ['limit', ...limits.map(String)]
  return { best, data, table: { title: 'Static limits at 5x: goodput a second (p99), * chosen', columns, rows } }
}

/** Throws RangeError without points. */
export function bestOf(points: readonly SweepPoint[]): SweepPoint {
  const most = Math.max(...points.map((point) => point.goodputPerSecond))
  const [best] = points.filter((point) => point.goodputPerSecond >= most * 0.995)
    .sort((a, b) => a.admittedP99Ms - b.admittedP99Ms)
  if (best === undefined) throw new RangeError('Cannot choose the best of no limits')
  return best
}
