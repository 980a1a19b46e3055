// What turns runs into figures and claims: recovery, choice of limits, cost of a refusal, growth, the bound of a line.
import { test } from 'tap'
import type { LatencySummary, LoadReport, Moment } from '../generator/plan.ts'
import { figuresOf } from './figures.ts'
import { renderPage } from './keep.ts'
import { growthBytes } from './memory.ts'
import { countBetween, recoveryMs } from './recovery.ts'
import { proxiedUs, refusedUs } from './refusal-cost.ts'
import { gaugesIn } from './scrape.ts'
import { againstStatic, bestStatic, queueBoundMs, steadyChecks } from './steady-report.ts'
import { bestOf } from './sweep.ts'
import { summarise } from '../arms.ts'
import type { Figures } from '../arms.ts'

function latency(count: number, ms: number): LatencySummary {
  return { count, minMs: ms, meanMs: ms, p50Ms: ms, p90Ms: ms, p99Ms: ms, p999Ms: ms, maxMs: ms }
}

function report(changes: Partial<LoadReport>): LoadReport {
  return {
    offered: 0, started: 0, finished: 0, outcomes: {}, lateness: latency(0, 0), waitedForConnection: 0,
    peakConnections: 0, measuredMs: 1000, ...changes,
  }
}

/** `ok` a tenth of a second of `offered`, as `rate` says for each second. */
function seriesOf(rates: readonly { offered: number, ok: number }[]): readonly Moment[] {
  return rates.flatMap(({ offered, ok }, second) => Array.from({ length: 10 }, (_, tenth) => ({
    atMs: second * 1000 + tenth * 100, offered: offered / 10, ok: ok / 10, late: 0, refused: 0, failed: 0, p99Ms: 0,
  })))
}

test('a run comes to figures in which every request stands once', async (t) => {
  const figures = figuresOf(report({
    offered: 2000,
    outcomes: { '2xx': latency(800, 90), '503': latency(1000, 2), timeout: latency(150, 500), '5xx': latency(50, 1) },
    refusals: { 'on-arrival': latency(990, 2), 'from-queue': latency(10, 60) },
  }), 2)
  t.equal(figures.goodputPerSecond, 400)
  t.equal(figures.latePerSecond, 75)
  t.equal(figures.failed, 50)
  t.equal(figures.refused, 1000)
  t.equal(figures.fromQueueRatio, 0.01)
  t.equal(figures.admittedP99Ms, 90)
  t.equal(figures.arrivalP99Ms, 2)
  t.equal(figures.fromQueueP99Ms, 60)
})

test('without refusals there is no share of them, and without answers no latency', async (t) => {
  const figures = figuresOf(report({ offered: 10, outcomes: { timeout: latency(10, 500) } }), 1)
  t.notOk('fromQueueRatio' in figures)
  t.notOk('admittedP99Ms' in figures)
  t.equal(figures.goodputPerSecond, 0)
})

test('full again is the first moment from which three seconds in a row are good', async (t) => {
  const full = { offered: 800, ok: 200 }
  const empty = { offered: 800, ok: 0 }
  const question = { changeAtMs: 1000, untilMs: 8000, capacityPerSecond: 200 }
  const of = (...rates: readonly { offered: number, ok: number }[]): number =>
    recoveryMs({ ...question, series: seriesOf(rates) })
  t.equal(of(empty, full, full, full, full, full, full, full), 0)
  t.equal(of(empty, empty, full, full, full, full, full, full), 1000)
  t.equal(of(full, empty, full, empty, full, full, full, full), 3000, 'one good second in between is luck')
  t.equal(of(full, empty, empty, empty, empty, empty, empty, empty), Infinity)
  t.equal(of(full, full, full, full, full, full, full, empty), 0, 'what comes later is another matter')
})

test('less than the capacity is full when no more was offered, and 0.95 of it is enough', async (t) => {
  const question = { changeAtMs: 0, untilMs: 4000, capacityPerSecond: 400 }
  const of = (ok: number): number =>
    recoveryMs({ ...question, series: seriesOf([1, 2, 3, 4].map(() => ({ offered: 320, ok }))) })
  t.equal(of(320), 0)
  t.equal(of(305), 0)
  t.equal(of(303), Infinity)
})

test('a stretch too short for three seconds is judged by those it has, one without a second not at all', async (t) => {
  const series = seriesOf([{ offered: 400, ok: 0 }, { offered: 400, ok: 400 }])
  t.equal(recoveryMs({ series, changeAtMs: 0, untilMs: 2000, capacityPerSecond: 400 }), 1000)
  t.equal(recoveryMs({ series, changeAtMs: 1500, untilMs: 2000, capacityPerSecond: 400 }), Infinity)
  t.equal(countBetween(series, 'ok', 500, 1500), 200)
})

test('the best limit has the most goodput; of those within half a percent the shortest p99', async (t) => {
  const point = (limit: number, goodputPerSecond: number, admittedP99Ms: number): Parameters<typeof bestOf>[0][0] =>
    ({ limit, goodputPerSecond, admittedP99Ms })
  t.equal(bestOf([point(6, 330, 50), point(10, 399, 90), point(14, 400, 150), point(20, 400.5, 200)]).limit, 10)
  t.equal(bestOf([point(6, 330, 50), point(10, 390, 90), point(14, 400, 150)]).limit, 14)
  t.throws(() => bestOf([]), RangeError)
})

test('the cost of a refusal is what the proxied requests of the run leave over', async (t) => {
  const run = (ok: number, refused: number, late = 0): LoadReport => report({
    outcomes: { '2xx': latency(ok, 20), '503': latency(refused, 1), timeout: latency(late, 500) },
    watched: { cpuMs: 200, memory: { rssBytes: 0, pssBytes: 0, anonymousBytes: 0 } },
  })
  t.equal(refusedUs(run(1000, 9000), 100), (200_000 - 100_000) / 9000)
  t.equal(refusedUs(run(0, 10_000), undefined), 20)
  t.equal(refusedUs(run(1000, 9000), undefined), undefined, 'the price of the proxied is not known')
  t.equal(refusedUs(run(0, 9000, 1000), undefined), undefined, 'those who gave up cost something too')
  t.equal(refusedUs(run(1000, 0), 100), undefined)
  t.equal(proxiedUs(run(10_000, 0)), 20)
  t.equal(proxiedUs(run(10_000, 1000)), undefined)
  t.equal(proxiedUs(run(0, 0)), undefined)
})

test('growth is between the second and the last quarter: a start is none, a slope is', async (t) => {
  const samples = (bytes: readonly number[]): Parameters<typeof growthBytes>[0] =>
    bytes.map((rssBytes, atSeconds) => ({ atSeconds, rssBytes, anonymousBytes: 0 }))
  t.equal(growthBytes(samples([10, 50, 100, 100, 100, 100, 100, 100])), 0)
  t.equal(growthBytes(samples([0, 10, 20, 30, 40, 50, 60, 70])), 40)
  t.ok(Number.isNaN(growthBytes(samples([1, 2, 3]))))
})

test('gauges are summed over their labels', async (t) => {
  const text = '# HELP seawall_limit x\n# TYPE seawall_limit gauge\nseawall_limit{upstream="a"} 10.5\n' +
    'seawall_limit{upstream="b, \\"c\\" 7"} 2\nseawall_drain_seconds 0\nprocess_x 1\n'
  t.strictSame(gaugesIn(text, 'seawall_'), { seawall_limit: 12.5, seawall_drain_seconds: 0 })
})

const arm = (name: string, figures: Figures): ReturnType<typeof summarise> => summarise(name, [figures])

test('goodput is held against the static limit that is best at that load', async (t) => {
  const result = { factor: 5, arms: [
    arm('nginx 10', { goodputPerSecond: 380 }), arm('haproxy 10', { goodputPerSecond: 400 }),
    arm('envoy', { goodputPerSecond: 410 }), arm('seawall', { goodputPerSecond: 390 }),
  ] }
  const statics = ['nginx 10', 'haproxy 10']
  t.equal(bestStatic([result], 5, statics)?.name, 'haproxy 10', 'a limit that learns is no static one')
  t.equal(againstStatic(result, statics, 'seawall')?.median, 0.975)
  t.equal(againstStatic(result, [], 'seawall'), undefined)
})

test('the claims hold for what is good, and each fails alone for what is not', async (t) => {
  const good = {
    goodputPerSecond: 396, admittedP99Ms: 120, arrivalP99Ms: 2, fromQueueRatio: 0.002, fromQueueP99Ms: 60,
    baselineMs: 20,
  }
  const broken = (changes: Figures): readonly boolean[] => steadyChecks([{ factor: 2, arms: [
    arm('nginx 10', { goodputPerSecond: 400 }), arm('seawall', { ...good, ...changes }),
  ] }], ['nginx 10']).map(({ holds }) => holds)
  t.strictSame(broken({}), [true, true, true, true, true])
  t.strictSame(broken({ goodputPerSecond: 390 }), [false, true, true, true, true])
  t.strictSame(broken({ admittedP99Ms: 151 }), [true, false, true, true, true])
  t.strictSame(broken({ arrivalP99Ms: 6 }), [true, true, false, true, true])
  t.strictSame(broken({ fromQueueRatio: 0.02 }), [true, true, true, false, true])
  t.strictSame(broken({ fromQueueP99Ms: 70 }), [true, true, true, true, false])
})

test('figures that are missing hold nothing up', async (t) => {
  const checks = steadyChecks([{ factor: 2, arms: [arm('nginx 10', {}), arm('seawall', {})] }], ['nginx 10'])
  t.strictSame(checks.map(({ holds }) => holds), [false, false, false, false, true])
})

test('the bound of the line follows the learned baseline within its own bounds', async (t) => {
  t.equal(queueBoundMs(20), 65)
  t.equal(queueBoundMs(2), 25)
  t.equal(queueBoundMs(1000), 505)
  t.equal(queueBoundMs(undefined), 505)
})

test('the page has every scenario with its tables, claims and machine', async (t) => {
  const page = renderPage({
    'steady-slots': {
      taken: '2026-01-01', machine: { cpu: 'X', cores: 2, kernel: '6', node: 'v24' }, summary: 'eight slots',
      settings: { seconds: 4, rounds: 3, isShort: false }, tables: ['a  b'], notes: ['a note'],
      checks: [{ claim: 'good', holds: true }, { claim: 'better', holds: false }], data: {},
    },
  }, 'overload')
  for (const text of ['# Overload', '`npm run bench -- overload`', '## steady-slots', 'eight slots.',
    '```text\na  b\n```', '- holds: good', '- **fails**: better', '- a note', 'on X, 2 cores']) {
    t.ok(page.includes(text), text)
  }
})
