// A service of constant capacity at two, five and ten times its load: goodput against the best static limit that could
// be found by hand, and how long admitted and refused callers waited. Changes of the capacity are other scenarios'.
import { summarise } from '../arms.ts'
import type { Figures } from '../arms.ts'
import type { Contender, Subject } from '../contenders/contender.ts'
import { envoyAdaptive, envoyHint, none } from '../contenders/protections.ts'
import { seawallUntouched } from '../contenders/seawall.ts'
import type { Check, Findings } from '../experiment.ts'
import type { Ground } from '../ground.ts'
import { coursePanels } from './courses.ts'
import type { Course } from './courses.ts'
import { figuresOf } from './figures.ts'
import { observe, observeClosely, visit } from './run.ts'
import type { Offer } from './run.ts'
import type { Scenario, Settings } from './scenario.ts'
import { read } from './scrape.ts'
import { startStage } from './stage.ts'
import type { Stage } from './stage.ts'
import { bestStatic, steadyChecks, steadyTable } from './steady-report.ts'
import type { SteadyOptions, SteadyResult } from './steady-report.ts'
import { sweep } from './sweep.ts'

const factors = [2, 5, 10] as const
const warmUpSeconds = 1

export const steadySlots = steady({
  name: 'steady-slots',
  summary: '8 slots, exponential 20 ms (400 a second), unbounded line inside; 2, 5 and 10 times the load',
  plan: { shape: { kind: 'slots', slots: 8, meanMs: 20, spread: 'exponential', seed: 1 }, changes: [] },
  capacityPerSecond: 400,
  limits: [6, 8, 10, 14, 20],
})

export const steadyCpu = steady({
  name: 'steady-cpu',
  summary: 'one thread, 5 ms of work a request (200 a second), unbounded line inside; 2, 5 and 10 times the load',
  plan: { shape: { kind: 'busy', workMs: 5 }, changes: [] },
  capacityPerSecond: 200,
  limits: [1, 2, 4, 8, 14],
})

function steady(options: SteadyOptions): Scenario {
  return {
    name: options.name, summary: options.summary, run: (ground, settings) => compare(ground, options, settings),
  }
}

async function compare(ground: Ground, options: SteadyOptions, settings: Settings): Promise<Findings> {
  const stage = await startStage(ground, options.plan.shape.kind)
  const { plan, capacityPerSecond, limits } = options
  const swept = await sweep(stage, plan, {
    ratePerSecond: 5 * capacityPerSecond, warmUpSeconds: 0.5, seconds: settings.isShort ? 1 : 2, seed: 77,
  }, settings.isShort ? limits.slice(2, 4) : limits)
  const seawall = seawallUntouched()
  const contenders = [none, ...swept.best, envoyAdaptive, seawall]
  const present = contenders.filter((contender) => contender.missing() === undefined)
  const results = await alternately(stage, present, options, settings)
  const best = bestStatic(results, 5, swept.best.map(({ name }) => name))
  const inPicture = settings.isShort ? [seawall.name] : [none.name, best?.name, envoyAdaptive.name, seawall.name]
  const drawn = present.filter(({ name }) => inPicture.includes(name))
  const courses = await drawCourses(stage, drawn, options, settings)
  await stage.stop()
  return {
    tables: [swept.table, steadyTable(options, results, swept.best.map(({ name }) => name))],
    panels: coursePanels('0.7, 2, 5, 10 and 0.7 times', courses),
    notes: [
      `Best static limit of the sweep at 5x: ${best?.name ?? 'none took part'}.`,
      `Capacity ${capacityPerSecond} a second. Poisson arrivals in open loop, deadline 500 ms, callers leave at it; ` +
      `${settings.seconds} s measured after ${warmUpSeconds} s of the same load, median of ${settings.rounds} rounds.`,
      ...contenders.flatMap((contender) => contender.missing() === undefined ? [] :
        [`Left out: ${contender.missing()}${contender === envoyAdaptive ? ` (${envoyHint})` : ''}.`]),
      ...lateNotes(results),
    ],
    data: { sweep: swept.data, results, series: courses.map(({ name, observed }) => ({ name, ...observed })) },
    checks: [...honesty(results, options), ...steadyChecks(results, swept.best.map(({ name }) => name))],
  }
}

async function alternately(
  stage: Stage, contenders: readonly Contender[], options: SteadyOptions, settings: Settings,
): Promise<readonly SteadyResult[]> {
  const figures = new Map<string, Figures[]>()
  for (let round = 0; round < settings.rounds; round++) {
    for (const contender of contenders) {
      // What collapses, collapses in every round.
      if (contender === none && round > 0) continue
      stage.ground.progress(`round ${round + 1} of ${settings.rounds}: ${contender.name}`)
      await visit(stage, contender, { plan: options.plan, offer: firstOffer(options) }, async (subject) => {
        for (const factor of factorsOf(settings)) {
          const key = `${factor} ${contender.name}`
          figures.set(key, [...figures.get(key) ?? [], await measure(stage, subject, options, settings, factor, round)])
        }
      })
    }
  }
  return factorsOf(settings).map((factor) => ({
    factor, arms: contenders.map(({ name }) => summarise(name, figures.get(`${factor} ${name}`) ?? [])),
  }))
}

function factorsOf({ isShort }: Settings): readonly number[] {
  return isShort ? factors.slice(1) : factors
}

async function measure(
  stage: Stage, subject: Subject, options: SteadyOptions, settings: Settings, factor: number, round: number,
): Promise<Figures> {
  const ratePerSecond = factor * options.capacityPerSecond
  // The same seed for every contender of a round: all are offered the very same arrivals.
  const offer: Offer = { ratePerSecond, warmUpSeconds, seconds: settings.seconds, seed: round * 100 + factor }
  const { report, service } = await observe(stage, subject, options.plan, offer)
  const { seawall_limit: limit, seawall_limit_baseline_seconds: baseline } = await read(subject)
  return {
    ...figuresOf(report, settings.seconds),
    inVainRatio: service.finished === 0 ? 0 : service.inVain / service.finished,
    ...limit !== undefined && { limit },
    ...baseline !== undefined && { baselineMs: baseline * 1000 },
  }
}

function firstOffer({ capacityPerSecond }: SteadyOptions): Offer {
  return { ratePerSecond: 0.7 * capacityPerSecond, warmUpSeconds: 0, seconds: 1, seed: 7 }
}

async function drawCourses(
  stage: Stage, contenders: readonly Contender[], options: SteadyOptions, settings: Settings,
): Promise<readonly Course[]> {
  const stretchSeconds = settings.isShort ? 1 : 2
  const rates = [0.7, 2, 5, 10, 0.7].map((factor) => factor * options.capacityPerSecond)
  const steps = rates.map((perSecond, index) => ({ fromMs: index * stretchSeconds * 1000, perSecond }))
  const courses: Course[] = []
  for (const contender of contenders) {
    stage.ground.progress(`to be drawn: ${contender.name}`)
    const offer = {
      ratePerSecond: rates[0] ?? 1, steps, warmUpSeconds: 0, seconds: rates.length * stretchSeconds, seed: 5,
    }
    const observed = await visit(stage, contender, undefined, (subject) =>
      observeClosely(stage, subject, options.plan, offer))
    courses.push({ name: contender.name, observed })
  }
  return courses
}

/** Without these the comparison would prove nothing: the load is too much, and a static limit can bear it. */
function honesty(results: readonly SteadyResult[], { capacityPerSecond }: SteadyOptions): readonly Check[] {
  const arms = results.find(({ factor }) => factor === 5)?.arms ?? []
  const goodput = (prefix: string): number =>
    arms.find(({ name }) => name.startsWith(prefix))?.figures.goodputPerSecond?.median ?? NaN
  return [
    { claim: 'without protection next to nothing is left at 5x', holds: goodput('none') <= 0.05 * capacityPerSecond },
    {
      claim: 'nginx tuned by hand keeps at least 0.9 of the nominal capacity at 5x',
      holds: !(goodput('nginx') < 0.9 * capacityPerSecond),
    },
  ]
}

/** Later than this, the generator's own lateness shows in the percentiles of refusals. */
const tolerableLatenessMs = 2

function lateNotes(results: readonly SteadyResult[]): readonly string[] {
  return results.flatMap(({ factor, arms }) => arms.flatMap(({ name, figures }) => {
    const lateMs = figures.latenessP99Ms?.max ?? 0
    return lateMs <= tolerableLatenessMs ? [] :
      [`Careful: at ${factor}x before ${name} the generator was late by up to ${lateMs.toFixed(1)} ms (p99).`]
  }))
}
