// The table and the claims of the steady scenarios.
import { ratioTo } from '../arms.ts'
import type { ArmResult } from '../arms.ts'
import type { Check } from '../experiment.ts'
import type { ServicePlan } from '../origins/workplace.ts'
import type { Spread } from '../statistics.ts'
import { short, spreadCell } from '../table.ts'
import type { Table } from '../table.ts'

export interface SteadyOptions {
  readonly name: string
  readonly summary: string
  readonly plan: ServicePlan
  readonly capacityPerSecond: number
  readonly limits: readonly number[]
}

/** What one contender came to at one multiple of the capacity. */
export interface SteadyResult {
  readonly factor: number
  readonly arms: readonly ArmResult[]
}

/** What Seawall must reach, by how many times the load is the capacity. */
const goals: Readonly<Record<number, { goodputRatio: number, admittedP99Ms: number, arrivalP99Ms: number }>> = {
  2: { goodputRatio: 0.98, admittedP99Ms: 150, arrivalP99Ms: 5 },
  5: { goodputRatio: 0.97, admittedP99Ms: 150, arrivalP99Ms: 5 },
  10: { goodputRatio: 0.95, admittedP99Ms: 200, arrivalP99Ms: 10 },
}
const fromQueueRatio = 0.01
/** The line is bounded by three times the learned baseline, and by these. */
const boundMs = { baselines: 3, least: 20, most: 500, grace: 5 }

/** The static limit with the most goodput at this factor: the hundred percent of the others. */
export function bestStatic(
  results: readonly SteadyResult[], factor: number, statics: readonly string[],
): ArmResult | undefined {
  const arms = results.find((result) => result.factor === factor)?.arms ?? []
  return arms.filter(({ name }) => statics.includes(name))
    .sort((a, b) => goodput(b) - goodput(a))[0]
}

/** Goodput over that of the best static limit of the same load, round by round. */
export function againstStatic(result: SteadyResult, statics: readonly string[], name: string): Spread | undefined {
  const base = bestStatic([result], result.factor, statics)
  const own = result.arms.find((arm) => arm.name === name)
  return base === undefined || own === undefined ? undefined : ratioTo(base, own, 'goodputPerSecond')
}

export function steadyTable(
  { name, capacityPerSecond }: SteadyOptions, results: readonly SteadyResult[], statics: readonly string[],
): Table {
  return {
    title: `${name}: median (range) of the rounds; capacity ${capacityPerSecond} a second`,
    columns: [
      'load', 'goodput/s', 'of best static', 'p99 admitted ms', 'p99 refusal on arrival ms', 'from a queue',
      'p99 from a queue ms', 'late/s', 'work in vain',
    ],
    rows: results.flatMap((result) => result.arms.map((arm) => {
      const { figures } = arm
      const ratio = againstStatic(result, statics, arm.name)
      return [
        `${result.factor}x ${arm.name}`,
        spreadCell(figures.goodputPerSecond),
        ratio === undefined ? '–' : percent(ratio.median),
        spreadCell(figures.admittedP99Ms),
        spreadCell(figures.arrivalP99Ms),
        figures.fromQueueRatio === undefined ? '–' : percent(figures.fromQueueRatio.median),
        spreadCell(figures.fromQueueP99Ms),
        spreadCell(figures.latePerSecond),
        figures.inVainRatio === undefined ? '–' : percent(figures.inVainRatio.median),
      ]
    })),
  }
}

export function steadyChecks(results: readonly SteadyResult[], statics: readonly string[]): readonly Check[] {
  return results.flatMap((result) => {
    const goal = goals[result.factor]
    const figures = result.arms.find(({ name }) => name === 'seawall')?.figures
    if (goal === undefined || figures === undefined) return []
    const ratio = againstStatic(result, statics, 'seawall')?.median ?? NaN
    const p99Ms = figures.admittedP99Ms?.median ?? NaN
    const arrivalMs = figures.arrivalP99Ms?.median ?? NaN
    const queueRatio = figures.fromQueueRatio?.median ?? NaN
    const queueMs = figures.fromQueueP99Ms?.median
    const bound = queueBoundMs(figures.baselineMs?.median)
    const at = `at ${result.factor}x`
    return [
      claim(`goodput ${at} at least ${goal.goodputRatio} of the best static limit`, ratio, ratio >= goal.goodputRatio),
      claim(`p99 of the admitted ${at} at most ${goal.admittedP99Ms} ms`, p99Ms, p99Ms <= goal.admittedP99Ms),
      claim(`p99 of a refusal on arrival ${at} at most ${goal.arrivalP99Ms} ms`, arrivalMs,
        arrivalMs <= goal.arrivalP99Ms),
      claim(`refusals out of the queue ${at} at most ${percent(fromQueueRatio)}`, queueRatio,
        queueRatio <= fromQueueRatio),
      // Without one there is nothing that could be late.
      claim(`p99 of a refusal out of the queue ${at} at most ${short(bound)} ms`, queueMs ?? 0,
        queueMs === undefined || queueMs <= bound),
    ]
  })
}

/** The bound of the line by the learned baseline, with what a timer may be late; the widest when none is known. */
export function queueBoundMs(baselineMs: number | undefined): number {
  if (baselineMs === undefined) return boundMs.most + boundMs.grace
  return Math.min(boundMs.most, Math.max(boundMs.least, boundMs.baselines * baselineMs)) + boundMs.grace
}

function claim(text: string, value: number, holds: boolean): Check {
  return { claim: `${text} (${Number.isNaN(value) ? 'none' : value.toFixed(value < 10 ? 3 : 1)})`, holds }
}

export function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`
}

function goodput({ figures }: ArmResult): number {
  return figures.goodputPerSecond?.median ?? 0
}
