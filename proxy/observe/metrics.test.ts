import { test } from 'tap'
import type { Test } from 'tap'
import { SimCaller } from '../../test/sim/sim-caller.ts'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { Attempt } from '../core/attempt.ts'
import type { AttemptKind, AttemptOwner } from '../core/attempt.ts'
import type { Code } from '../core/codes.ts'
import { Exchange } from '../core/exchange.ts'
import { deafOwner } from '../core/fixtures/deaf-owner.ts'
import type { Outcome, Refused, Reply } from '../core/outcome.ts'
import type { Plan } from '../core/plan.ts'
import type { GateRun } from '../core/scope.ts'
import type { Gauges } from './inspect.ts'
import { createMetrics } from './metrics.ts'
import type { Metrics, Names } from './metrics.ts'

const noGates: GateRun = {
  enter: () => null, proceed() {}, leaveLine() {}, raise() {}, judge() {}, spoil() {}, turn() {}, release() {},
}
const noOwner: AttemptOwner = { upstream: 'service', ready() {}, rowOf: () => 'success', ended() {} }
const quiet: Gauges = {
  upstreams: [{
    upstream: 'service', inFlight: 3, queued: { critical: 1, default: 2, sheddable: 0 }, streams: 4, tunnels: 5,
  }],
  bulkheads: [{ upstream: 'service', route: 'pay', inUse: 6 }], drain: { phase: 'leaving', seconds: 1.5, cut: 2 },
  logDropped: 7,
}
const ok: Reply = { kind: 'reply', status: 200, reason: '', headers: [], body: null, origin: 'upstream' }
const shed: Refused = { kind: 'refused', by: 'shed', code: 'bulkhead.full', status: 503, retryAfterMs: 0 }

interface World { readonly clock: VirtualClock; metrics: Metrics; gauges: Gauges }

const slo = { objective: 0.9, thresholdMs: 321, windowMs: 3_600_000 }

function worldOf(
  t: Test, names: Names = { routes: ['pay', 'read'], upstreams: ['service'], promises: [slo, null] },
): World {
  const clock = new VirtualClock()
  const world = { clock, gauges: quiet } as World
  world.metrics = createMetrics({ ...names, hash: 'abc', clock, gauges: () => world.gauges })
  t.teardown(() => { world.metrics.close() })
  return world
}

function planOf(metrics: Pick<Metrics, 'observer'>, route: string, index: number): Plan {
  return {
    route, index, upstream: 'service', upstreamIndex: 0, doors: noGates, observer: metrics.observer,
  } as Partial<Plan> as Plan
}

interface Ending { readonly outcome: Outcome; readonly code?: Code; readonly status?: number; readonly tookMs?: number }

function begin(world: World, plan: Plan, path = '/'): Exchange {
  const caller = new SimCaller(world.clock, { path })
  return new Exchange(caller, plan, deafOwner, world.clock.now())
}

function end(exchange: Exchange, { outcome, code, status, tookMs }: Ending): void {
  const now = exchange.startedAt + (tookMs ?? 10)
  exchange.settle(outcome, code ?? null, status ?? 200, now)
  plan(exchange).exchangeEnded(exchange, now)
}

const plan = (exchange: Exchange): Plan['observer'] => exchange.plan.observer

function attempt(exchange: Exchange, clock: VirtualClock, kind: AttemptKind): Attempt {
  exchange.work.attempts += 1
  return new Attempt(exchange.work, kind, noGates, noOwner, clock, () => {}, clock.now())
}

const own = (page: Map<string, number>): string[] => [...page.keys()].filter((key) => key.startsWith('seawall_'))

/** The page as a map from series to value; throws on a line that is not in Prometheus' text format. */
async function pageOf(world: World): Promise<Map<string, number>> {
  await world.clock.run(world.clock.now() + 1001)
  return parse(await world.metrics.page.read())
}

function parse(page: string): Map<string, number> {
  const series = new Map<string, number>()
  const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)$/
  for (const line of page.split('\n')) {
    if (line === '' || line.startsWith('# HELP ') || line.startsWith('# TYPE ')) continue
    const found = sample.exec(line)
    if (found === null) throw new Error(`not a sample: ${line}`)
    const key = `${found[1]}${found[2] ?? ''}`
    if (series.has(key)) throw new Error(`twice on the page: ${key}`)
    series.set(key, found[3] === '+Inf' ? Infinity : Number(found[3]))
  }
  return series
}

test('an exchange is counted by route, outcome, code and class of status, and timed', async (t) => {
  const world = worldOf(t)
  const pay = planOf(world.metrics, 'pay', 0)
  end(begin(world, pay), { outcome: ok, tookMs: 10 })
  end(begin(world, pay), { outcome: ok, status: 404, tookMs: 10.1 })
  end(begin(world, pay), { outcome: shed, code: 'bulkhead.full', status: 503, tookMs: 0.2 })
  end(begin(world, planOf(world.metrics, 'read', 1)), { outcome: ok, tookMs: 20_000 })
  const page = await pageOf(world)
  const total = (labels: string): number | undefined => page.get(`seawall_exchanges_total{${labels}}`)
  t.equal(total('route="pay",outcome="reply",code="",status_class="2xx"'), 1)
  t.equal(total('route="pay",outcome="reply",code="",status_class="4xx"'), 1)
  t.equal(total('route="pay",outcome="refused",code="bulkhead.full",status_class="5xx"'), 1)
  t.equal(total('route="read",outcome="reply",code="",status_class="2xx"'), 1)
  const bucket = (le: string): number | undefined =>
    page.get(`seawall_exchange_seconds_bucket{route="pay",outcome="reply",le="${le}"}`)
  t.strictSame([bucket('0.005'), bucket('0.01'), bucket('0.025'), bucket('+Inf')], [0, 1, 2, 2], 'an edge is inclusive')
  t.equal(page.get('seawall_exchange_seconds_bucket{route="read",outcome="reply",le="10"}'), 0)
  t.equal(page.get('seawall_exchange_seconds_sum{route="read",outcome="reply"}'), 20)
  t.ok(page.has('seawall_exchange_seconds_bucket{route="pay",outcome="reply",le="0.321"}'), 'its threshold is an edge')
  t.ok(Math.abs((page.get('seawall_slo_burn_rate{route="pay",window="5m"}') ?? 0) - 10 / 3) < 1e-9, 'one in three')
  t.notOk(page.has('seawall_slo_budget_ratio{route="read"}'))
})

test('a refusal is counted by policy, and what would have been refused beside it', async (t) => {
  const world = worldOf(t)
  const pay = planOf(world.metrics, 'pay', 0)
  end(begin(world, pay), { outcome: shed, code: 'bulkhead.full', status: 503 })
  begin(world, pay).wouldRefuse('deadline.expired', 'deadline')
  const page = await pageOf(world)
  const refused = [...page].filter(([key]) => key.startsWith('seawall_refused_total'))
  t.strictSame(refused, [
    ['seawall_refused_total{route="pay",policy="deadline",code="deadline.expired",mode="observe"}', 1],
    ['seawall_refused_total{route="pay",policy="shed",code="bulkhead.full",mode="enforce"}', 1],
  ])
})

test('an attempt is counted by kind, outcome and code, and timed from its first byte to the head', async (t) => {
  const world = worldOf(t)
  const { clock, metrics } = world
  const pay = planOf(metrics, 'pay', 0)
  const sent = attempt(begin(world, pay), clock, 'first')
  await clock.run(50)
  sent.sent()
  await clock.run(90)
  sent.headed(ok)
  metrics.observer.attemptEnded(sent, 5000)
  const unsent = attempt(begin(world, pay), clock, 'retry')
  unsent.failed('upstream.refused', 'script')
  metrics.observer.attemptEnded(unsent, clock.now())
  const cut = attempt(begin(world, pay), clock, 'first')
  cut.cut({ kind: 'abandoned', by: 'caller', elapsedMs: 1 }, clock.now())
  metrics.observer.attemptEnded(cut, clock.now())
  const broken = attempt(begin(world, pay), clock, 'first')
  broken.headed(ok)
  broken.failed('upstream.stalled', 'script')
  metrics.observer.attemptEnded(broken, clock.now())
  const page = await pageOf(world)
  const total = (labels: string): number | undefined =>
    page.get(`seawall_attempts_total{upstream="service",route="pay",${labels}}`)
  t.equal(total('kind="first",outcome="reply",code=""'), 1)
  t.equal(total('kind="retry",outcome="failed",code="upstream.refused"'), 1)
  t.equal(total('kind="first",outcome="abandoned",code="caller.gone"'), 1)
  t.equal(total('kind="first",outcome="reply",code="upstream.stalled"'), 1, 'a broken body keeps its reason')
  t.equal(page.get('seawall_attempt_seconds_count{upstream="service",route="pay"}'), 1, 'unsent ones have no time')
  t.equal(page.get('seawall_attempt_seconds_sum{upstream="service",route="pay"}'), 0.04)
})

test('a deadline is counted by where it passed', async (t) => {
  const world = worldOf(t)
  const pay = planOf(world.metrics, 'pay', 0)
  const dead: Outcome = { kind: 'refused', by: 'deadline', code: 'deadline.expired', status: 504, retryAfterMs: 0 }
  const cut: Outcome = { kind: 'abandoned', by: 'deadline', elapsedMs: 10 }
  const due = (change: (exchange: Exchange) => void): Exchange => {
    const exchange = begin(world, pay)
    exchange.deadlineAt = exchange.startedAt + 10
    change(exchange)
    return exchange
  }
  end(due(() => {}), { outcome: dead, code: 'deadline.expired', status: 504 })
  end(due((exchange) => { exchange.queuedMs = 10 }), { outcome: dead, code: 'deadline.expired', status: 504 })
  end(due(() => {}), { outcome: cut, code: 'deadline.expired', status: 504 })
  end(due((exchange) => { exchange.work.attempts = 1 }), { outcome: cut, code: 'deadline.expired', status: 504 })
  end(due(() => {}), { outcome: ok, tookMs: 10 })
  end(due(() => {}), { outcome: ok, tookMs: 9.9 })
  end(due((exchange) => { exchange.isStream = true }), { outcome: ok, tookMs: 9000 })
  const page = await pageOf(world)
  const where = (place: string): number | undefined =>
    page.get(`seawall_deadline_exceeded_total{route="pay",where="${place}"}`)
  t.strictSame([where('arrival'), where('queue'), where('attempt'), where('body')], [1, 2, 1, 1])
  t.equal(page.get('seawall_queue_seconds_count{upstream="service"}'), 1)
  t.equal(page.get('seawall_queue_seconds_sum{upstream="service"}'), 0.01)
})

test('gauges are pulled when the page is made', async (t) => {
  const world = worldOf(t)
  const first = await pageOf(world)
  t.equal(first.get('seawall_in_flight{upstream="service"}'), 3)
  t.equal(first.get('seawall_queue_depth{upstream="service",class="default"}'), 2)
  t.equal(first.get('seawall_streams{upstream="service"}'), 4)
  t.equal(first.get('seawall_tunnels{upstream="service"}'), 5)
  t.equal(first.get('seawall_bulkhead_in_use{upstream="service",route="pay"}'), 6)
  t.equal(first.get('seawall_drain_seconds'), 1.5)
  t.equal(first.get('seawall_drain_cut_total'), 2)
  t.equal(first.get('seawall_log_dropped_total'), 7)
  t.equal(first.get('seawall_config_info{hash="abc"}'), 1)
  t.ok(first.has('process_resident_memory_bytes'), 'Node\'s own are there')
  t.ok((first.get('seawall_event_loop_delay_seconds{quantile="0.99"}') ?? -1) >= 0)
  world.gauges = { ...quiet, logDropped: 8 }
  t.equal((await pageOf(world)).get('seawall_log_dropped_total'), 8)
})

test('a page is rendered at most once a second', async (t) => {
  const world = worldOf(t)
  let pulls = 0
  world.metrics.close()
  world.metrics = createMetrics({
    routes: [], upstreams: [], hash: '', clock: world.clock,
    gauges: () => {
      pulls += 1
      return quiet
    },
  })
  const before = pulls
  await Promise.all([world.metrics.page.read(), world.metrics.page.read()])
  await world.clock.run(999)
  await world.metrics.page.read()
  t.equal(pulls - before, 1)
  await world.clock.run(1000)
  await world.metrics.page.read()
  t.equal(pulls - before, 2)
})

test('50,000 paths, methods and codes of callers add no series', async (t) => {
  const world = worldOf(t)
  const pay = planOf(world.metrics, 'pay', 0)
  end(begin(world, pay), { outcome: ok })
  world.metrics.unrouted('route.none')
  const before = await pageOf(world)
  for (let i = 0; i < 50_000; i += 1) {
    end(begin(world, pay, `/path/${i}?token=${i}`), { outcome: ok, status: 200 + (i % 100) })
    world.metrics.unrouted('route.none')
  }
  const after = await pageOf(world)
  t.strictSame(own(after), own(before))
  const none = 'route="_none",outcome="refused",code="route.none",status_class="4xx"'
  t.equal(after.get(`seawall_exchanges_total{${none}}`), 50_001)
  t.ok((await world.metrics.page.read()).length < 1_000_000)
})

test('a reload that reorders and adds routes keeps every count with its name', async (t) => {
  const world = worldOf(t)
  end(begin(world, planOf(world.metrics, 'pay', 0)), { outcome: ok })
  const names = { routes: ['new', 'read', 'pay'], upstreams: ['other', 'service'] }
  const observer = world.metrics.reloaded({ ...names, hash: 'def' })
  end(begin(world, planOf({ observer }, 'pay', 2)), { outcome: ok })
  end(begin(world, planOf({ observer }, 'new', 0)), { outcome: ok })
  end(begin(world, planOf(world.metrics, 'pay', 0)), { outcome: ok })
  const page = await pageOf(world)
  const served = (route: string): number | undefined =>
    page.get(`seawall_exchanges_total{route="${route}",outcome="reply",code="",status_class="2xx"}`)
  t.strictSame([served('pay'), served('new'), served('read')], [3, 1, 0])
  t.equal(page.get('seawall_config_info{hash="def"}'), 1)
  t.notOk(page.has('seawall_config_info{hash="abc"}'))
})

test('past the bound of names everything counts as _other', async (t) => {
  const routes = Array.from({ length: 5000 }, (_, i) => `route-${i}`)
  const world = worldOf(t, { routes, upstreams: ['service'] })
  end(begin(world, planOf(world.metrics, 'route-4999', 4999)), { outcome: ok })
  const page = await pageOf(world)
  t.equal(page.get('seawall_exchanges_total{route="_other",outcome="reply",code="",status_class="2xx"}'), 1)
  t.notOk(page.has('seawall_exchanges_total{route="route-4999",outcome="reply",code="",status_class="2xx"}'))
})

test('names of the configuration are escaped on the page', async (t) => {
  const name = 'a"b\\c\nd'
  const world = worldOf(t, { routes: [name], upstreams: ['service'] })
  end(begin(world, planOf(world.metrics, name, 0)), { outcome: ok })
  const page = await pageOf(world)
  t.equal(page.get('seawall_exchanges_total{route="a\\"b\\\\c\\nd",outcome="reply",code="",status_class="2xx"}'), 1)
})
