import { test } from 'tap'
import type { EndpointOptions } from '../../core/configuration.ts'
import { healthChecksKey } from './health-checks.ts'
import type { HealthChecks } from './health-checks.ts'
import type { Behaviour } from '../../../test/sim/sim-upstream.ts'
import { World } from '../../../test/sim/world.ts'

function worldWith(
  hosts: readonly Partial<Behaviour>[], options: object = {}, endpointOptions: readonly EndpointOptions[] = [],
): World {
  const full = { limit: 'off', breaker: 'off', timeouts: { attempt: 1_000 }, ...options }
  return new World({
    seed: 5, sketch: { upstreams: [{ name: 'service', startupMs: 0, endpointOptions, options: full }] }, hosts,
  })
}

const received = (world: World): number[] => world.upstream.hosts.map((host) => host.received)

async function load(world: World, fromMs: number, forMs: number, ratePerSecond = 100): Promise<number[]> {
  const before = received(world)
  world.arrive({ ratePerSecond, fromMs: fromMs - world.clock.now(), untilMs: fromMs + forMs }, `at ${fromMs}`)
  await world.run(fromMs + forMs)
  return received(world).map((count, i) => count - (before[i] as number))
}

const stopChecks = (world: World): void => {
  for (const [, checks] of world.joined.parts.named<HealthChecks>(healthChecksKey)) checks.stop()
}

test('equal endpoints get equal parts, whichever way they are chosen', async (t) => {
  for (const balance of ['peak-ewma', 'least-request', 'round-robin']) {
    const parts = await load(worldWith([{}, {}, {}], { balance }), 0, 20_000)
    for (const part of parts) t.ok(Math.abs(part - 667) < 120, `${balance}: ${parts.join(' ')}`)
  }
})

test('weights are kept, and who has none gets nothing', async (t) => {
  const weights = [4, 1, 0].map((weight) => ({ tier: 0, weight }))
  for (const balance of ['peak-ewma', 'round-robin']) {
    const parts = await load(worldWith([{}, {}, {}], { balance }, weights), 0, 20_000) as [number, number, number]
    t.ok(parts[0] / parts[1] > 2.5 && parts[0] / parts[1] < 7, `${balance}: ${parts.join(' ')}`)
    t.equal(parts[2], 0)
  }
})

test('a slower endpoint gets less of what there is to do', async (t) => {
  const parts = await load(worldWith([{}, {}, { serviceMs: () => 60 }]), 0, 20_000)
  t.ok((parts[2] as number) < 0.1 * 2_000, parts.join(' '))
})

test('the second tier is asked only when the first has nobody left', async (t) => {
  const tiers = [0, 0, 1].map((tier) => ({ tier, weight: 1 }))
  const world = worldWith([{}, {}, {}], { health: { path: '/health', interval: 500 } }, tiers)
  t.equal((await load(world, 0, 5_000))[2], 0)
  for (const i of [0, 1]) Object.assign(world.upstream.hosts[i]?.behaviour ?? {}, { checkStatus: 503 })
  await world.run(10_000)
  const second = await load(world, 10_000, 5_000)
  t.strictSame(second.slice(0, 2), [0, 0])
  t.ok((second[2] as number) > 400)
  Object.assign(world.upstream.hosts[0]?.behaviour ?? {}, { checkStatus: 200 })
  await world.run(18_000)
  const back = await load(world, 18_000, 5_000)
  t.strictSame([back[1], back[2]], [0, 0])
  stopChecks(world)
})

test('where every check fails everybody is asked as if all were well', async (t) => {
  const world = worldWith([{ checkStatus: 500 }, { checkStatus: 500 }], { health: { path: '/health', interval: 100 } })
  await world.run(2_000)
  const parts = await load(world, 2_000, 5_000)
  t.ok(parts.every((part) => part > 150), parts.join(' '))
  t.ok(world.callers.every(({ status }) => status === 200 || status === 0))
  stopChecks(world)
})

test('an endpoint that comes back by its check begins with a part of its share', async (t) => {
  const world = worldWith([{}, {}, { checkStatus: 500 }], {
    health: { path: '/health', interval: 200, unhealthy: 2, healthy: 2 }, slowStart: 30_000,
  })
  await world.run(2_000)
  t.equal((await load(world, 2_000, 5_000))[2], 0)
  Object.assign(world.upstream.hosts[2]?.behaviour ?? {}, { checkStatus: 204 })
  await world.run(8_000)
  const [first, later] = [await load(world, 8_000, 3_000), await load(world, 40_000, 10_000)]
  t.ok((first[2] as number) > 0 && (first[2] as number) < 60, `of 300 at first: ${first.join(' ')}`)
  t.ok((later[2] as number) > 230, `of 1000 later: ${later.join(' ')}`)
  stopChecks(world)
})

test('checks end with the instance, and leave no timer behind', async (t) => {
  const world = worldWith([{}, {}], { health: { path: '/health', interval: 100 } })
  await world.run(5_000)
  const checks = world.upstream.hosts.map((host) => host.checks)
  t.ok(checks.every((count) => count >= 40 && count <= 60), checks.join(' '))
  stopChecks(world)
  await world.run(10_000)
  t.strictSame(world.upstream.hosts.map((host) => host.checks), checks)
  t.strictSame(world.broken(), [])
})

test('no endpoint with a weight at all is upstream.none', async (t) => {
  const world = worldWith([{}, {}], {}, [{ tier: 0, weight: 0 }, { tier: 0, weight: 0 }])
  const caller = world.ask()
  await world.run(10)
  t.equal(caller.code, 'upstream.none')
  t.equal(caller.status, 503)
})

test('of two endpoints one can be put out, and never both', async (t) => {
  const world = worldWith([{}, { status: 500 }])
  await load(world, 0, 10_000)
  t.ok(world.callers.filter(({ status }) => status === 500).length < 100)
  world.upstream.behaviour.status = 500
  const parts = await load(world, 10_000, 20_000)
  t.ok((parts[0] as number) > 1_000, parts.join(' '))
})

test('S8: an endpoint that sheds with a mark is asked less, and never put out', async (t) => {
  const world = worldWith([{}, {}, { status: 503, headers: ['x-envoy-overloaded', '1'] }])
  const parts = await load(world, 0, 20_000)
  t.ok((parts[2] as number) < 0.05 * 2_000, parts.join(' '))
  t.notOk(world.joined.announced.some(({ what }) => what === 'endpoint-ejected'))
})

test('an unsafe request does not serve as a probe while safe ones come', async (t) => {
  const world = worldWith([{}, {}, { status: 500 }])
  world.arrive({ ratePerSecond: 50, fromMs: 0, untilMs: 60_000, ask: { method: 'POST' } }, 'posts')
  world.arrive({ ratePerSecond: 50, fromMs: 0, untilMs: 60_000 }, 'gets')
  await world.run(70_000)
  const ill = world.upstream.endpoints[2]
  const late = world.joined.record.attempts.filter(({ startedAt, endpoint }) => startedAt > 5_000 && endpoint === ill)
  t.ok(late.length > 3)
  t.ok(late.every(({ work }) => work.exchange.caller.head.method === 'GET'))
})

test('a probe whose caller leaves gives its turn to the next', async (t) => {
  const world = worldWith([{}, {}, { status: 500 }])
  await load(world, 0, 3_000)
  Object.assign(world.upstream.hosts[2]?.behaviour ?? {}, { status: 200, serviceMs: () => 40 })
  world.arrive({ ratePerSecond: 100, fromMs: 0, untilMs: 30_000, patienceMs: 20 }, 'impatient')
  await world.run(30_000)
  t.notOk(world.joined.announced.some(({ what }) => what === 'endpoint-returned'))
  await load(world, 30_000, 10_000)
  t.ok(world.joined.announced.some(({ what }) => what === 'endpoint-returned'))
})

test('observe chooses nothing, and learns all the same', async (t) => {
  const world = new World({
    seed: 5, hosts: [{}, {}, { status: 500 }],
    sketch: { mode: 'observe', upstreams: [{ name: 'service', startupMs: 0, options: {} }] },
  })
  const parts = await load(world, 0, 20_000)
  for (const part of parts) t.ok(Math.abs(part - 667) < 120, parts.join(' '))
  t.ok(world.joined.announced.some(({ what }) => what === 'endpoint-ejected'))
})

test('what it knows of each endpoint is in status and metrics', async (t) => {
  const world = worldWith([{}, {}, { status: 500 }])
  await load(world, 0, 3_000)
  const shown = [...world.joined.parts.shown()].find(({ name }) => name === 'balance')
  t.match(shown?.inspect(), { 'http://service-0.sim': /^in, /, 'http://service-2.sim': /^out for / })
  const samples = world.joined.meter.families().find(({ name }) => name === 'seawall_endpoint_ejected')?.samples()
  t.strictSame(samples?.map(({ value }) => value), [0, 0, 1])
})
