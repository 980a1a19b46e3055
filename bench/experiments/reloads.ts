// Another configuration fifty times a minute under an open load: does anybody notice? Without and with in turn, in one
// process, so that the two are seconds apart. Each reload changes what is compiled (routes, a bulkhead, a header) and
// what is kept (the listener, the upstream's connections).
import { fileURLToPath } from 'node:url'
import { alternate, ratioTo } from '../arms.ts'
import type { Arm, ArmResult, Figures } from '../arms.ts'
import { versionOf } from '../changing-configuration.ts'
import type { Ports } from '../changing-configuration.ts'
import { startSeawallWith } from '../contenders/seawall.ts'
import type { OwnSubject } from '../contenders/seawall.ts'
import type { Experiment, ExperimentOptions, Findings } from '../experiment.ts'
import { startOrigin } from '../ground.ts'
import type { Ground } from '../ground.ts'
import { freePort } from '../processes.ts'
import type { RunningProcess } from '../processes.ts'
import { ratioCell, spreadCell } from '../table.ts'
import { getSmall, notOk, offer, openPlan } from '../workloads.ts'

const reloadsPerMinute = 50
const allowedRatio = 1.2
/** More than a round has reloads: none meets a version that is there already. */
const versionsARound = 1000

export const reloads: Experiment = {
  name: 'reloads',
  summary: `others' answers while the configuration changes ${reloadsPerMinute} times a minute`,
  defaults: { seconds: 20, rounds: 7, rate: 500 },
  short: { seconds: 6, rounds: 3, rate: 300 },
  run: measure,
}

async function measure(ground: Ground, options: ExperimentOptions): Promise<Findings> {
  const origin = await startOrigin(ground, 'origin.ts')
  const first = (ports: Omit<Ports, 'originPort'>): unknown => versionOf({ ...ports, originPort: origin.port }, 0)
  const subject = await startSeawallWith(ground, 'seawall', first)
  const operators = (round: number): Promise<RunningProcess> => startOperator(ground, subject, origin.port, round)
  const results = await alternate({
    arms: [
      armOf('without', ground, subject, options, null),
      armOf('with reloads', ground, subject, options, operators),
    ],
    rounds: options.rounds, progress: ground.progress,
  })
  await subject.stop()
  return findingsOf(results, options)
}

function armOf(
  name: string, ground: Ground, subject: OwnSubject, { seconds, rate }: ExperimentOptions,
  startOne: ((round: number) => Promise<RunningProcess>) | null,
): Arm {
  return {
    name,
    measure: async (round): Promise<Figures> => {
      const before = await reloadsOf(subject)
      const operator = await startOne?.(round)
      const plan = openPlan(subject, getSmall, { seconds, ratePerSecond: rate, seed: round + 1 })
      const report = await offer(ground, plan)
      await operator?.stop()
      const after = await reloadsOf(subject)
      const ok = report.outcomes['2xx']
      const figures = {
        p50Ms: ok?.p50Ms ?? NaN, p99Ms: ok?.p99Ms ?? NaN, notOk: notOk(report),
        applied: after.applied - before.applied, rejected: after.rejected - before.rejected,
      }
      // At once, for whoever does not live to see the end.
      ground.progress(`${name}, round ${round + 1}: ${JSON.stringify(figures)}`)
      return figures
    },
  }
}

/** On the load's core, with what load and origin leave of it: an operator has a machine of its own. */
async function startOperator(
  { processes, cpus }: Ground, { port, adminPort, file }: OwnSubject, originPort: number, round: number,
): Promise<RunningProcess> {
  const readyPort = await freePort()
  const entry = fileURLToPath(new URL('../operator.ts', import.meta.url))
  const words = [readyPort, port, adminPort, originPort, file, 1 + round * versionsARound, 60_000 / reloadsPerMinute]
  return processes.serve({
    name: 'operator', command: process.execPath, args: [entry, ...words.map(String)], cpu: cpus.load, port: readyPort,
    yields: true,
  })
}

/** As Seawall counts them. */
async function reloadsOf({ adminPort }: OwnSubject): Promise<{ applied: number, rejected: number }> {
  const page = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
  const count = (result: string): number =>
    Number(new RegExp(`^seawall_config_reloads_total\\{result="${result}"\\} (\\d+)`, 'm').exec(page)?.[1] ?? 0)
  return { applied: count('applied'), rejected: count('rejected') }
}

function findingsOf(results: readonly ArmResult[], { seconds, rounds, rate }: ExperimentOptions): Findings {
  const [without, reloaded] = results
  if (without === undefined || reloaded === undefined) throw new Error('Two arms were asked for')
  const ratio = ratioTo(without, reloaded, 'p99Ms')
  const sum = (figure: string): number =>
    results.flatMap((result) => result.rounds).reduce((total, figures) => total + (figures[figure] ?? 0), 0)
  return {
    tables: [{
      title: `Answers at ${rate} requests a second`,
      columns: ['arm', 'p50 ms', 'p99 ms', 'p99 to without', 'not 2xx', 'reloads'],
      rows: results.map((result) => [result.name, spreadCell(result.figures['p50Ms']),
        spreadCell(result.figures['p99Ms']), ratioCell(ratioTo(without, result, 'p99Ms')),
        spreadCell(result.figures['notOk']), spreadCell(result.figures['applied'])]),
    }],
    panels: [{ kind: 'dots', title: 'p99, round by round', valueLabel: 'ms', rows: results.flatMap((result) => {
      const spread = result.figures['p99Ms']
      return spread === undefined ? [] : [{ name: result.name, spread }]
    }) }],
    notes: [
      `${sum('applied')} reloads in ${rounds} rounds of ${seconds} s; each changes routes, a bulkhead and a header.`,
      'Open loop, Poisson arrivals; origin and load on one core, Seawall on the other.',
      'Who reloads has what origin and load leave of their core.',
    ],
    data: { results },
    checks: [
      { claim: 'every request is answered with a 2xx, without and with', holds: sum('notOk') === 0 },
      { claim: 'every reload is applied', holds: sum('applied') > 0 && sum('rejected') === 0 },
      {
        claim: `the p99 stays within ${allowedRatio} of what it is without (median ${ratio?.median.toFixed(2) ?? '–'})`,
        holds: ratio !== undefined && ratio.median <= allowedRatio,
      },
    ],
  }
}
