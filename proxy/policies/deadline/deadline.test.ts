import { test } from 'tap'
import { World } from '../../../test/sim/world.ts'
import { meterValue } from '../../../test/support/meter-value.ts'

const hang = { mode: 'hang' } as const
const ignored = (world: World): number =>
  meterValue(world.joined.meter, 'seawall_deadline_ignored_total', { route: 'route-0' })

const route = (deadline: object): object => ({ routes: [{ options: { deadline } }] })

test('without a deadline of route or caller a request may take its time', async (t) => {
  const world = new World({ upstream: { serviceMs: () => 3_600_000 } })
  const caller = world.ask()
  await world.run(3_600_100)
  t.equal(caller.status, 200)
  t.strictSame(world.broken(), [])
})

test('the deadline of the route answers 504 at its time and cuts what runs', async (t) => {
  const world = new World({ sketch: route({ default: 200 }), upstream: hang })
  const caller = world.ask()
  await world.run(199)
  t.equal(caller.status, 0)
  await world.run(201)
  t.equal(caller.status, 504)
  t.equal(caller.code, 'deadline.expired')
  t.equal(caller.endedAt, 200)
  t.equal(world.joined.record.attempts[0]?.outcome?.kind, 'abandoned')
  // Until then the permit is kept for what may still be worked on.
  await world.run(2_000)
  t.strictSame(world.broken(), [])
})

test('the caller may ask for less than the route, and for more up to the maximum', async (t) => {
  for (const [asked, told] of [['50', 50], ['500', 500], ['60000', 1_000]] as const) {
    const world = new World({ sketch: route({ default: 200, max: 1_000 }), upstream: hang })
    const caller = world.ask({ headers: ['X-Request-Timeout-Ms', asked] })
    await world.run(10_000)
    t.equal(caller.endedAt, told, asked)
  }
})

test('the name that Envoy uses is read as well, and ours goes first', async (t) => {
  const world = new World({ upstream: hang })
  const theirs = world.ask({ headers: ['x-envoy-expected-rq-timeout-ms', '70'] })
  const both = world.ask({ headers: ['x-envoy-expected-rq-timeout-ms', '70', 'x-request-timeout-ms', '30'] })
  await world.run(1_000)
  t.equal(theirs.endedAt, 70)
  t.equal(both.endedAt, 30)
})

test('nonsense is ignored and the default of the route holds', async (t) => {
  for (const asked of ['', '0', '-5', '1.5', '1e3', 'soon', '+5', '0x10', ' 5', '5, 6', '9'.repeat(7_000) + '.']) {
    const world = new World({ sketch: route({ default: 200 }), upstream: hang })
    const caller = world.ask({ headers: ['x-request-timeout-ms', asked] })
    await world.run(1_000)
    t.equal(caller.endedAt, 200, JSON.stringify(asked))
    t.equal(ignored(world), 1, JSON.stringify(asked))
  }
})

test('however much time a caller asks for, it gets the maximum, and that it asked for more is counted', async (t) => {
  for (const asked of ['1001', '999999999', '99999999999', '9'.repeat(7_000)]) {
    const world = new World({ sketch: route({ default: 200, max: 1_000 }), upstream: hang })
    const caller = world.ask({ headers: ['x-request-timeout-ms', asked] })
    const modest = world.ask({ headers: ['x-request-timeout-ms', '1000'] })
    await world.run(1_000)
    t.equal(caller.endedAt, 1_000, asked.slice(0, 20))
    t.equal(modest.endedAt, 1_000)
    t.equal(ignored(world), 1, asked.slice(0, 20))
  }
})

test('a deadline that is said twice is none, and counted', async (t) => {
  const world = new World({ sketch: route({ default: 200 }), upstream: hang })
  const twice = world.ask({ headers: ['x-request-timeout-ms', '50', 'X-Request-Timeout-Ms', '60'] })
  const once = world.ask({ headers: ['x-request-timeout-ms', '50'] })
  await world.run(1_000)
  t.equal(twice.endedAt, 200)
  t.equal(once.endedAt, 50)
  t.equal(ignored(world), 1)
})

test('the deadline covers the wait for a permit', async (t) => {
  const sketch = {
    ...route({ default: 100 }),
    upstreams: [{ name: 'service', startupMs: 0, options: { bulkhead: { maxConcurrent: 1, maxWait: 10_000 } } }],
  }
  const world = new World({ sketch, upstream: hang })
  world.ask()
  await world.run(50)
  const waiting = world.ask()
  await world.run(149)
  t.equal(waiting.status, 0)
  await world.run(1_000)
  t.equal(waiting.code, 'deadline.expired')
  t.equal(waiting.endedAt, 150)
  t.strictSame(world.broken(), [])
})

test('after the head the deadline cuts a body that is not a stream, visibly', async (t) => {
  const world = new World({ sketch: route({ default: 200 }), upstream: { bodyMs: 1_000 } })
  const caller = world.ask()
  await world.run(5_000)
  t.equal(caller.status, 200)
  t.equal(caller.end, 'broken')
  t.equal(caller.endedAt, 200)
  t.strictSame(world.broken(), [])
})

test('a stream may go on after the deadline', async (t) => {
  const sketch = { routes: [{ isStream: true, options: { deadline: { default: 200 } } }] }
  const world = new World({ sketch, upstream: { bodyMs: 1_000 } })
  const caller = world.ask()
  await world.run(5_000)
  t.equal(caller.end, 'complete')
})

test('observe counts the deadline and lets the answer through', async (t) => {
  const sketch = { mode: 'observe' as const, ...route({ default: 200 }) }
  const world = new World({ sketch, upstream: { serviceMs: () => 500 } })
  const caller = world.ask()
  await world.run(5_000)
  t.equal(caller.status, 200)
  t.strictSame(world.joined.record.would, [{ code: 'deadline.expired', policy: 'deadline' }])
  t.strictSame(world.broken(), [])
})
