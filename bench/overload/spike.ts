// What may be shed comes twelve times as often for a few seconds, while important requests go on as ever: nearly all of
// the important ones must be answered in time, with what is left the others. Classes are given by the callers' header.
import type { Figures } from '../arms.ts'
import type { Findings } from '../experiment.ts'
import type { LoadReport } from '../generator/plan.ts'
import type { ServicePlan } from '../origins/workplace.ts'
import { spreadCell } from '../table.ts'
import { goodputPoints } from './courses.ts'
import { countBetween } from './recovery.ts'
import { load } from './run.ts'
import type { Observed } from './run.ts'
import type { Scenario } from './scenario.ts'
import { readDuring } from './scrape.ts'
import { startStage } from './stage.ts'
import { percent } from './steady-report.ts'
import { medianOf, runTimed } from './timed.ts'
import type { TimedResult } from './timed.ts'

const capacityPerSecond = 400
const criticalPerSecond = 200
const sheddablePerSecond = 200
const spikeFactor = 12
const leastCriticalRatio = 0.995
const header = 'x-request-priority'

interface Timetable {
  readonly risesAtMs: number
  readonly fallsAtMs: number
  readonly endsAtMs: number
}

const long: Timetable = { risesAtMs: 3000, fallsAtMs: 9000, endsAtMs: 11_000 }
const brief: Timetable = { risesAtMs: 1000, fallsAtMs: 4000, endsAtMs: 5000 }

/** `report` is of the critical ones. */
interface ObservedSpike extends Observed {
  readonly sheddable: LoadReport
}

const plan: ServicePlan = {
  shape: { kind: 'slots', slots: 8, meanMs: 20, spread: 'exponential', seed: 1 }, changes: [],
}

export const spike: Scenario = {
  name: 'spike',
  summary: `${criticalPerSecond} critical a second, and ${sheddablePerSecond} sheddable that become ` +
    `${sheddablePerSecond * spikeFactor}, at a service of ${capacityPerSecond}`,
  run: async (ground, settings) => {
    const stage = await startStage(ground, 'slots')
    const timetable = settings.isShort ? brief : long
    const common = { warmUpSeconds: 0, seconds: timetable.endsAtMs / 1000 }
    const result = await runTimed<ObservedSpike>(stage, settings, {
      rounds: settings.rounds,
      first: { plan, offer: { ...common, ratePerSecond: 280, seconds: 1, seed: 7 } },
      run: async (subject, { round, isDrawn }) => {
        await stage.plan(plan)
        const critical = {
          ...common, ratePerSecond: criticalPerSecond, seed: 2 * round + 1, headers: { [header]: 'critical' },
        }
        const sheddable = {
          ...common, ratePerSecond: sheddablePerSecond, seed: 2 * round + 2, headers: { [header]: 'sheddable' },
          steps: [
            { fromMs: timetable.risesAtMs, perSecond: sheddablePerSecond * spikeFactor },
            { fromMs: timetable.fallsAtMs, perSecond: sheddablePerSecond },
          ],
        }
        const both = (): Promise<LoadReport[]> =>
          Promise.all([load(stage, subject, critical), load(stage, subject, sheddable)])
        const { result: reports, readings } = isDrawn ? await readDuring(subject, both) :
          { result: await both(), readings: [] }
        const [report, other] = reports as [LoadReport, LoadReport]
        return { report, sheddable: other, service: await stage.figures(), readings }
      },
      judge: (observed) => judge(observed, timetable),
    })
    await stage.stop()
    return findings(result)
  },
}

// Two generators start within some milliseconds of each other; half a second at both edges of the spike is left out.
function judge({ report, sheddable }: ObservedSpike, { risesAtMs, fallsAtMs }: Timetable): Figures {
  const edgeMs = 500
  const seconds = (fallsAtMs - risesAtMs - edgeMs) / 1000
  const rate = (of: LoadReport, what: 'ok' | 'offered'): number =>
    countBetween(of.series ?? [], what, risesAtMs + edgeMs, fallsAtMs) / seconds
  // The critical ones answer for the edges too.
  const critical = (what: 'ok' | 'offered'): number => countBetween(report.series ?? [], what, risesAtMs, fallsAtMs)
  const spare = capacityPerSecond - rate(report, 'ok')
  return {
    criticalRatio: critical('ok') / Math.max(1, critical('offered')),
    sheddablePerSecond: rate(sheddable, 'ok'),
    spareRatio: spare <= 0 ? 1 : rate(sheddable, 'ok') / spare,
    ...report.outcomes['2xx'] && { criticalP99Ms: report.outcomes['2xx'].p99Ms },
    ...sheddable.refusals?.['on-arrival'] && { arrivalP99Ms: sheddable.refusals['on-arrival'].p99Ms },
  }
}

function findings({ arms, courses, notes }: TimedResult): Findings {
  const ratio = medianOf(arms, 'seawall', 'criticalRatio')
  return {
    tables: [{
      title: 'During the spike',
      columns: ['', 'critical in time', 'their p99 ms', 'sheddable in time/s', 'of what is left', 'p99 refusal ms'],
      rows: arms.map(({ name, figures }) => [
        name, percent(figures.criticalRatio?.median ?? NaN), spreadCell(figures.criticalP99Ms),
        spreadCell(figures.sheddablePerSecond), percent(figures.spareRatio?.median ?? NaN),
        spreadCell(figures.arrivalP99Ms),
      ]),
    }],
    panels: [
      panel('critical', courses.map(({ name, observed }) => ({ name, points: goodputPoints(observed) }))),
      panel('sheddable', courses.map(({ name, observed }) =>
        ({ name, points: goodputPoints({ ...observed, report: (observed as ObservedSpike).sheddable }) }))),
    ],
    notes: [`Only Seawall reads the class, from ${header}; its p99 is over the whole run.`, ...notes],
    data: { arms, series: courses.map(({ name, observed }) => ({ name, ...observed })) },
    checks: [{
      claim: `at least ${percent(leastCriticalRatio)} of the critical are answered in time (${percent(ratio)})`,
      holds: ratio >= leastCriticalRatio,
    }],
  }
}

function panel(
  kind: string, series: readonly { name: string, points: readonly (readonly [number, number])[] }[],
): Findings['panels'][number] {
  return { kind: 'lines', title: `goodput, ${kind}`, xLabel: 'seconds', yLabel: 'answers in time, a second', series }
}
