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

const oneAtATime = { bulkhead: { maxConcurrent: 1, maxWait: 60_000 } }

test('who waits for a permit when the house begins to refuse was let in, and is served in its turn', async (t) => {
  const world = new World({ sketch: { upstreams: [{ name: 'service', startupMs: 0, options: oneAtATime }] } })
  world.ask()
  const waiting = world.ask()
  await world.run(1)
  world.joined.house.cutAt = 25_000
  world.joined.house.refuse()
  await world.run(2_000)
  t.equal(waiting.status, 200)
  t.equal(world.upstream.received, 2)
  t.strictSame(world.broken(), [])
})

test('whose turn comes when there is no time for an answer any more is told so, and gives the permit on', async (t) => {
  const world = new World({
    sketch: { upstreams: [{ name: 'service', startupMs: 0, options: oneAtATime }] },
    upstream: { serviceMs: () => 100 },
  })
  for (let i = 0; i < 60; i++) {
    world.ask()
    await world.run(world.clock.now() + 150)
  }
  const now = world.clock.now()
  const asked = Array.from({ length: 4 }, () => world.ask())
  await world.run(now + 1)
  world.joined.house.cutAt = now + 250
  world.joined.house.refuse()
  await world.run(now + 2_000)
  t.strictSame(asked.map(({ code, status }) => code ?? status), [200, 200, 'drain.closing', 'drain.closing'])
  t.equal(world.upstream.received, 62)
  t.strictSame(world.broken(), [])
})

test('at the last call whoever still waits at a door is told, also one that nobody comes for', async (t) => {
  const world = new World({
    sketch: { upstreams: [{ name: 'service', startupMs: 0, options: oneAtATime }] },
    upstream: { serviceMs: () => 10_000 },
  })
  const inside = world.ask()
  const [waiting, left, late] = [world.ask(), world.ask(), world.ask({ headers: ['x-request-timeout-ms', '50'] })]
  await world.run(100)
  left.leave()
  world.turnAway()
  t.equal(waiting.code, 'drain.closing')
  t.equal(waiting.status, 503)
  t.equal(late.status, 504, 'whoever has been told is left alone')
  await world.run(20_000)
  t.equal(inside.status, 200, 'who was sent is not touched')
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
