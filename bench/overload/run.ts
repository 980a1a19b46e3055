// One run: a service made anew, a load in open loop through one contender, and what all three say of it afterwards.
import type { Contender, Subject } from '../contenders/contender.ts'
import type { LoadReport, OpenLoopPlan, RateStep } from '../generator/plan.ts'
import { runLoad } from '../generator/start.ts'
import type { ServiceFigures, ServicePlan } from '../origins/workplace.ts'
import { readDuring } from './scrape.ts'
import type { Reading } from './scrape.ts'
import type { Stage } from './stage.ts'

/** When the caller leaves; what comes later is no use to anybody. */
export const deadlineMs = 500
export const momentMs = 100

export interface Offer {
  readonly ratePerSecond: number
  readonly steps?: readonly RateStep[]
  /** Offered but not counted. */
  readonly warmUpSeconds: number
  readonly seconds: number
  readonly seed: number
  readonly deadlineMs?: number
  readonly headers?: Readonly<Record<string, string>>
}

export interface Observed {
  readonly report: LoadReport
  readonly service: ServiceFigures
  readonly readings: readonly Reading[]
}

/** Starts the contender, leads it through `work` and stops it. A short load comes first: a fresh process compiles. */
export async function visit<T>(
  stage: Stage, contender: Contender, first: { plan: ServicePlan, offer: Offer } | undefined,
  work: (subject: Subject) => Promise<T>,
): Promise<T> {
  const subject = await contender.start(stage.ground, stage.port)
  try {
    if (first !== undefined) await observe(stage, subject, first.plan, first.offer)
    return await work(subject)
  } finally {
    await subject.stop()
  }
}

export async function observe(stage: Stage, subject: Subject, plan: ServicePlan, offer: Offer): Promise<Observed> {
  await stage.plan(plan)
  const report = await load(stage, subject, offer)
  return { report, service: await stage.figures(), readings: [] }
}

/** The same with Seawall's gauges read all the while. */
export async function observeClosely(
  stage: Stage, subject: Subject, plan: ServicePlan, offer: Offer,
): Promise<Observed> {
  await stage.plan(plan)
  const { result: report, readings } = await readDuring(subject, () => load(stage, subject, offer))
  return { report, service: await stage.figures(), readings }
}

/** Only the load, for scenarios that offer two at once. */
export function load({ ground, generatorCpu }: Stage, subject: Subject, offer: Offer): Promise<LoadReport> {
  return runLoad(ground.processes, generatorCpu, planOf(subject, offer))
}

function planOf(subject: Subject, offer: Offer): OpenLoopPlan {
  return {
    kind: 'open',
    host: '127.0.0.1',
    port: subject.port,
    request: { method: 'GET', path: '/catalogue', headers: { 'user-agent': 'bench', ...offer.headers } },
    ratePerSecond: offer.ratePerSecond,
    ...offer.steps && { steps: offer.steps },
    arrivals: 'poisson',
    seed: offer.seed,
    warmUpMs: offer.warmUpSeconds * 1000,
    durationMs: offer.seconds * 1000,
    deadlineMs: offer.deadlineMs ?? deadlineMs,
    pacing: 'thrifty',
    momentMs,
    connections: 32,
    // Enough for every caller of a deadline at ten times the load of 400 a second.
    maxConnections: 4096,
    ...subject.pid !== undefined && { watchPid: subject.pid },
  }
}
