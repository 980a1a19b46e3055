import { test } from 'tap'
import { World } from '../../../test/sim/world.ts'
import { firstValue } from '../../core/raw-headers.ts'

const limited = (...rateLimit: readonly object[]): World =>
  new World({ sketch: { routes: [{ name: 'charge', options: { rateLimit } }] }, upstream: { serviceMs: () => 1 } })

const statuses = (world: World): number[] => world.callers.map(({ status }) => status)

test('a burst comes in, the next one is told when to come again', async (t) => {
  const world = limited({ key: 'route', rate: '10/s', burst: 3 })
  for (let i = 0; i < 4; i++) world.ask()
  await world.run(50)
  t.strictSame(statuses(world), [200, 200, 200, 429])
  const refused = world.callers[3]
  t.equal(refused?.code, 'rate-limit.exceeded')
  t.equal(refused?.retryAfterS, 1)
  t.equal(firstValue(refused?.fields ?? [], 'ratelimit'), '"route";r=0;t=1')
  t.equal(firstValue(refused?.fields ?? [], 'ratelimit-policy'), '"route";q=3;w=1')
  t.equal(firstValue(refused?.fields ?? [], 'idempotency-status'), 'not-processed')
  t.strictSame(world.broken(), [])
})

test('in the long run the rate holds', async (t) => {
  const world = limited({ key: 'route', rate: '50/s', burst: 1 })
  world.arrive({ ratePerSecond: 400, fromMs: 0, untilMs: 20_000 })
  await world.run(20_100)
  const admitted = statuses(world).filter((status) => status === 200).length
  t.ok(admitted > 850 && admitted <= 1_001, `${admitted} of ${world.callers.length}`)
})

test('one key does not spend what is another\'s', async (t) => {
  const world = limited({ key: 'header:x-merchant', rate: '1/s' })
  for (const merchant of ['a', 'a', 'b', 'c', 'b']) world.ask({ headers: ['X-Merchant', merchant] })
  await world.run(50)
  t.strictSame(statuses(world), [200, 429, 200, 200, 429])
})

test('requests without the field share one key: leaving it out is no way around', async (t) => {
  const world = limited({ key: 'header:x-merchant', rate: '1/s' })
  world.ask()
  world.ask({ headers: ['x-other', 'b'] })
  await world.run(50)
  t.strictSame(statuses(world), [200, 429])
})

test('a combined key limits the combination', async (t) => {
  const world = limited({ key: ['ip', 'header:x-merchant'], rate: '1/s' })
  world.ask({ remoteAddress: '192.0.2.1', headers: ['x-merchant', 'a'] })
  world.ask({ remoteAddress: '192.0.2.2', headers: ['x-merchant', 'a'] })
  world.ask({ remoteAddress: '192.0.2.1', headers: ['x-merchant', 'b'] })
  world.ask({ remoteAddress: '192.0.2.1', headers: ['x-merchant', 'a'] })
  await world.run(50)
  t.strictSame(statuses(world), [200, 200, 200, 429])
})

test('of several limits the one that refuses is named, and the others spend nothing', async (t) => {
  const world = limited(
    { key: 'header:x-merchant', rate: '1/s', name: 'merchant' }, { key: 'ip', rate: '2/m', name: 'address' })
  for (const merchant of ['a', 'a', 'a', 'b', 'c']) world.ask({ headers: ['x-merchant', merchant] })
  await world.run(50)
  t.strictSame(statuses(world), [200, 429, 429, 200, 429])
  const names = world.callers.map(({ fields }) => firstValue(fields, 'ratelimit')?.split(';')[0])
  t.strictSame(names, [undefined, '"merchant"', '"merchant"', undefined, '"address"'])
  t.equal(world.callers[4]?.retryAfterS, 30)
})

test('a limit for all is shared by the routes that name it', async (t) => {
  const rateLimit = [{ key: 'all', rate: '1/s' }]
  const world = new World({ sketch: { routes: [
    { name: 'one', path: '/one', options: { rateLimit } }, { name: 'two', path: '/two', options: { rateLimit } },
  ] } })
  world.ask({ path: '/one' })
  world.ask({ path: '/two' })
  await world.run(1_000)
  t.strictSame(statuses(world), [200, 429])
})

test('S33: a refusal by rate costs no permit and no attempt', async (t) => {
  const world = new World({ sketch: {
    routes: [{ options: { rateLimit: [{ key: 'route', rate: '1/s' }] } }],
    upstreams: [{ name: 'service', options: { bulkhead: { maxConcurrent: 1, maxWait: 0 } } }],
  }, upstream: { serviceMs: () => 500 } })
  world.ask()
  const refused = world.ask()
  await world.run(1_200)
  t.equal(refused.code, 'rate-limit.exceeded')
  const third = world.ask()
  await world.run(2_000)
  t.equal(third.status, 200)
  t.equal(world.joined.record.attempts.length, 2)
  t.strictSame(world.broken(), [])
})

test('observing, everybody comes in, and who would not have is counted', async (t) => {
  const world = new World({ sketch: {
    mode: 'observe', routes: [{ options: { rateLimit: [{ key: 'route', rate: '1/s' }] } }],
  } })
  for (let i = 0; i < 3; i++) world.ask()
  await world.run(1_000)
  t.strictSame(statuses(world), [200, 200, 200])
  t.strictSame(world.joined.record.would.map(({ code }) => code), ['rate-limit.exceeded', 'rate-limit.exceeded'])
})

test('a flood of distinct keys stays within its bound, and the flooded limit still limits', async (t) => {
  const world = limited({ key: 'header:x-merchant', rate: '1/h', maxKeys: 64 })
  for (let i = 0; i < 5_000; i++) world.ask({ headers: ['x-merchant', `flood-${i}`] })
  world.ask({ headers: ['x-merchant', 'flood-4999'] })
  await world.run(100)
  t.equal(world.callers.at(-1)?.status, 429)
  const shown = [...world.joined.parts.shown()].find(({ name }) => name.startsWith('rateLimit'))?.inspect()
  t.equal(shown?.['maxKeys'], 64)
})
