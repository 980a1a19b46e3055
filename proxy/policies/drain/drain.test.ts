import { test } from 'tap'
import { World } from '../../../test/sim/world.ts'

test('while the house serves or leaves, requests go through and are counted inside', async (t) => {
  const world = new World()
  const caller = world.ask()
  t.equal(world.joined.house.inFlight, 1)
  world.joined.house.phase = 'leaving'
  const second = world.ask()
  await world.run(100)
  t.equal(caller.status, 200)
  t.equal(second.status, 200)
  t.strictSame(world.broken(), [])
})

test('once the house refuses, new requests are told to come again, and nothing is sent', async (t) => {
  const world = new World()
  const before = world.ask()
  await world.run(1)
  world.joined.house.phase = 'refusing'
  const after = world.ask()
  t.equal(after.status, 503)
  t.equal(after.code, 'drain.closing')
  t.ok(after.retryAfterS >= 1 && after.retryAfterS <= 3)
  await world.run(100)
  t.equal(before.status, 200, 'who was inside is served to the end')
  t.equal(world.upstream.received, 1)
  t.strictSame(world.broken(), [])
})

test('who waits for a permit when the house begins to refuse is told so, and gives the permit on', async (t) => {
  const bulkhead = { maxConcurrent: 1, maxWait: 1_000 }
  const world = new World({ sketch: { upstreams: [{ name: 'service', startupMs: 0, options: { bulkhead } }] } })
  world.ask()
  const waiting = world.ask()
  world.joined.house.phase = 'refusing'
  await world.run(2_000)
  t.equal(waiting.code, 'drain.closing')
  t.equal(world.upstream.received, 1)
  t.strictSame(world.broken(), [])
})

test('drain is not observed: an instance that only pretended to leave would be cut', async (t) => {
  const world = new World({ sketch: { mode: 'observe' } })
  world.joined.house.phase = 'refusing'
  t.equal(world.ask().code, 'drain.closing')
})

test('the way out stays open while the house refuses: the service finishes what it has taken in', async (t) => {
  const world = new World({ sketch: { listenerKind: 'egress' } })
  world.joined.house.phase = 'refusing'
  const caller = world.ask()
  t.equal(world.joined.house.inFlight, 1)
  await world.run(100)
  t.equal(caller.status, 200)
  t.strictSame(world.broken(), [])
})
