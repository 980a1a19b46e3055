// How much memory a proxy takes with 200 busy keep-alive connections, from an idle start to the end of the load. Does
// not look for slow leaks, which show only in hours.
import { caddy, haproxy, nginx, nodeHttp } from '../contenders/neighbours.ts'
import { seawall } from '../contenders/seawall.ts'
import type { Experiment, ExperimentOptions, Findings } from '../experiment.ts'
import type { LoadReport } from '../generator/plan.ts'
import { startOrigin } from '../ground.ts'
import type { Ground } from '../ground.ts'
import { memoryDuring } from '../memory-samples.ts'
import type { MemoryCourse } from '../memory-samples.ts'
import { short } from '../table.ts'
import { closedPlan, notOk, offer, postKib } from '../workloads.ts'
import { memoryPanel, memoryTable } from './memory-report.ts'

const connections = 200

export const memory: Experiment = {
  name: 'memory',
  summary: `memory of the proxy with ${connections} busy keep-alive connections`,
  defaults: { seconds: 10, rounds: 0, rate: 0 },
  run: watch,
}

async function watch(ground: Ground, { seconds }: ExperimentOptions): Promise<Findings> {
  const contenders = [seawall(), nginx, haproxy, caddy, nodeHttp]
  const origin = await startOrigin(ground, 'origin.ts')
  const courses: { name: string, course: MemoryCourse, report: LoadReport | undefined }[] = []
  for (const contender of contenders.filter((one) => one.missing() === undefined)) {
    ground.progress(contender.name)
    const subject = await contender.start(ground, origin.port)
    try {
      let report: LoadReport | undefined
      const course = await memoryDuring(subject.pid ?? 0, async () => {
        report = await offer(ground, closedPlan(subject, postKib, { seconds, warmUpSeconds: 0, connections }))
      })
      courses.push({ name: contender.name, course, report })
      ground.progress(`${contender.name}: settled at ${short(course.plateauRssBytes / 2 ** 20)} MiB`)
    } finally {
      await subject.stop()
    }
  }
  const failures = courses.filter(({ report }) => report === undefined || notOk(report) > 0)
  const title = `Memory with ${connections} busy connections: MiB resident`
  return {
    tables: [memoryTable(title, courses, 'requests/s', ({ report }) =>
      report === undefined ? '–' : short(report.finished / report.measuredMs * 1000))],
    panels: [memoryPanel(`Memory with ${connections} busy connections, POST of 1 KiB`, courses)],
    notes: [
      'Closed loop, so each proxy works at its own full speed; sampled every 250 ms from its start.',
      ...contenders.flatMap((contender) => contender.missing() ?? []).map((reason) => `Left out: ${reason}.`),
      ...failures.map(({ name }) => `Careful: ${name} left requests without a 2xx.`),
    ],
    data: { courses },
    checks: [],
  }
}
