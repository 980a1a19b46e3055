// One caller takes a 1 GiB answer at 1 MB a second: does the proxy hold the origin back, or does it hold the answer?
// Plots the proxy's memory over time. Does not measure throughput.
import { caddy, haproxy, nginx, nodeHttp } from '../contenders/neighbours.ts'
import { seawall } from '../contenders/seawall.ts'
import type { Experiment, ExperimentOptions, Findings } from '../experiment.ts'
import { startOrigin } from '../ground.ts'
import type { Ground } from '../ground.ts'
import { memoryDuring } from '../memory-samples.ts'
import type { MemoryCourse } from '../memory-samples.ts'
import { readSlowly } from '../slow-reader.ts'
import { memoryPanel, memoryTable } from './memory-report.ts'

const bodyBytes = 1024 ** 3
const bytesPerSecond = 1_000_000
/** Socket buffers and a runtime's own restlessness; a proxy that reads ahead without bound takes hundreds of MiB. */
const allowedGrowthBytes = 64 * 1024 ** 2

export const slowReader: Experiment = {
  name: 'slow-reader',
  summary: 'memory of the proxy while one caller reads a 1 GiB answer at 1 MB/s',
  defaults: { seconds: 20, rounds: 0, rate: 0 },
  run: watch,
}

// A stream: without a deadline on its body, as a route for downloads is configured.
const streamRoutes = [{ name: 'export', match: { path: '/*' }, stream: true }]

async function watch(ground: Ground, { seconds }: ExperimentOptions): Promise<Findings> {
  const contenders = [seawall(streamRoutes), nginx, haproxy, caddy, nodeHttp]
  const courses: { name: string, course: MemoryCourse, readBytes: number, wasCut: boolean }[] = []
  for (const contender of contenders.filter((one) => one.missing() === undefined)) {
    ground.progress(contender.name)
    const origin = await startOrigin(ground, 'stream-origin.ts', [String(bodyBytes)])
    const subject = await contender.start(ground, origin.port)
    try {
      let result = { readBytes: 0, wasCut: false }
      const course = await memoryDuring(subject.pid ?? 0, async () => {
        result = await readSlowly({ port: subject.port, bytesPerSecond, seconds })
      })
      courses.push({ name: contender.name, course, ...result })
    } finally {
      await subject.stop()
      await origin.stop()
    }
  }
  const own = courses.find(({ name }) => name === 'seawall')
  return {
    tables: [memoryTable('Memory during a slow read: MiB resident', courses, 'read MB', ({ readBytes, wasCut }) =>
      `${(readBytes / 1e6).toFixed(1)}${wasCut ? ' (cut)' : ''}`)],
    panels: [memoryPanel('Memory while one caller reads 1 GiB at 1 MB/s', courses)],
    notes: [
      'The origin sends as fast as it may; sampled every 250 ms. nginx may not spill to a temporary file here.',
      ...contenders.flatMap((contender) => contender.missing() ?? []).map((reason) => `Left out: ${reason}.`),
    ],
    data: { courses },
    checks: own === undefined ? [] : [
      {
        claim: `Seawall grows by at most ${allowedGrowthBytes / 1024 ** 2} MiB`,
        holds: own.course.maxRssBytes - own.course.firstRssBytes <= allowedGrowthBytes,
      },
      { claim: 'the reader is served to the end', holds: !own.wasCut && own.readBytes > 0 },
    ],
  }
}
