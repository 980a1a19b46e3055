// autocannon as its users run it: a closed loop, and never with -R, whose correction for coordinated omission in 9.0.0
// halves the percentiles. Its latencies are whole milliseconds, so it shows throughput and big differences only.
import { createRequire } from 'node:module'
import type { Ground } from './ground.ts'

export interface AutocannonFigures {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly notOk: number
}

interface AutocannonReport {
  readonly requests: { readonly average: number }
  readonly latency: { readonly p50: number, readonly p99: number }
  readonly non2xx: number
  readonly errors: number
  readonly timeouts: number
}

const entry = createRequire(import.meta.url).resolve('autocannon')
const connections = 32

/** Runs on the load's core. Throws when autocannon fails. */
export async function runAutocannon(ground: Ground, port: number, seconds: number): Promise<AutocannonFigures> {
  // It takes whole seconds only.
  const duration = Math.max(1, Math.round(seconds))
  const output = await ground.processes.run({
    name: 'autocannon',
    command: process.execPath,
    args: [entry, '-j', '-n', '-c', String(connections), '-d', String(duration), `http://127.0.0.1:${port}/catalogue`],
    cpu: ground.cpus.load,
    boundMs: duration * 1000 + 30_000,
  })
  const report = JSON.parse(output) as AutocannonReport
  return {
    requestsPerSecond: report.requests.average,
    p50Ms: report.latency.p50,
    p99Ms: report.latency.p99,
    notOk: report.non2xx + report.errors + report.timeouts,
  }
}
