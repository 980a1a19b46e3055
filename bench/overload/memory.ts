// Seawall's memory while it is offered ten times what the service can do, for ten minutes: it must be flat, and so must
// the goodput. One contender, one round.
import { seawallUntouched } from '../contenders/seawall.ts'
import type { Findings } from '../experiment.ts'
import { memoryDuring } from '../memory-samples.ts'
import type { MemorySample } from '../memory-samples.ts'
import type { ServicePlan } from '../origins/workplace.ts'
import { median } from '../statistics.ts'
import { short } from '../table.ts'
import { figuresOf } from './figures.ts'
import { observe, visit } from './run.ts'
import type { Observed } from './run.ts'
import type { Scenario } from './scenario.ts'
import { startStage } from './stage.ts'

const capacityPerSecond = 400
const factor = 10
/** A collector's own restlessness; a leak of one byte a refusal is 2 MiB in ten minutes, one of an object 200. */
const allowedGrowthBytes = 8 * 1024 ** 2
const mebibyte = 1024 ** 2
const leastGoodput = 0.95

const plan: ServicePlan = {
  shape: { kind: 'slots', slots: 8, meanMs: 20, spread: 'exponential', seed: 1 }, changes: [],
}

export const memoryUnderLoad: Scenario = {
  name: 'memory',
  summary: `memory of Seawall at ${factor} times the load for ten minutes (one in a short run)`,
  run: async (ground, { isShort }) => {
    const stage = await startStage(ground, 'slots')
    const seconds = isShort ? 60 : 600
    const offer = { ratePerSecond: factor * capacityPerSecond, warmUpSeconds: 2, seconds, seed: 1 }
    ground.progress(`${seconds} s`)
    const found = await visit(stage, seawallUntouched(), undefined, async (subject) => {
      let observed: Observed | undefined
      const course = await memoryDuring(subject.pid ?? 0, async () => {
        observed = await observe(stage, subject, plan, offer)
      })
      return { course, observed }
    })
    await stage.stop()
    return findings(found.course.samples, found.observed, seconds)
  },
}

/** What the last quarter has above the second, by their medians: the first is the start. NaN with too few samples. */
export function growthBytes(samples: readonly MemorySample[]): number {
  const quarter = Math.floor(samples.length / 4)
  if (quarter === 0) return NaN
  const middle = (from: number): number => median(samples.slice(from, from + quarter).map((one) => one.rssBytes))
  return middle(samples.length - quarter) - middle(quarter)
}

function findings(samples: readonly MemorySample[], observed: Observed | undefined, seconds: number): Findings {
  const growth = growthBytes(samples)
  const figures = observed === undefined ? {} : figuresOf(observed.report, seconds)
  const resident = samples.map((one) => one.rssBytes / mebibyte)
  const size = (bytes: number): string => (bytes / mebibyte).toFixed(1)
  return {
    tables: [{
      title: `Seawall at ${factor}x for ${seconds} s: MiB resident`,
      columns: ['', 'first', 'largest', 'last', 'growth', 'goodput/s', 'refused/s'],
      rows: [[
        'seawall', short(resident[0] ?? NaN), short(Math.max(...resident)), short(resident.at(-1) ?? NaN), size(growth),
        short(figures.goodputPerSecond ?? NaN), short((figures.refused ?? NaN) / seconds),
      ]],
    }],
    panels: [{
      kind: 'lines', title: 'memory of the proxy', xLabel: 'seconds', yLabel: 'MiB resident',
      series: [{ name: 'seawall', points: samples.map((one) => [one.atSeconds, one.rssBytes / mebibyte] as const) }],
    }],
    notes: ['Growth: median of the last quarter minus median of the second.'],
    // A reading a second: four would make the file mostly this.
    data: { figures, samples: samples.filter((_, index) => index % 4 === 0) },
    checks: [
      {
        claim: `memory grows by at most ${allowedGrowthBytes / mebibyte} MiB after its first quarter (${size(growth)})`,
        holds: growth <= allowedGrowthBytes,
      },
      // Or the memory of a proxy that does nothing would be what was measured.
      {
        claim: `goodput stays at least ${leastGoodput} of the capacity all the while`,
        holds: (figures.goodputPerSecond ?? 0) >= leastGoodput * capacityPerSecond,
      },
    ],
  }
}
