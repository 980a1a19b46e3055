// What a key costs: CPU time a request, throughput behind a service of two milliseconds, and latency at one connection,
// of requests without a key, with new keys through each store, and of replays. One fault-free machine, one process.
import { alternate, armNamed, ratioTo } from '../arms.ts'
import type { Arm, ArmResult, Figures } from '../arms.ts'
import { startSeawallWith } from '../contenders/seawall.ts'
import type { OwnSubject } from '../contenders/seawall.ts'
import type { Check, Experiment, ExperimentOptions, Findings } from '../experiment.ts'
import type { RequestShape } from '../generator/plan.ts'
import { startOrigin } from '../ground.ts'
import type { Ground } from '../ground.ts'
import { closedPlan, cpuUsPerRequest, notOk, offer } from '../workloads.ts'

const connections = 64
const serviceMs = 2
const warmUpSeconds = 1

const charge: RequestShape = {
  method: 'POST', path: '/charge', headers: { 'content-type': 'application/json', 'user-agent': 'bench' },
  body: '{"amount":1999,"currency":"eur","source":"card_0000000001"}',
}
const withNewKeys: RequestShape = { ...charge, freshField: 'idempotency-key' }
const withOneKey: RequestShape = { ...charge, headers: { ...charge.headers, 'idempotency-key': 'the-same' } }

interface Kind { readonly name: string; readonly store: 'memory' | 'lmdb' | null; readonly request: RequestShape }

const unkeyed = 'none'
const kinds: readonly Kind[] = [
  { name: unkeyed, store: null, request: charge },
  { name: 'memory', store: 'memory', request: withNewKeys },
  { name: 'lmdb', store: 'lmdb', request: withNewKeys },
  { name: 'replays', store: 'lmdb', request: withOneKey },
]

export const keyed: Experiment = {
  name: 'keyed',
  summary: 'what an idempotency key costs: CPU time a request, throughput behind 2 ms, latency at one connection',
  defaults: { seconds: 4, rounds: 3, rate: 0 },
  short: { seconds: 1, rounds: 3, rate: 0 },
  parts: kinds.map(({ name }) => name),
  run: compare,
}

async function compare(ground: Ground, options: ExperimentOptions): Promise<Findings> {
  const [constant, slow] = [await startOrigin(ground, 'origin.ts'),
    await startOrigin(ground, 'origin.ts', [String(serviceMs)])]
  const chosen = kinds.filter(({ name }) => options.parts.length === 0 || options.parts.includes(name))
  const arms = chosen.map((kind): Arm => ({
    name: kind.name, measure: () => visit(ground, kind, options, [constant.port, slow.port]),
  }))
  const results = await alternate({ arms, rounds: options.rounds, progress: ground.progress })
  return {
    tables: [{
      title: 'POST with a key',
      columns: ['arm', 'CPU µs a request', 'to none', 'behind 2 ms: requests/s', 'to none', 'one connection: p50 ms',
        'not 2xx'],
      rows: results.map((arm) => row(arm, results)),
    }],
    panels: [],
    notes: [
      `CPU time and throughput: closed loop of ${connections} connections; CPU time against a constant origin, user `
      + 'and system time of all threads.',
      `One connection: closed loop, behind the service of ${serviceMs} ms. Load and origins on one core, the proxy on `
      + 'another. Median of the rounds; ratios are taken round by round.',
    ],
    data: { arms: results },
    checks: checksOf(results),
  }
}

async function visit(
  ground: Ground, kind: Kind, { seconds }: ExperimentOptions, [constant, slow]: readonly [number, number],
): Promise<Figures> {
  const subject = await startKeyed(ground, kind, constant, slow)
  try {
    const load = (path: string, count: number) => offer(ground, closedPlan(
      subject, { name: kind.name, request: { ...kind.request, path } }, { seconds, warmUpSeconds, connections: count }))
    const fast = await load('/charge', connections)
    const behind = await load('/slow', connections)
    const alone = await load('/slow', 1)
    return {
      cpuUs: cpuUsPerRequest(fast) ?? Number.NaN,
      constantPerSecond: fast.finished / fast.measuredMs * 1000,
      slowPerSecond: behind.finished / behind.measuredMs * 1000,
      slowCpuUs: cpuUsPerRequest(behind) ?? Number.NaN,
      aloneP50Ms: alone.outcomes['2xx']?.p50Ms ?? Number.NaN,
      notOk: notOk(fast) + notOk(behind) + notOk(alone),
    }
  } finally {
    await subject.stop()
  }
}

function startKeyed(ground: Ground, { name, store }: Kind, constant: number, slow: number): Promise<OwnSubject> {
  const idempotency = store === null ? {} : { idempotency: { scope: 'none' } }
  return startSeawallWith(ground, name, ({ port, adminPort }) => ({
    version: 1,
    listeners: { public: { kind: 'ingress', listen: `127.0.0.1:${port}` } },
    admin: { listen: `127.0.0.1:${adminPort}` },
    drain: { delay: 0, timeout: '1s' },
    ...store !== null && { stores: { idempotency: { type: store, ...store === 'memory' && { maxKeys: 5_000_000 } } } },
    upstreams: {
      constant: { endpoints: [`http://127.0.0.1:${constant}`], limit: 'off' },
      slow: { endpoints: [`http://127.0.0.1:${slow}`], limit: 'off' },
    },
    routes: [
      { name: 'slow', listener: 'public', match: { path: '/slow' }, upstream: 'slow', ...idempotency },
      { name: 'charge', listener: 'public', match: { path: '/*' }, upstream: 'constant', ...idempotency },
    ],
  }))
}

function row(arm: ArmResult, results: readonly ArmResult[]): string[] {
  const figure = (name: string, digits: number): string => arm.figures[name]?.median.toFixed(digits) ?? '–'
  const ratio = (name: string): string => ratioOf(arm, results, name)?.toFixed(2) ?? '–'
  return [arm.name, figure('cpuUs', 0), ratio('cpuUs'), figure('slowPerSecond', 0), ratio('slowPerSecond'),
    figure('aloneP50Ms', 2), figure('notOk', 0)]
}

function ratioOf(arm: ArmResult, results: readonly ArmResult[], figure: string): number | undefined {
  const base = armNamed(results, unkeyed)
  return base === undefined ? undefined : ratioTo(base, arm, figure)?.median
}

function checksOf(results: readonly ArmResult[]): Check[] {
  const [lmdb, replays, base] = ['lmdb', 'replays', unkeyed].map((name) => armNamed(results, name))
  if (lmdb === undefined || replays === undefined || base === undefined) return []
  const ratio = (arm: ArmResult, name: string): number => ratioOf(arm, results, name) ?? Number.NaN
  const p50 = (arm: ArmResult): number => arm.figures.aloneP50Ms?.median ?? Number.NaN
  return [
    { claim: 'a key through lmdb costs at most 2.3 times the CPU time', holds: ratio(lmdb, 'cpuUs') <= 2.3 },
    { claim: 'behind 2 ms keys keep 90 % of the throughput', holds: ratio(lmdb, 'slowPerSecond') >= 0.9 },
    { claim: 'a replay costs less than a first request without a key', holds: ratio(replays, 'cpuUs') < 1 },
    { claim: 'at one connection a key adds at most 1.5 ms to the median', holds: p50(lmdb) - p50(base) <= 1.5 },
  ]
}
