import { test } from 'tap'
import { Attempt } from '../../core/attempt.ts'
import type { Refused } from '../../core/outcome.ts'
import type { Gate } from '../../core/policy.ts'
import { fuse } from '../../pipeline/gates.ts'
import { World } from '../../../test/sim/world.ts'
import type { WorldOptions } from '../../../test/sim/world.ts'
import { BreakerGate } from './breaker.ts'
import { Circuits, circuitsKey } from './circuits.ts'
import type { Circuit } from './circuits.ts'

/** A world with these options of the breaker, or of whatever else; no wait for a start. */
function worldWith(options: object, more: Omit<WorldOptions, 'sketch'> = {}, routes: readonly object[] = [{}]): World {
  const upstreams = [{ name: 'service', startupMs: 0, options: { ...options } }]
  return new World({ sketch: { upstreams, routes }, ...more })
}

async function askAndWait(world: World, times: number, path = '/', everyMs = 20): Promise<(string | number)[]> {
  const seen: (string | number)[] = []
  for (let i = 0; i < times; i++) {
    const caller = world.ask({ path })
    await world.run(world.clock.now() + everyMs)
    seen.push(caller.code ?? caller.status)
  }
  return seen
}

const transitions = (world: World): string[] => world.joined.announced.map(({ what }) => what)

test('on without a word: four failures open it, and whoever comes is told when to come again', async (t) => {
  const world = worldWith({}, { upstream: { status: 500 } })
  t.strictSame(await askAndWait(world, 6), [500, 500, 500, 500, 'breaker.open', 'breaker.open'])
  const refused = world.callers[4]
  t.equal(refused?.status, 503)
  t.ok((refused?.retryAfterS ?? 0) >= 1 && (refused?.retryAfterS ?? 0) <= 2)
  t.equal(world.joined.record.attempts[4]?.work.delivered, 'no')
  t.equal(world.upstream.received, 4)
  t.match(world.joined.announced[0], { what: 'breaker-opened', upstream: 'service', route: 'route-0' })
})

test('a slow or failing route never closes another one of its upstream', async (t) => {
  const world = worldWith({ timeouts: { attempt: 50 } }, {}, [{ path: '/charge' }, { path: '/catalogue' }])
  world.upstream.behaviour.mode = 'hang'
  await askAndWait(world, 5, '/charge', 60)
  world.upstream.behaviour.mode = 'serve'
  world.upstream.nudge()
  t.strictSame(await askAndWait(world, 1, '/charge'), ['breaker.open'])
  t.strictSame(await askAndWait(world, 1, '/catalogue'), [200])
})

test('connections that fail count for the upstream as a whole', async (t) => {
  const world = worldWith({}, { upstream: { mode: 'refused' } }, [{ path: '/charge' }, { path: '/catalogue' }])
  t.strictSame(await askAndWait(world, 5, '/charge'),
    ['upstream.refused', 'upstream.refused', 'upstream.refused', 'upstream.refused', 'breaker.open'])
  t.strictSame(await askAndWait(world, 1, '/catalogue'), ['breaker.open'])
  t.ok(world.joined.announced.some((one) => one.what === 'breaker-opened' && one.route === ''))
})

test('a connection that comes about passes its probe, however long the answer takes', async (t) => {
  const world = worldWith({}, { upstream: { mode: 'refused' } }, [{ path: '/charge' }, { path: '/catalogue' }])
  await askAndWait(world, 4)
  await askAndWait(world, 4, '/charge')
  Object.assign(world.upstream.behaviour, { mode: 'serve', serviceMs: () => 60_000 })
  await world.run(world.clock.now() + 3_000)
  world.ask({ path: '/charge' })
  await world.run(world.clock.now() + 10)
  Object.assign(world.upstream.behaviour, { serviceMs: () => 10 })
  t.strictSame(await askAndWait(world, 1, '/catalogue'), [200])
})

test('four hundreds are answers like any other', async (t) => {
  for (const status of [400, 404, 408, 409, 422, 429]) {
    const world = worldWith({}, { upstream: { status } })
    t.strictSame(new Set(await askAndWait(world, 30)), new Set([status]))
  }
})

test('S8: marked sheds never open it', async (t) => {
  const world = worldWith({}, { upstream: { status: 503, headers: ['retry-after', '1'] } })
  t.strictSame(new Set(await askAndWait(world, 50)), new Set([503]))
  t.strictSame(transitions(world), [])
})

test('a 503 without a mark counts half', async (t) => {
  const world = worldWith({}, { upstream: { status: 503 } })
  const seen = await askAndWait(world, 12)
  const opened = seen.indexOf('breaker.open')
  t.ok(opened >= 7 && opened <= 9, `opened after ${opened}`)
})

test('refusals by the bulkhead never open it', async (t) => {
  const world = worldWith({ bulkhead: { maxConcurrent: 1 } }, { upstream: { mode: 'hang' } })
  world.ask()
  await askAndWait(world, 100, '/', 1)
  t.strictSame(transitions(world), [])
})

test('S14: a probe that the permit behind it refuses gives its turn back', async (t) => {
  const world = worldWith({}, { upstream: { status: 500 } })
  await askAndWait(world, 5)
  await world.run(world.clock.now() + 2_000)
  const circuits = world.joined.parts.part<Circuits>(`${circuitsKey}service`, () => new Circuits())
  const [connection, answers] = circuits.of(null) as [Circuit, Circuit]
  const refused: Refused = { kind: 'refused', by: 'permit', code: 'bulkhead.full', status: 503, retryAfterMs: 0 }
  const full: Gate<Attempt> = { name: 'permit', admit: () => refused }
  const gates = fuse([new BreakerGate(connection, answers, world.clock), full]
    .map((gate) => ({ gate, shadow: false })))
  for (let i = 0; i < 10; i++) {
    const owner = { upstream: 'service', ready: () => {}, rowOf: (): 'shed' => 'shed', ended: () => {} }
    const { work } = world.joined.record.attempts[0] as Attempt
    const attempt = new Attempt(work, 'retry', gates, owner, world.clock, () => {}, world.clock.now())
    t.equal(gates.enter(attempt, world.clock.now()), refused)
    attempt.refused(refused, world.clock.now())
    t.equal(answers.machine.state, 'half-open')
  }
  world.upstream.behaviour.status = 200
  t.strictSame(await askAndWait(world, 3), [200, 200, 200])
  t.equal(answers.machine.state, 'closed')
})

test('half-open with a thousand callers arriving sends one probe at a time', async (t) => {
  const world = worldWith({}, { upstream: { status: 500 } })
  await askAndWait(world, 5)
  world.upstream.behaviour.status = 200
  world.upstream.behaviour.serviceMs = () => 50
  await world.run(world.clock.now() + 2_000)
  const before = world.upstream.received
  let most = 0
  for (let round = 0; round < 3; round++) {
    const callers = Array.from({ length: 1_000 }, () => world.ask())
    await world.run(world.clock.now() + 20)
    most = Math.max(most, world.upstream.working)
    t.equal(callers.filter(({ status }) => status === 503).length, 999, `round ${round}`)
    await world.run(world.clock.now() + 100)
  }
  t.equal(most, 1)
  t.equal(world.upstream.received - before, 3)
  t.strictSame(await askAndWait(world, 1, '/', 100), [200])
  t.strictSame(transitions(world), ['breaker-opened', 'breaker-half-opened', 'breaker-closed'])
  t.strictSame(world.broken(), [])
})

test('S16: callers that leave during their probe neither close it nor stop the probing', async (t) => {
  const world = worldWith({}, { upstream: { status: 500 } })
  await askAndWait(world, 5)
  Object.assign(world.upstream.behaviour, { status: 200, serviceMs: () => 50 })
  await world.run(world.clock.now() + 2_000)
  for (let i = 0; i < 20; i++) {
    const caller = world.ask()
    await world.run(world.clock.now() + 5)
    caller.leave()
  }
  t.strictSame(transitions(world), ['breaker-opened', 'breaker-half-opened'])
  t.strictSame(await askAndWait(world, 4, '/', 100), [200, 200, 200, 200])
})

test('S15: fifty slow successes from before the trip do not close it', async (t) => {
  const world = worldWith({ limit: 'off' })
  world.upstream.behaviour.serviceMs = () => 3_000
  const slow = Array.from({ length: 50 }, () => world.ask())
  await world.run(1)
  Object.assign(world.upstream.behaviour, { serviceMs: () => 10, status: 500 })
  await askAndWait(world, 5)
  await world.run(2_900)
  world.upstream.behaviour.status = 200
  world.upstream.behaviour.serviceMs = () => 500
  const probe = world.ask()
  await world.run(3_100)
  t.equal(slow.filter(({ status }) => status === 200).length, 50)
  t.strictSame(await askAndWait(world, 1), ['breaker.open'], 'the probe is under way, and it alone decides')
  await world.run(4_000)
  t.equal(probe.status, 200)
})

test('S32: breaker and throttle both fed failures alone: the breaker trips after four', async (t) => {
  const world = worldWith({ throttle: {} }, { upstream: { status: 500 } })
  t.equal((await askAndWait(world, 5)).indexOf('breaker.open'), 4)
})

test('a route may have it otherwise than its upstream, or not at all', async (t) => {
  const world = worldWith({ breaker: { failures: 2, window: 10_000, openFor: 30_000, probes: 1 } },
    { upstream: { status: 500 } },
    [
      { path: '/two' }, { path: '/three', options: { breaker: { failures: 3 } } },
      { path: '/off', options: { breaker: 'off' } },
    ])
  t.strictSame(await askAndWait(world, 3, '/two'), [500, 500, 'breaker.open'])
  t.equal(world.callers[2]?.retryAfterS, 30)
  t.strictSame(await askAndWait(world, 4, '/three'), [500, 500, 500, 'breaker.open'])
  t.strictSame(new Set(await askAndWait(world, 20, '/off')), new Set([500]))
})

test('observe counts what would have been refused, and refuses nothing', async (t) => {
  const world = new World({ sketch: { mode: 'observe' }, upstream: { status: 500 } })
  t.strictSame(new Set(await askAndWait(world, 10)), new Set([500]))
  t.equal(world.joined.record.would.filter(({ code }) => code === 'breaker.open').length, 6)
  world.upstream.behaviour.status = 200
  await world.run(world.clock.now() + 2_000)
  t.strictSame(new Set(await askAndWait(world, 10)), new Set([200]))
  t.equal(transitions(world).at(-1), 'breaker-closed')
})

test('state, reason and since when are in status and metrics', async (t) => {
  const world = worldWith({}, { upstream: { status: 500 } })
  await askAndWait(world, 5)
  const shown = [...world.joined.parts.shown()].find(({ name, route }) => name === 'breaker' && route === 'route-0')
  t.match(shown?.inspect(), { state: 'open', reason: 'failures', sinceSeconds: Number, lastFailure: 'server-error' })
  const families = world.joined.meter.families()
  const samples = (name: string): unknown => families.find((one) => one.name === name)?.samples()
  t.match(samples('seawall_breaker_state'), [
    { labels: { upstream: 'service', route: '' }, value: 0 }, { labels: { route: 'route-0' }, value: 2 }])
  t.match(samples('seawall_breaker_transitions_total'), [{ labels: { to: 'open', reason: 'failures' }, value: 1 }])
})

test('S36: refusals before the first start are no failures', async (t) => {
  const routes = [{ options: { deadline: { default: 5_000 } } }]
  const world = new World({ sketch: { routes }, upstream: { mode: 'refused' } })
  for (let i = 0; i < 20; i++) world.ask()
  world.clock.after(3_000, () => { world.upstream.behaviour.mode = 'serve' })
  await world.run(10_000)
  t.strictSame(new Set(world.callers.map(({ status }) => status)), new Set([200]))
  t.notOk(transitions(world).includes('breaker-opened'))
})
