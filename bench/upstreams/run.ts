// One run of one arm: endpoints made anew, a first load so that nothing is compiled or learned under fire, and then the
// timetable. Arms of scenarios that only count run side by side; those whose latencies are compared run alone.
import { fileURLToPath } from 'node:url'
import type { Ground } from '../ground.ts'
import { freePort } from '../processes.ts'
import type { Arm } from './arm.ts'
import type { CallersPlan, CallersReport } from './callers-plan.ts'
import type { EndpointFigures, EndpointPlan } from './endpoint-plan.ts'
import { momentMs } from './judging.ts'

const endpointsEntry = fileURLToPath(new URL('endpoints-main.ts', import.meta.url))
const callersEntry = fileURLToPath(new URL('callers-main.ts', import.meta.url))
const graceMs = 30_000
const firstLoadMs = 2000

export interface Course {
  readonly endpoints: readonly EndpointPlan[]
  readonly ratePerSecond: number
  readonly durationMs: number
  readonly attemptMs: number
  readonly seed: number
  readonly headers?: Readonly<Record<string, string>>
  /** How long the first load takes; default 2 s, at the same rate. */
  readonly firstLoadMs?: number
}

export interface Ran {
  readonly name: string
  readonly report: CallersReport
  readonly endpoints: readonly EndpointFigures[]
  /** Seawall's own counters at the end, by name and labels. */
  readonly metrics: string
}

/** The arms that can take part here, with why the others cannot. */
export function present(arms: readonly Arm[]): { readonly arms: readonly Arm[], readonly notes: readonly string[] } {
  const missing = arms.flatMap((arm) => arm.missing() ?? [])
  return {
    arms: arms.filter((arm) => arm.missing() === undefined),
    notes: [...new Set(missing)].map((why) => `Left out: ${why}.`),
  }
}

/** All at once. */
export function sideBySide(ground: Ground, arms: readonly Arm[], course: Course): Promise<readonly Ran[]> {
  ground.progress(arms.map(({ name }) => name).join(', '))
  return Promise.all(arms.map((arm) => runArm(ground, arm, course)))
}

export async function oneByOne(ground: Ground, arms: readonly Arm[], course: Course): Promise<readonly Ran[]> {
  const all: Ran[] = []
  for (const arm of arms) {
    ground.progress(arm.name)
    all.push(await runArm(ground, arm, course))
  }
  return all
}

async function runArm(ground: Ground, arm: Arm, course: Course): Promise<Ran> {
  const controlPort = await freePort()
  const ports: number[] = []
  for (const _ of course.endpoints) ports.push(await freePort())
  const endpoints = await ground.processes.serve({
    name: 'endpoints', command: process.execPath, cpu: ground.cpus.load, port: controlPort,
    args: [endpointsEntry, String(controlPort), ports.join(','), JSON.stringify(course.endpoints)],
  })
  const started = await arm.start(ground, ports)
  try {
    const plan: CallersPlan = {
      ports: started.ports, path: '/catalogue', ...course.headers && { headers: course.headers }, momentMs,
      ratePerSecond: course.ratePerSecond, seed: course.seed, durationMs: course.durationMs,
      attemptMs: course.attemptMs, maxAttempts: arm.callerAttempts,
    }
    await call(ground, { ...plan, durationMs: course.firstLoadMs ?? firstLoadMs, seed: course.seed + 1000 })
    const report = await call(ground, { ...plan, controlPort })
    const figures = await (await fetch(`http://127.0.0.1:${controlPort}/figures`)).json() as EndpointFigures[]
    return { name: arm.name, report, endpoints: figures, metrics: await metricsOf(started.metricsPort) }
  } finally {
    await started.stop()
    await endpoints.stop()
  }
}

async function call({ processes, cpus }: Ground, plan: CallersPlan): Promise<CallersReport> {
  const output = await processes.run({
    name: 'callers', command: process.execPath, args: [callersEntry], cpu: cpus.load, input: JSON.stringify(plan),
    boundMs: plan.durationMs + plan.attemptMs * plan.maxAttempts + graceMs,
  })
  return JSON.parse(output) as CallersReport
}

async function metricsOf(port: number | undefined): Promise<string> {
  if (port === undefined) return ''
  try {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    return text.split('\n').filter((line) => /^seawall_[a-z_]+_total/.test(line)).join('\n')
  } catch {
    // Too busy to answer: the figures of callers and endpoints are what counts.
    return ''
  }
}
