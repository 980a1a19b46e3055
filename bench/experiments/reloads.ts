// Another configuration fifty times a minute under an open load: does anybody notice? Without and with in turn, in one
// process, so that the two are seconds apart. Each reload changes what is compiled (routes, a bulkhead, a header) and
// what is kept (the listener, the upstream's connections).
import { writeFileSync } from 'node:fs'
import { alternate, ratioTo } from '../arms.ts'
import type { Arm, ArmResult, Figures } from '../arms.ts'
import { startSeawallWith } from '../contenders/seawall.ts'
import type { OwnSubject } from '../contenders/seawall.ts'
import type { Experiment, ExperimentOptions, Findings } from '../experiment.ts'
import { startOrigin } from '../ground.ts'
import type { Ground } from '../ground.ts'
import { ratioCell, spreadCell } from '../table.ts'
import { getSmall, notOk, offer, openPlan } from '../workloads.ts'

const reloadsPerMinute = 50
const allowedRatio = 1.2

export const reloads: Experiment = {
  name: 'reloads',
  summary: `others' answers while the configuration changes ${reloadsPerMinute} times a minute`,
  defaults: { seconds: 20, rounds: 7, rate: 500 },
  short: { seconds: 6, rounds: 3, rate: 300 },
  run: measure,
}

async function measure(ground: Ground, options: ExperimentOptions): Promise<Findings> {
  const origin = await startOrigin(ground, 'origin.ts')
  const subject = await startSeawallWith(ground, 'seawall', (ports) => configuration(ports, origin.port, 0))
  const versions = { last: 0 }
  const reloading = (): Reloading => new Reloading(subject, origin.port, versions)
  const results = await alternate({
    arms: [
      armOf('without', ground, subject, options, null),
      armOf('with reloads', ground, subject, options, reloading),
    ],
    rounds: options.rounds, progress: ground.progress,
  })
  await subject.stop()
  return findingsOf(results, options)
}

function armOf(
  name: string, ground: Ground, subject: OwnSubject, { seconds, rate }: ExperimentOptions,
  startReloading: (() => Reloading) | null,
): Arm {
  return {
    name,
    measure: async (round): Promise<Figures> => {
      const reloading = startReloading?.()
      const plan = openPlan(subject, getSmall, { seconds, ratePerSecond: rate, seed: round + 1 })
      const report = await offer(ground, plan)
      const applied = await reloading?.stop() ?? {}
      const ok = report.outcomes['2xx']
      const figures = { p50Ms: ok?.p50Ms ?? NaN, p99Ms: ok?.p99Ms ?? NaN, notOk: notOk(report), ...applied }
      // At once, for whoever does not live to see the end.
      ground.progress(`${name}, round ${round + 1}: ${JSON.stringify(figures)}`)
      return figures
    },
  }
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
    ],
    data: { results },
    checks: [
      { claim: 'every request is answered with a 2xx, without and with', holds: sum('notOk') === 0 },
      { claim: 'every reload is applied', holds: sum('applied') > 0 && sum('refused') === 0 },
      {
        claim: `the p99 stays within ${allowedRatio} of what it is without (median ${ratio?.median.toFixed(2) ?? '–'})`,
        holds: ratio !== undefined && ratio.median <= allowedRatio,
      },
    ],
  }
}

/** Writes another version and has it read, at a steady pace, until it is stopped. */
class Reloading {
  readonly #subject: OwnSubject
  readonly #originPort: number
  readonly #versions: { last: number }
  readonly #timer: NodeJS.Timeout
  #applied = 0
  #refused = 0
  #under: Promise<void> = Promise.resolve()

  constructor(subject: OwnSubject, originPort: number, versions: { last: number }) {
    this.#subject = subject
    this.#originPort = originPort
    this.#versions = versions
    this.#timer = setInterval(() => { this.#under = this.#reload() }, 60_000 / reloadsPerMinute)
  }

  async stop(): Promise<{ applied: number, refused: number }> {
    clearInterval(this.#timer)
    await this.#under
    return { applied: this.#applied, refused: this.#refused }
  }

  async #reload(): Promise<void> {
    const { port, adminPort, file } = this.#subject
    const version = ++this.#versions.last
    writeFileSync(file, JSON.stringify(configuration({ port, adminPort }, this.#originPort, version)))
    const answer = await fetch(`http://127.0.0.1:${adminPort}/admin/reload`, { method: 'POST' })
    // Its own look at the file may have come first: then there is nothing left to change, and it has been changed.
    await answer.text()
    if (answer.status === 200) this.#applied++
    else this.#refused++
  }
}

function configuration({ port, adminPort }: { port: number, adminPort: number }, originPort: number,
  version: number): unknown {
  const extra = Array.from({ length: version % 20 }, (_, i) => ({ name: `extra-${i}`, path: `/extra-${i}/*` }))
  return {
    version: 1,
    listeners: { public: { kind: 'ingress', listen: `127.0.0.1:${port}` } },
    admin: { listen: `127.0.0.1:${adminPort}` },
    drain: { delay: 0, timeout: '1s' },
    upstreams: {
      // What a learned limit makes of a machine that others keep busy is not asked here.
      origin: {
        endpoints: [`http://127.0.0.1:${originPort}`], limit: 'off',
        bulkhead: { maxConcurrent: 400 + version % 100, maxWait: '1s' },
      },
    },
    routes: [...extra, { name: 'everything', path: '/*' }].map(({ name, path }) => ({
      name, listener: 'public', match: { path }, upstream: 'origin', deadline: { default: '10s', max: '10s' },
      headers: { response: { set: { 'x-version': String(version) } } },
    })),
  }
}
