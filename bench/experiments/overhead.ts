// What a proxy costs when nothing is wrong: added latency at a modest rate, CPU time a request and memory, for Seawall
// and its neighbours in one run. Says nothing of behaviour under overload or faults.
import { alternate, armNamed, withDifferences } from '../arms.ts'
import type { Arm, ArmResult, Figures } from '../arms.ts'
import { runAutocannon } from '../autocannon.ts'
import { direct } from '../contenders/contender.ts'
import type { Contender, Subject } from '../contenders/contender.ts'
import { caddy, haproxy, nginx, nodeHttp } from '../contenders/neighbours.ts'
import { seawall } from '../contenders/seawall.ts'
import type { Experiment, ExperimentOptions, Findings } from '../experiment.ts'
import type { LoadReport } from '../generator/plan.ts'
import { startOrigin } from '../ground.ts'
import type { Ground } from '../ground.ts'
import { closedPlan, cpuUsPerRequest, getSmall, notOk, offer, openPlan, postKib } from '../workloads.ts'
import type { Workload } from '../workloads.ts'
import { overheadPanels, overheadTables } from './overhead-report.ts'

/** A fresh process compiles and grows first; after this many seconds of full load Node's figures stand still. */
const firstWarmUpSeconds = 2
const warmUpSeconds = 0.5
const memoryConnections = 200

export const workloads: readonly Workload[] = [getSmall, postKib]

export const overhead: Experiment = {
  name: 'overhead',
  summary: 'added latency, CPU time a request and memory of Seawall, nginx, HAProxy, Caddy and plain node:http',
  defaults: { seconds: 4, rounds: 3, rate: 1000 },
  run: compare,
}

async function compare(ground: Ground, options: ExperimentOptions): Promise<Findings> {
  const origin = await startOrigin(ground, 'origin.ts')
  const contenders = [direct, seawall(), nginx, haproxy, caddy, nodeHttp]
  const present = contenders.filter((contender) => contender.missing() === undefined)
  const arms = present.map((contender) => armOf(ground, contender, origin.port, options))
  const measured = await alternate({ arms, rounds: options.rounds, progress: ground.progress })
  const base = armNamed(measured, direct.name)
  const differences = Object.fromEntries(workloads.flatMap(({ name }) =>
    ['p50Us', 'p99Us'].map((figure) => [`${name} ${figure}`, `${name} added ${figure}`])))
  const results = base === undefined ? measured : withDifferences(measured, base, differences)
  return {
    tables: overheadTables(results, workloads),
    panels: overheadPanels(results, workloads),
    notes: [
      `Open loop: Poisson arrivals, ${options.rate} requests a second, latency from the intended moment of sending; ` +
      'added = the same percentile minus that of "direct" in the same round.',
      'CPU time: closed loop of 32 connections, user and system time of all threads and children by answered requests.',
      `Memory: after a closed loop of ${memoryConnections} busy connections, while they are open.`,
      'Load and origin on one core, the proxy alone on another. Median of the rounds; bars and brackets: range.',
      ...contenders.flatMap((contender) => contender.missing() ?? []).map((reason) => `Left out: ${reason}.`),
      ...results.flatMap(warnings),
    ],
    data: { arms: results },
    checks: [],
  }
}

function armOf(ground: Ground, contender: Contender, originPort: number, options: ExperimentOptions): Arm {
  return {
    name: contender.name,
    measure: async (round) => {
      const subject = await contender.start(ground, originPort)
      try {
        return await visit(ground, subject, options, round)
      } finally {
        await subject.stop()
      }
    },
  }
}

async function visit(ground: Ground, subject: Subject, options: ExperimentOptions, round: number): Promise<Figures> {
  const { seconds, rate } = options
  const figures: Record<string, number> = { notOk: 0, latenessP99Us: 0 }
  const note = (report: LoadReport): LoadReport => {
    figures.notOk = (figures.notOk ?? 0) + notOk(report)
    figures.latenessP99Us = Math.max(figures.latenessP99Us ?? 0, report.lateness.p99Ms * 1000)
    return report
  }
  await offer(ground, closedPlan(subject, getSmall, { seconds: 0, warmUpSeconds: firstWarmUpSeconds }))
  for (const workload of workloads) {
    const closed = note(await offer(ground, closedPlan(subject, workload, { seconds, warmUpSeconds })))
    const cpuUs = cpuUsPerRequest(closed)
    if (cpuUs !== undefined) figures[`${workload.name} cpuUs`] = cpuUs
    figures[`${workload.name} requestsPerSecond`] = closed.finished / closed.measuredMs * 1000
    // The same seed for every arm of a round: all are offered the very same arrivals.
    const plan = openPlan(subject, workload, { seconds, ratePerSecond: rate, seed: round + 1 })
    const open = note(await offer(ground, plan))
    const ok = open.outcomes['2xx']
    if (ok === undefined) continue
    figures[`${workload.name} p50Us`] = ok.p50Ms * 1000
    figures[`${workload.name} p99Us`] = ok.p99Ms * 1000
  }
  const run = { seconds: seconds / 2, warmUpSeconds, connections: memoryConnections }
  const crowded = note(await offer(ground, closedPlan(subject, getSmall, run)))
  const memory = crowded.watched?.memory
  const closed = await runAutocannon(ground, subject.port, seconds)
  return {
    ...figures,
    ...memory && { rssBytes: memory.rssBytes, pssBytes: memory.pssBytes, anonymousBytes: memory.anonymousBytes },
    autocannonRequestsPerSecond: closed.requestsPerSecond,
    autocannonP50Ms: closed.p50Ms,
    autocannonP99Ms: closed.p99Ms,
    autocannonNotOk: closed.notOk,
  }
}

/** Later than this, the generator's own lateness shows in the percentiles. */
const tolerableLatenessUs = 300

function warnings({ name, figures }: ArmResult): readonly string[] {
  const failures = figures.notOk?.max ?? 0
  const latenessUs = figures.latenessP99Us?.max ?? 0
  return [
    ...failures > 0 ? [`Careful: ${name} left up to ${failures} requests of a round without a 2xx.`] : [],
    ...latenessUs > tolerableLatenessUs
      ? [`Careful: while loading ${name} the generator was late by up to ${Math.round(latenessUs)} µs (p99).`]
      : [],
  ]
}
