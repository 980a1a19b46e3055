// An upstream that is one name with several addresses: each is balanced, put out and brought back by itself, those that
// come begin slowly, those that go finish what they have, and with one address nobody stands in the way.

import { test } from 'tap'
import type { Behaviour } from '../sim-upstream.ts'
import { NamedUpstream } from '../named-upstream.ts'
import { World } from '../world.ts'

type Options = Readonly<Record<string, unknown>>

interface Named { readonly world: World; readonly upstream: NamedUpstream }

function namedWorld(hosts: readonly Partial<Behaviour>[], options: Options = {}, route: Options = {}): Named {
  const made: { upstream?: NamedUpstream } = {}
  const world = new World({
    seed: 7,
    upstreams: (clock) => {
      const upstream = made.upstream ??= new NamedUpstream(clock, hosts)
      return () => upstream
    },
    sketch: {
      upstreams: [{ name: 'service', endpoints: ['http://app.sim'], startupMs: 0,
        options: { limit: 'off', breaker: 'off', timeouts: { attempt: 1_000 }, ...options } }],
      routes: [{ options: route }],
    },
  })
  return { world, upstream: made.upstream as NamedUpstream }
}

/** How many attempts each address got in that time. */
async function load({ world, upstream }: Named, forMs: number, ratePerSecond = 100): Promise<number[]> {
  const before = upstream.hosts.map(({ received }) => received)
  const untilMs = world.clock.now() + forMs
  world.arrive({ ratePerSecond, fromMs: 0, untilMs }, `at ${world.clock.now()}`)
  await world.run(untilMs + 100)
  return upstream.hosts.map(({ received }, i) => received - (before[i] as number))
}

test('addresses of one name get equal parts, and the slow one gets less', async (t) => {
  const named = namedWorld([{}, {}, {}])
  named.upstream.points([0, 1, 2])
  const parts = await load(named, 20_000)
  for (const part of parts) t.ok(Math.abs(part - 667) < 120, parts.join(' '))
  Object.assign(named.upstream.hosts[2]?.behaviour ?? {}, { serviceMs: () => 100 })
  await load(named, 5_000)
  t.ok((await load(named, 10_000))[2] as number < 100)
})

test('one ill address of a name is put out, and the others serve', async (t) => {
  const named = namedWorld([{}, {}, { status: 500 }])
  named.upstream.points([0, 1, 2])
  await load(named, 6_000)
  const [, , ill] = await load(named, 20_000)
  t.ok(ill as number <= 0.05 * 2_000, `${ill} of 2000`)
  t.match(named.world.joined.announced, [{ what: 'endpoint-ejected', endpoint: 'http://app.sim#10.0.0.2' }])
})

test('an address that comes begins with a part of its share, and has all of it in the end', async (t) => {
  const named = namedWorld([{}, {}, {}], { slowStart: 30_000 })
  named.upstream.points([0, 1])
  await load(named, 10_000)
  named.upstream.points([0, 1, 2], [2])
  const [, , first] = await load(named, 3_000)
  t.ok(first as number > 0 && first as number < 60, `${first} of 300 at first`)
  await load(named, 30_000)
  const [, , later] = await load(named, 10_000)
  t.ok(later as number > 230, `${later} of 1000 later`)
})

test('those that a name turns out to stand for are no newcomers', async (t) => {
  const named = namedWorld([{}, {}], { slowStart: 60_000 })
  await load(named, 2_000)
  named.upstream.points([0, 1])
  const parts = await load(named, 5_000)
  for (const part of parts) t.ok(part > 180, parts.join(' '))
})

test('an address that goes answers what it has, and gets nothing more', async (t) => {
  const named = namedWorld([{}, {}, { serviceMs: () => 900 }], { balance: 'round-robin' })
  const { world, upstream } = named
  upstream.points([0, 1, 2])
  for (let i = 0; i < 9; i++) world.ask()
  await world.run(1)
  t.equal(upstream.hosts[2]?.received, 3)
  upstream.points([0, 1])
  await load(named, 5_000)
  t.equal(upstream.hosts[2]?.received, 3)
  t.ok(world.callers.every(({ status }) => status === 200))
  t.strictSame(world.broken(), [])
})

test('with one address nobody is chosen, and nothing is learned', async (t) => {
  const named = namedWorld([{ status: 500 }])
  await load(named, 10_000)
  t.notOk(named.world.joined.announced.some(({ what }) => what === 'endpoint-ejected'))
  t.ok(named.world.joined.record.attempts.every(({ work }) => work.tried === null))
  t.strictSame(named.world.broken(), [])
})

test('what goes on while a name grows and shrinks is counted right in the end', async (t) => {
  const slow = { serviceMs: () => 300 }
  const named = namedWorld([slow, slow, slow], { balance: 'least-request' })
  const { world, upstream } = named
  world.arrive({ ratePerSecond: 200, fromMs: 0, untilMs: 10_000 })
  for (let i = 0; i < 20; i++) {
    await world.run(i * 500)
    upstream.points(([[0], [0, 1], [0, 1, 2], [1, 2]] as const)[i % 4] as readonly number[], [1, 2])
  }
  await world.run(15_000)
  const shown = [...world.joined.parts.shown()].find(({ name }) => name === 'balance')?.inspect() ?? {}
  for (const figures of Object.values(shown)) t.match(figures, / 0 under way/)
  t.strictSame(world.broken(), [])
})

test('a learned limit goes along with a name that grows and shrinks under load, and loses no permit', async (t) => {
  const host = { slots: 4, serviceMs: () => 20 }
  const named = namedWorld([host, host, host], { limit: {}, breaker: {} })
  const { world, upstream } = named
  world.arrive({ ratePerSecond: 400, fromMs: 0, untilMs: 40_000 })
  const steps = [[0], [0, 1], [0, 1, 2], [1, 2], [2], [0, 1, 2]] as const
  for (let i = 0; i < 12; i++) {
    await world.run(i * 3_000)
    upstream.points(steps[i % 6] as readonly number[], [1, 2])
  }
  await world.run(60_000)
  const late = world.callers.filter(({ askedAt }) => askedAt > 36_000 && askedAt < 39_000)
  const served = late.filter(({ status }) => status === 200).length / late.length
  t.ok(served > 0.9, `${served} of what three addresses can do`)
  t.strictSame(world.broken(), [])
})

test('a retry and a hedge go to another address', async (t) => {
  const retried = namedWorld([{ mode: 'refused' }, {}], {}, { retry: {} })
  retried.upstream.points([0, 1])
  const callers = Array.from({ length: 20 }, () => retried.world.ask())
  await retried.world.run(5_000)
  t.ok(callers.every(({ status }) => status === 200))
  const hedged = namedWorld([{ serviceMs: () => 300 }, {}], { balance: 'round-robin' }, { hedge: { after: 50 } })
  hedged.upstream.points([0, 1])
  await load(hedged, 5_000)
  t.ok(hedged.world.joined.record.attempts.some(({ kind, sentAt }) => kind === 'hedge' && sentAt > 0))
})

test('a name with one address is not hedged', async (t) => {
  const named = namedWorld([{ serviceMs: () => 200 }], {}, { hedge: { after: 50 } })
  await load(named, 2_000)
  t.ok(named.world.joined.record.attempts.every(({ kind }) => kind === 'first'))
})

test('another configuration knows the addresses that the last one knew', async (t) => {
  const named = namedWorld([{}, {}, { status: 500 }], { slowStart: 60_000 })
  named.upstream.points([0, 1, 2])
  await load(named, 6_000)
  named.world.reload({
    upstreams: [{ name: 'service', endpoints: ['http://app.sim'], startupMs: 0,
      options: { limit: 'off', breaker: 'off', slowStart: 60_000, balance: 'least-request' } }],
  })
  const [first, , ill] = await load(named, 3_000)
  t.ok(ill as number < 15, `${ill} of 300`)
  t.ok(first as number > 100)
})

test('metrics know the name alone: how many of its addresses get nothing', async (t) => {
  const named = namedWorld([{}, {}, { status: 500 }])
  named.upstream.points([0, 1, 2])
  await load(named, 3_000)
  const samples = named.world.joined.meter.families().find(({ name }) => name === 'seawall_endpoint_ejected')?.samples()
  t.equal(samples?.length, 1)
  t.match(samples?.[0], { value: 1 })
})

test('checks find every address, go on with those that stay, and end with those that go', async (t) => {
  const named = namedWorld([{}, {}, { checkStatus: 500 }], { health: { path: '/health', interval: 200, unhealthy: 2 } })
  const { world, upstream } = named
  upstream.points([0, 1, 2])
  await world.run(3_000)
  t.strictSame((await load(named, 3_000))[2], 0)
  upstream.points([1, 2])
  const { checks } = upstream.hosts[0] ?? {}
  t.strictSame((await load(named, 3_000))[2], 0, 'what its checks said is still known')
  t.equal(upstream.hosts[0]?.checks, checks)
  Object.assign(upstream.hosts[2]?.behaviour ?? {}, { checkStatus: 200 })
  await load(named, 20_000)
  t.ok((await load(named, 5_000))[2] as number > 100, 'and so is that it is well again')
})
