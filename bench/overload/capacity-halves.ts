// Half of the slots go away in the middle of a run and come back: how long until all that is left, and then all that is
// back, is used again. At 0.8 of the capacity only the middle is an overload; at twice the capacity all of it is.
import type { Figures } from '../arms.ts'
import type { Check, Findings } from '../experiment.ts'
import type { ServicePlan } from '../origins/workplace.ts'
import { short, spreadCell } from '../table.ts'
import type { Table } from '../table.ts'
import { coursePanels } from './courses.ts'
import { countBetween, recoveryMs } from './recovery.ts'
import { observe, observeClosely } from './run.ts'
import type { Observed } from './run.ts'
import type { Scenario, Settings } from './scenario.ts'
import { startStage } from './stage.ts'
import type { Stage } from './stage.ts'
import { medianOf, runTimed } from './timed.ts'
import type { TimedResult } from './timed.ts'

const slots = 8
const meanMs = 20
const capacityPerSecond = slots * 1000 / meanMs
const loads = [0.8, 2] as const
const withinMs = 2000

interface Timetable {
  readonly halvesAtMs: number
  readonly returnsAtMs: number
  readonly endsAtMs: number
}

const long: Timetable = { halvesAtMs: 3000, returnsAtMs: 8000, endsAtMs: 13_000 }
const brief: Timetable = { halvesAtMs: 1500, returnsAtMs: 4500, endsAtMs: 7500 }

export const capacityHalves: Scenario = {
  name: 'capacity-halves',
  summary: '8 slots, of which 4 go away and come back (400, 200, 400 a second), at 0.8 and 2 times the load',
  run: async (ground, settings) => {
    const stage = await startStage(ground, 'slots')
    const results: { load: number, result: TimedResult }[] = []
    // The brief one has no time for both.
    for (const load of settings.isShort ? loads.slice(0, 1) : loads) {
      results.push({ load, result: await atLoad(stage, settings, load) })
    }
    await stage.stop()
    return findings(settings, results)
  },
}

function atLoad(stage: Stage, settings: Settings, load: number): Promise<TimedResult> {
  const timetable = settings.isShort ? brief : long
  const changes = [
    { atMs: timetable.halvesAtMs, slots: slots / 2 }, { atMs: timetable.returnsAtMs, slots },
  ]
  const plan: ServicePlan = { shape: { kind: 'slots', slots, meanMs, spread: 'exponential', seed: 1 }, changes }
  const offer = { ratePerSecond: load * capacityPerSecond, warmUpSeconds: 0, seconds: timetable.endsAtMs / 1000 }
  return runTimed(stage, settings, {
    rounds: settings.rounds,
    first: { plan: { ...plan, changes: [] }, offer: { ...offer, ratePerSecond: 280, seconds: 1, seed: 7 } },
    run: (subject, { round, isDrawn }) =>
      (isDrawn ? observeClosely : observe)(stage, subject, plan, { ...offer, seed: round + 1 }),
    judge: (observed) => judge(observed, timetable),
  })
}

// The series begins with the schedule, the changes with the first request: a few milliseconds apart.
function judge({ report }: Observed, { halvesAtMs, returnsAtMs, endsAtMs }: Timetable): Figures {
  const { series = [] } = report
  const between = (fromMs: number, untilMs: number): number =>
    countBetween(series, 'ok', fromMs, untilMs) / (untilMs - fromMs) * 1000
  return {
    beforePerSecond: between(0, halvesAtMs),
    halvedPerSecond: between(halvesAtMs, returnsAtMs),
    returnedPerSecond: between(returnsAtMs, endsAtMs),
    fullAgainHalvedMs: recoveryMs({
      series, changeAtMs: halvesAtMs, untilMs: returnsAtMs, capacityPerSecond: capacityPerSecond / 2,
    }),
    fullAgainReturnedMs: recoveryMs({ series, changeAtMs: returnsAtMs, untilMs: endsAtMs, capacityPerSecond }),
  }
}

function findings(
  { isShort }: Settings, results: readonly { readonly load: number, readonly result: TimedResult }[],
): Findings {
  return {
    tables: results.map(({ load, result }) => tableOf(load, result)),
    panels: results.flatMap(({ load, result }) => coursePanels(`${load} times the load`, result.courses)),
    notes: [
      'Full again: from when on three seconds in a row have 0.95 of what is offered or possible, from the change on.',
      ...results[0]?.result.notes ?? [],
    ],
    data: results.map(({ load, result }) => ({
      load, arms: result.arms, series: result.courses.map(({ name, observed }) => ({ name, ...observed })),
    })),
    checks: results.flatMap(({ load, result }) => checksOf(load, result, isShort)),
  }
}

function tableOf(load: number, { arms }: TimedResult): Table {
  return {
    title: `${load} times the load (${load * capacityPerSecond} a second): goodput a second, and time to all of it`,
    columns: ['', 'before', 'halved', 'returned', 'full again, halved (ms)', 'full again, returned (ms)'],
    rows: arms.map(({ name, figures }) => [
      name,
      spreadCell(figures.beforePerSecond), spreadCell(figures.halvedPerSecond), spreadCell(figures.returnedPerSecond),
      spreadCell(figures.fullAgainHalvedMs), spreadCell(figures.fullAgainReturnedMs),
    ]),
  }
}

function checksOf(load: number, { arms }: TimedResult, isShort: boolean): readonly Check[] {
  return (['fullAgainHalvedMs', 'fullAgainReturnedMs'] as const).map((figure) => {
    const tookMs = medianOf(arms, 'seawall', figure)
    const what = figure === 'fullAgainHalvedMs' ? 'after the drop' : 'after the return'
    return {
      claim: `${load}x: full goodput ${what} within ${withinMs} ms (${short(tookMs)}${isShort ? ', short' : ''})`,
      holds: tookMs <= withinMs,
    }
  })
}
