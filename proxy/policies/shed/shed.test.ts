import { test } from 'tap'
import { World } from '../../../test/sim/world.ts'
import type { WorldOptions } from '../../../test/sim/world.ts'

function worldWith(bulkhead: object, rest: WorldOptions = {}, startupMs = 0): World {
  const sketch = { upstreams: [{ name: 'service', startupMs, options: { bulkhead } }], ...rest.sketch }
  return new World({ ...rest, sketch })
}

test('no more attempts are in flight than the ceiling allows; the rest is refused at once', async (t) => {
  const world = worldWith({ maxConcurrent: 2 })
  const callers = [world.ask(), world.ask(), world.ask()]
  await world.run(0)
  t.equal(callers[2]?.code, 'bulkhead.full')
  t.equal(callers[2]?.endedAt, 0)
  await world.run(100)
  t.equal(world.upstream.mostWorking, 2)
  t.strictSame(callers.map((caller) => caller.status), [200, 200, 503])
  t.strictSame(world.broken(), [])
})

test('a request may wait for a permit as long as the bulkhead allows', async (t) => {
  const world = worldWith({ maxConcurrent: 1, maxWait: 50 }, { upstream: { serviceMs: () => 30 } })
  const callers = [world.ask(), world.ask(), world.ask(), world.ask()]
  await world.run(1_000)
  t.strictSame(callers.map((caller) => caller.code), [null, null, 'bulkhead.timeout', 'bulkhead.timeout'])
  t.equal(callers[1]?.endedAt, 60)
  t.equal(callers[2]?.endedAt, 50)
  t.equal(world.upstream.mostWorking, 1)
  t.strictSame(world.broken(), [])
})

test('the line is bounded', async (t) => {
  const world = worldWith({ maxConcurrent: 1, maxWait: 1_000, maxQueue: 2 })
  const callers = Array.from({ length: 4 }, () => world.ask())
  await world.run(0)
  t.equal(callers[3]?.code, 'bulkhead.full')
  await world.run(1_000)
  t.strictSame(world.broken(), [])
})

test('a caller that leaves the line takes no permit', async (t) => {
  const world = worldWith({ maxConcurrent: 1, maxWait: 1_000 })
  world.ask()
  const leaves = world.ask()
  const stays = world.ask()
  leaves.leave()
  await world.run(1_000)
  t.equal(stays.endedAt, 20)
  t.equal(world.upstream.received, 2)
  t.strictSame(world.broken(), [])
})

test('a permit is held until the last byte of the answer', async (t) => {
  const world = worldWith({ maxConcurrent: 1 }, { upstream: { bodyMs: 100 } })
  world.ask()
  await world.run(50)
  const early = world.ask()
  await world.run(111)
  t.equal(early.code, 'bulkhead.full')
  world.ask()
  await world.run(1_000)
  t.equal(world.upstream.received, 2)
  t.strictSame(world.broken(), [])
})

test('a share bounds one route and leaves the rest to the others', async (t) => {
  const world = worldWith({ maxConcurrent: 4 }, {
    sketch: { routes: [{ name: 'report', path: '/report', options: { bulkhead: { share: 0.25 } } }, {}] },
  })
  world.ask({ path: '/report' })
  const overShare = world.ask({ path: '/report' })
  const others = [world.ask({ path: '/a' }), world.ask({ path: '/b' }), world.ask({ path: '/c' })]
  const overCeiling = world.ask({ path: '/d' })
  await world.run(100)
  t.strictSame([overShare.code, overCeiling.code], ['bulkhead.full', 'bulkhead.full'])
  t.strictSame(others.map((caller) => caller.status), [200, 200, 200])
  t.strictSame(world.broken(), [])
})

test('observe refuses nobody, counts who would have been, and loses no permit', async (t) => {
  const world = worldWith({ maxConcurrent: 1 }, { sketch: { mode: 'observe' } })
  const callers = Array.from({ length: 3 }, () => world.ask())
  await world.run(100)
  t.strictSame(callers.map((caller) => caller.status), [200, 200, 200])
  t.equal(world.joined.record.would.length, 2)
  world.ask()
  t.equal(world.joined.record.would.length, 2, 'everything was given back')
})

test('observe counts who would have waited as if the wait had been in vain', async (t) => {
  const world = worldWith({ maxConcurrent: 1, maxWait: 50 }, { sketch: { mode: 'observe' } })
  const callers = [world.ask(), world.ask()]
  await world.run(100)
  t.strictSame(callers.map((caller) => caller.status), [200, 200])
  t.strictSame(world.joined.record.would, [{ code: 'bulkhead.timeout', policy: 'shed' }])
})

test('before the first connection, requests wait without a permit while one try a time is made', async (t) => {
  const world = worldWith({ maxConcurrent: 1 }, { upstream: { mode: 'refused' } }, 30_000)
  const first = world.ask()
  await world.run(1_000)
  const second = world.ask()
  await world.run(3_000)
  t.equal(first.status, 0)
  t.ok(world.upstream.probes > 25 && world.upstream.probes < 35, `one try every 100 ms, not one a caller: ${
    world.upstream.probes}`)
  t.equal(world.upstream.received, 0)
  world.upstream.behaviour.mode = 'serve'
  await world.run(3_200)
  t.equal(first.status, 200)
  t.equal(second.code, 'bulkhead.full', 'the ceiling holds for those who waited as well')
  t.strictSame(world.joined.announced.map(({ what }) => what), ['upstream-not-ready', 'upstream-ready'])
  t.strictSame(world.broken(), [])
})

test('when its time to start is over an upstream that refuses is 502 at once', async (t) => {
  const world = worldWith({ maxConcurrent: 10 }, { upstream: { mode: 'refused' } }, 500)
  const first = world.ask()
  await world.run(10_000)
  t.equal(first.code, 'upstream.refused')
  t.equal(first.endedAt, 500)
  const later = world.ask()
  await world.run(10_001)
  t.equal(later.endedAt, 10_000)
  t.equal(later.status, 502)
  t.strictSame(world.broken(), [])
})

test('a deadline ends the wait for an upstream that starts', async (t) => {
  const world = worldWith({ maxConcurrent: 1 }, {
    upstream: { mode: 'refused' }, sketch: { routes: [{ options: { deadline: { default: 250 } } }] },
  }, 30_000)
  const caller = world.ask()
  await world.run(1_000)
  t.equal(caller.code, 'deadline.expired')
  t.equal(caller.endedAt, 250)
})
