// What the runs of the slow provider come to, and that the file they run is the repository's own.
import { test } from 'tap'
import type { LatencySummary, LoadReport } from '../generator/plan.ts'
import { endedP99Ms, goodRatio } from './picture-load.ts'
import type { Reports } from './picture-load.ts'
import { configurationOf } from './picture.ts'
import { claimsOf, compared } from './slow-provider-report.ts'
import type { PictureResult } from './slow-provider-report.ts'

function latency(count: number, ms: number): LatencySummary {
  return { count, minMs: ms, meanMs: ms, p50Ms: ms, p90Ms: ms, p99Ms: ms, p999Ms: ms, maxMs: ms }
}

function reportOf(offered: number, outcomes: LoadReport['outcomes']): LoadReport {
  return {
    offered, outcomes, started: offered, finished: offered, lateness: latency(0, 0), waitedForConnection: 0,
    peakConnections: 0, measuredMs: 1000,
  }
}

const routes = ['/charge', '/catalogue', '/risk', '/charges/:id']
const all = (p99Ms: number, ok = 100): Reports =>
  Object.fromEntries(routes.map((route) => [route, reportOf(100, { '2xx': latency(ok, p99Ms) })]))

const good: PictureResult = {
  name: 'seawall', before: all(10), slow: all(12),
  scoresBefore: { calls: 100, good: 100, seconds: 1 }, scoresSlow: { calls: 50, good: 50, seconds: 0.6 },
  mostInUse: 5, mostWaiting: 0, poolAgainMs: 300, lastGood: 0,
  fraudBefore: all(10), fraudBusy: all(10), bulkheadRefusals: 7,
  fanOut: { '/summary/:id': reportOf(10, { '5xx': latency(10, 810) }) }, egressMs: 801, inherited: 20,
}

test('a route is compared with itself in the phase before', async (t) => {
  t.strictSame(compared(all(10), all(15, 80), '/risk'), { kept: 0.8, slower: 1.5 })
  t.ok(Number.isNaN(compared(all(10), {}, '/risk').kept))
})

test('the longest ending counts, whatever it was', async (t) => {
  const report = reportOf(10, { '2xx': latency(5, 20), '5xx': latency(3, 800), timeout: latency(2, 4000) })
  t.equal(endedP99Ms(report), 4000)
  t.equal(goodRatio(report), 0.5)
})

test('the claims hold for what is good, and fail for what is not', async (t) => {
  const failing = (changes: Partial<PictureResult>): number =>
    claimsOf([{ ...good, ...changes }]).filter(({ holds }) => !holds).length
  t.equal(failing({}), 0)
  t.equal(failing({ slow: all(16) }), 2, 'two routes are slower')
  t.equal(failing({ slow: all(12, 90) }), 2, 'two routes lose goodput')
  t.equal(failing({ before: all(10, 90), slow: all(12, 90) }), 1, 'a bad before excuses nothing')
  t.equal(failing({ scoresSlow: { calls: 50, good: 40, seconds: 1 } }), 2, 'calls out are lost and slower')
  t.equal(failing({ poolAgainMs: Infinity }), 1)
  t.equal(failing({ bulkheadRefusals: 0 }), 1)
  t.equal(failing({ fraudBusy: all(20) }), 2)
  t.equal(failing({ fanOut: { '/summary/:id': reportOf(10, { timeout: latency(10, 4000) }) } }), 1)
  t.equal(failing({ egressMs: NaN }), 1, 'nothing measured is no success')
  t.equal(claimsOf([{ ...good, name: 'none' }]).length, 0)
})

test('the picture runs config/charge.json on other ports, with the changes asked for and no others', async (t) => {
  const ports = new Map([[8080, 18_080], [3000, 13_000], [4001, 14_001]])
  const file = configurationOf(ports, {
    routes: { score: { inherit: 'off' } }, upstreams: { fraud: { bulkhead: { maxConcurrent: 4 } } },
  })
  const text = JSON.stringify(file)
  t.ok(text.includes('127.0.0.1:18080') && text.includes('127.0.0.1:13000') && text.includes('127.0.0.1:14001'))
  t.notOk(text.includes('127.0.0.1:8080"') || text.includes('127.0.0.1:3000"'))
  const routes = file.routes as readonly { readonly name: string, readonly inherit?: string }[]
  t.strictSame(routes.filter(({ inherit }) => inherit === 'off').map(({ name }) => name), ['score'])
  const { fraud, provider } = file.upstreams as Readonly<Record<string, { readonly bulkhead: object }>>
  t.strictSame(fraud?.bulkhead, { maxConcurrent: 4 })
  t.not(provider, undefined)
})
