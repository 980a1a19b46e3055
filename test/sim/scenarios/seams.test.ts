// Where retries, keys, drains and attempts that were given up meet: one test for each place where one of them once lost
// what another held.

import { test } from 'tap'
import { MemoryStore } from '../../../proxy/stores/memory-store.ts'
import { DistantStore } from '../distant-store.ts'
import { field, KeyedWorld } from '../keyed-world.ts'
import { inTurn, layeredWorld } from '../layered-world.ts'
import { ScriptedUpstream } from '../scripted-upstream.ts'
import { World } from '../world.ts'

const never = 10_000_000

for (const [name, route] of [['a retry', { retry: {} }], ['a failover', { failover: { to: 'second' } }]] as const) {
  test(`${name} that came to an answer leaves nothing of the answer before it on the wire`, async (t) => {
    const { world } = layeredWorld({
      route, service: { endpoints: 2, play: inTurn({ status: 503, body: 'no', bodyMs: never }, { status: 200 }) },
    })
    const caller = world.ask()
    await world.run(1_000)
    t.equal(caller.status, 200)
    t.equal(world.joined.record.attempts.length, 2, 'both are over: nobody reads the first any more')
  })
}

test('a back-off that a drain ends tells its caller something whole, also when the last answer is gone', async (t) => {
  const { world } = layeredWorld({
    route: { retry: {} },
    service: { play: () => ({ status: 502, headers: ['retry-after', '2'], body: 'no', bodyMs: 60_000 }) },
  })
  const caller = world.ask()
  await world.run(100)
  world.joined.house.refuse()
  await world.run(200)
  t.equal(caller.end, 'complete')
  t.equal(caller.code, 'upstream.reset')
})

test('a caller that leaves during the back-off of a key leaves a word on it, not a claim for ever', async (t) => {
  const world = new KeyedWorld({
    idempotency: { methods: ['PUT'] }, route: { retry: {} }, upstream: { breaker: 'off' },
  })
  world.upstream.step = () => ({ status: 502, headers: ['retry-after', '2'], chunks: ['a', 'b'], chunkMs: 1_000 })
  const caller = world.charge({ method: 'PUT' })
  await world.run(100)
  caller.leave()
  await world.run(300_000)
  const again = await world.chargeAt(300_000, { method: 'PUT' })
  t.equal(again.code, 'idempotency.outcome-unknown', 'what came of it was not kept, and a part of it is no answer')
  t.strictSame(world.broken(), [])
})

test('an attempt given up that fails late does not undo the answer of the one after it', async (t) => {
  const world = new KeyedWorld({
    idempotency: { methods: ['PUT'] }, route: { retry: {}, timeouts: { attempt: 50 } }, upstream: { breaker: 'off' },
  })
  world.upstream.step = (n) => n === 1 ? { afterMs: 200, fails: 'upstream.reset' }
    : { afterMs: 10, chunks: ['{"id":', '2}'], chunkMs: 400 }
  const caller = world.charge({ method: 'PUT' })
  await world.run(5_000)
  t.equal(caller.status, 201)
  t.equal(caller.text, '{"id":2}')
  t.equal(field(caller, 'idempotency-status'), 'executed')
  t.strictSame(world.broken(), [])
})

test('an attempt given up that never ends is ended with the key of its work', async (t) => {
  const world = new KeyedWorld({
    idempotency: { methods: ['PUT'] }, route: { retry: {}, timeouts: { attempt: 50 } }, upstream: { breaker: 'off' },
  })
  world.upstream.step = (n) => n === 1 ? { afterMs: Infinity } : {}
  const caller = world.charge({ method: 'PUT' })
  await world.run(1_000)
  t.equal(caller.status, 201)
  t.equal(world.joined.record.attempts.length, 2, 'its connection and its permit are free')
})

test('a first attempt that still claims its key is not hedged', async (t) => {
  const made: { store?: DistantStore } = {}
  const world = new World({
    sketch: {
      upstreams: [{ name: 'service', startupMs: 0, options: { breaker: 'off', limit: 'off' } }],
      routes: [{ options: { hedge: { after: 10 }, idempotency: { methods: ['GET'] } } }],
    },
    upstreams: (clock) => {
      const service = new ScriptedUpstream('service', clock, { endpoints: 2 })
      return () => service
    },
    records: (clock) => made.store = new DistantStore(new MemoryStore(clock), clock),
  })
  if (made.store !== undefined) made.store.delayMs = 30
  // What went well pays for a hedge.
  for (let i = 0; i < 100; i++) world.ask()
  await world.run(500)
  const caller = world.ask({ headers: ['idempotency-key', 'k-1'] })
  await world.run(1_000)
  t.equal(caller.status, 200)
  t.equal(world.joined.record.attempts.length, 101)
})

test('a defect of ours on the way to the wire costs one request, and neither a permit nor a key', async (t) => {
  const world = new KeyedWorld()
  const send = world.upstream.send.bind(world.upstream)
  world.upstream.send = () => { throw new Error('a defect') }
  const caller = world.charge()
  await world.run(100_000)
  t.equal(caller.end, 'broken')
  t.strictSame(world.joined.announced.map(({ what }) => what), ['defect'])
  world.joined.announced.length = 0
  t.strictSame(world.broken(), [])
  world.upstream.send = send
  const again = await world.chargeAt(100_100)
  await world.run(200_000)
  t.equal(again.status, 201)
})

test('a defect of ours on the way to the caller costs one request, not the process', async (t) => {
  const { world } = layeredWorld({ route: {} })
  const caller = world.ask()
  caller.answer = () => { throw new Error('a defect') }
  await world.run(1_000)
  t.equal(caller.end, 'broken')
  t.strictSame(world.joined.announced.map(({ what }) => what), ['defect'])
  t.strictSame(world.joined.house.inFlight, 0)
})

test('a claim that nobody heard of is freed, however often the store has to be told', async (t) => {
  const world = new KeyedWorld()
  let isDown = true
  world.store.word = (operation) => {
    if (operation === 'claim') return isDown ? 'lost' : 'ok'
    return operation === 'release' && isDown ? 'down' : 'ok'
  }
  const first = world.charge()
  await world.run(1_000)
  t.equal(first.code, 'idempotency.store-unavailable')
  isDown = false
  await world.run(10_000)
  const again = await world.chargeAt(10_100)
  await world.run(20_000)
  t.equal(again.status, 201)
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('the deadline of an impatient caller is no evidence against an upstream that nothing is known of', async (t) => {
  const { world } = layeredWorld({ route: { deadline: { default: 5_000 } }, service: { play: () => 'hang' } })
  world.ask({ headers: ['x-request-timeout-ms', '20'] })
  await world.run(100)
  world.ask()
  await world.run(10_000)
  t.strictSame(world.joined.record.attempts.map(({ row }) => row), ['cut-early', 'cut-late'])
})

test('an endpoint that a hedge was refused for is still another one to ask', async (t) => {
  let isFull = false
  const { world, service } = layeredWorld({
    route: { retry: {}, hedge: { after: 10 } }, upstream: { bulkhead: { maxConcurrent: 1, maxWait: 1_000 } },
    service: {
      endpoints: 2, serviceMs: () => isFull ? 50 : 5,
      play: ({ attempt }) => isFull && attempt.kind === 'first'
        ? { status: 503, headers: ['retry-after', '1'] } : { status: 200 },
    },
  })
  // What went well pays for a hedge.
  for (let i = 0; i < 60; i++) world.ask()
  await world.run(1_000)
  isFull = true
  const caller = world.ask()
  await world.run(5_000)
  t.equal(caller.status, 200)
  t.ok(world.joined.record.attempts.some(({ kind, row }) => kind === 'hedge' && row === 'shed'))
  t.equal(service.calls.length, 62)
})

test('a route that only observes its retries takes nothing from those that make them', async (t) => {
  const service = { name: 'service', startupMs: 0, options: { breaker: 'off', limit: 'off' } }
  const world = new World({
    sketch: {
      upstreams: [service],
      routes: [
        { path: '/seen', policyModes: { retry: 'observe' }, options: { retry: {} } },
        { path: '/made', options: { retry: { maxAttempts: 2 } } },
      ],
    },
    upstream: { status: 502 },
  })
  for (let i = 0; i < 200; i++) world.ask({ path: '/seen' })
  await world.run(1_000)
  world.ask({ path: '/made' })
  await world.run(5_000)
  t.equal(world.upstream.received, 202)
})
