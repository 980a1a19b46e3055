// What the service depends on gets ten times slower, while it has room for all who wait: more at once is the right
// answer, and whoever sheds takes a slow answer away and gives none. The load is within the capacity all the time.
import type { Figures } from '../arms.ts'
import type { Findings } from '../experiment.ts'
import type { ServicePlan } from '../origins/workplace.ts'
import { short, spreadCell } from '../table.ts'
import { coursePanels } from './courses.ts'
import { countBetween } from './recovery.ts'
import { observe, observeClosely } from './run.ts'
import type { Observed } from './run.ts'
import type { Scenario, Settings } from './scenario.ts'
import { startStage } from './stage.ts'
import { percent } from './steady-report.ts'
import { runTimed, worst } from './timed.ts'
import type { TimedResult } from './timed.ts'

const ratePerSecond = 100
const fastMs = 50
const slowMs = 500
/** Until then a learned limit may find out. */
const graceMs = 3000
/** An answer of half a second cannot come within half a second. */
const deadlineMs = 2000
const leastGoodRatio = 0.97

interface Timetable {
  readonly slowsAtMs: number
  readonly healsAtMs: number
  readonly endsAtMs: number
}

/** At a hundred a second it takes some seconds to have seen what an answer takes when nothing is wrong. */
const long: Timetable = { slowsAtMs: 12_000, healsAtMs: 20_000, endsAtMs: 24_000 }
const brief: Timetable = { slowsAtMs: 10_000, healsAtMs: 15_000, endsAtMs: 16_000 }

export const slowDependency: Scenario = {
  name: 'slow-dependency',
  summary: `a dependency that takes ${fastMs} ms, then ${slowMs} ms, then ${fastMs} ms, in a service with room for all`,
  run: async (ground, settings) => {
    const stage = await startStage(ground, 'slots')
    const timetable = settings.isShort ? brief : long
    const changes = [{ atMs: timetable.slowsAtMs, meanMs: slowMs }, { atMs: timetable.healsAtMs, meanMs: fastMs }]
    const plan: ServicePlan = {
      shape: { kind: 'slots', slots: 1024, meanMs: fastMs, spread: 'constant', seed: 1 }, changes,
    }
    const offer = { ratePerSecond, warmUpSeconds: 0, seconds: timetable.endsAtMs / 1000, deadlineMs }
    const result = await runTimed(stage, settings, {
      rounds: settings.rounds,
      first: { plan: { ...plan, changes: [] }, offer: { ...offer, seconds: 1, seed: 7 } },
      run: (subject, { round, isDrawn }) =>
        (isDrawn ? observeClosely : observe)(stage, subject, plan, { ...offer, seed: round + 1 }),
      judge: (observed) => judge(observed, timetable),
    })
    await stage.stop()
    return findings(settings, result)
  },
}

function judge({ report }: Observed, { slowsAtMs, healsAtMs, endsAtMs }: Timetable): Figures {
  const { series = [] } = report
  const settledMs = slowsAtMs + graceMs
  const count = (what: 'ok' | 'refused' | 'offered', fromMs: number, untilMs: number): number =>
    countBetween(series, what, fromMs, untilMs)
  return {
    refusedBefore: count('refused', 0, slowsAtMs),
    refusedInGrace: count('refused', slowsAtMs, settledMs),
    refusedSlow: count('refused', settledMs, healsAtMs),
    goodRatioSlow: count('ok', settledMs, healsAtMs) / Math.max(1, count('offered', settledMs, healsAtMs)),
    refusedAfter: count('refused', healsAtMs, endsAtMs),
    goodRatioAfter: count('ok', healsAtMs, endsAtMs) / Math.max(1, count('offered', healsAtMs, endsAtMs)),
  }
}

function findings({ isShort }: Settings, { arms, courses, notes }: TimedResult): Findings {
  const refused = worst(arms, 'seawall', 'refusedSlow', 'max')
  const good = worst(arms, 'seawall', 'goodRatioSlow', 'min')
  return {
    tables: [{
      title: `${ratePerSecond} a second, deadline ${deadlineMs / 1000} s: refused, and answered in time`,
      columns: [
        '', 'refused before', 'in the first 3 s', 'then, while slow', 'good, while slow', 'refused after', 'good after',
      ],
      rows: arms.map(({ name, figures }) => [
        name,
        spreadCell(figures.refusedBefore), spreadCell(figures.refusedInGrace), spreadCell(figures.refusedSlow),
        percent(figures.goodRatioSlow?.median ?? NaN), spreadCell(figures.refusedAfter),
        percent(figures.goodRatioAfter?.median ?? NaN),
      ]),
    }],
    panels: coursePanels(`dependency ${fastMs}, ${slowMs}, ${fastMs} ms`, courses),
    notes,
    data: { arms, series: courses.map(({ name, observed }) => ({ name, ...observed })) },
    checks: [
      {
        claim: `nothing is refused after the first 3 s, in any round (${short(refused)}${isShort ? ', short' : ''})`,
        holds: refused === 0,
      },
      {
        claim: `at least ${leastGoodRatio} are answered in time while it is slow (${good.toFixed(3)})`,
        holds: good >= leastGoodRatio,
      },
    ],
  }
}
