// Keys shared by several processes through a store that is slow, loses words or is gone: what is claimed once stays
// claimed once, and nothing is sent that could not be recorded first. The numbers are those of the catalogue of cases.

import { test } from 'tap'
import { field, KeyedWorld } from '../../../test/sim/keyed-world.ts'
import type { SimCaller } from '../../../test/sim/sim-caller.ts'
import { seededRandom } from '../../../test/sim/seeded-random.ts'

test('case 4: twenty duplicates of each key through three processes are one charge each', async (t) => {
  const seed = Date.now() % 100_000
  const random = seededRandom(seed, 'jitter')
  const first = new KeyedWorld({ isShared: true })
  const beside = { beside: first, isShared: true }
  const worlds = [first, new KeyedWorld(beside), new KeyedWorld(beside)]
  for (const world of worlds) world.store.delayMs = 3
  first.upstream.step = () => ({ afterMs: 20 + random() * 100, chunks: [`${random()}`] })
  const answers = new Map<string, SimCaller[]>()
  for (let k = 0; k < 40; k++) {
    const key = `key-${k}`
    const callers: SimCaller[] = []
    answers.set(key, callers)
    for (let i = 0; i < 20; i++) {
      const world = worlds[Math.floor(random() * 3)] as KeyedWorld
      first.clock.after(random() * 400, () => { callers.push(world.charge({ key })) })
    }
  }
  await first.run(10_000)
  t.equal(first.charged, 40, `seed ${seed}`)
  for (const callers of answers.values()) {
    const good = callers.filter(({ status }) => status === 201)
    t.equal(new Set(good.map(({ text }) => text)).size, 1)
    const other = callers.filter(({ status, code }) => status !== 201 && code?.startsWith('shed.') !== true)
    t.strictSame(other.map(({ code }) => code), [])
  }
  for (const world of worlds) t.strictSame(world.broken(), [])
})

test('who loses the race for a key gets the answer of who won it, without a permit', async (t) => {
  const one = new KeyedWorld({ isShared: true })
  const two = new KeyedWorld({ beside: one, isShared: true, upstream: { bulkhead: { maxConcurrent: 1, maxWait: 0 } } })
  one.store.delayMs = two.store.delayMs = 5
  one.upstream.step = () => ({ afterMs: 100 })
  const winner = one.charge()
  const loser = two.charge()
  await one.run(50)
  const beside = two.charge({ key: 'other' })
  await one.run(1_000)
  t.equal(field(winner, 'idempotency-status'), 'executed')
  t.equal(field(loser, 'idempotency-status'), 'replayed')
  t.equal(loser.text, winner.text)
  t.equal(beside.status, 201, 'the permit of the loser was free again')
  t.equal(one.charged, 2)
  t.strictSame(one.broken().concat(two.broken()), [])
})

test('who loses the race with another body is refused as such', async (t) => {
  const one = new KeyedWorld({ isShared: true })
  const two = new KeyedWorld({ beside: one, isShared: true })
  one.store.delayMs = two.store.delayMs = 5
  one.charge()
  const other = two.charge({ body: 'another' })
  await one.run(1_000)
  t.equal(other.code, 'idempotency.key-reused')
  t.equal(one.charged, 1)
})

test('when the winner of a race frees the key, the loser is executed in its place', async (t) => {
  const one = new KeyedWorld({ isShared: true })
  const two = new KeyedWorld({ beside: one, isShared: true })
  one.store.delayMs = two.store.delayMs = 5
  one.upstream.step = (count) => count === 1 ? { status: 429, executes: false, afterMs: 50 } : {}
  const winner = one.charge()
  const loser = two.charge()
  await one.run(2_000)
  t.equal(winner.status, 429)
  t.equal(loser.status, 201)
  t.equal(one.charged, 1)
  t.strictSame(one.broken().concat(two.broken()), [])
})

test('case 31: a claim that was applied and never answered is not sent, and its key is freed', async (t) => {
  const world = new KeyedWorld({ isShared: true })
  world.store.word = (operation) => operation === 'claim' ? 'lost' : 'ok'
  const caller = await world.chargeAt(0)
  await world.run(250)
  t.equal(caller.code, 'idempotency.store-unavailable')
  t.equal(field(caller, 'idempotency-status'), 'not-processed')
  world.store.word = () => 'ok'
  const again = await world.chargeAt(1_000)
  await world.run(2_000)
  t.equal(again.status, 201)
  t.equal(world.upstream.received, 1)
  t.strictSame(world.broken(), [])
})

test('a caller that leaves while its claim is under way leaves no key behind', async (t) => {
  const world = new KeyedWorld({ isShared: true })
  world.store.delayMs = 50
  const caller = await world.chargeAt(0)
  await world.run(60)
  t.equal(world.store.calls.at(-1), 'claim')
  caller.leave()
  await world.run(300)
  t.equal(world.upstream.received, 0)
  world.store.delayMs = 0
  t.equal((await world.chargeAt(300)).end, null)
  await world.run(1_000)
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('case 32: a process that dies before the answer leaves a doubt, and nothing is sent again', async (t) => {
  const dead = new KeyedWorld({ isShared: true })
  dead.upstream.step = () => ({ afterMs: Infinity })
  await dead.chargeAt(0)
  dead.store.kill()
  const after = new KeyedWorld({ beside: dead, isShared: true })
  const again = await after.chargeAt(1_000)
  t.equal(again.code, 'idempotency.outcome-unknown')
  t.match(again.members, { reason: 'owner-lost' })
  t.equal(dead.charged, 1)
})

test('case 33: an answer that never reached the store before kill -9 is unknown, and not sent again', async (t) => {
  const dead = new KeyedWorld({ isShared: true })
  dead.store.word = (operation) => operation === 'finish' ? 'down' : 'ok'
  const first = await dead.chargeAt(0)
  await dead.run(2_000)
  t.equal(first.status, 201)
  t.equal(field(first, 'idempotency-status'), 'unrecorded')
  dead.store.kill()
  dead.store.word = () => 'down'
  const after = new KeyedWorld({ beside: dead, isShared: true })
  for (const at of [3_000, 60_000]) {
    const again = await after.chargeAt(at)
    t.equal(again.code, 'idempotency.outcome-unknown')
    t.match(again.members, { reason: 'owner-lost' })
  }
  t.equal(after.charged, 1)
})

test('case 37: while the store is down keyed requests are refused at once, and others are served', async (t) => {
  const world = new KeyedWorld({ isShared: true })
  await world.chargeAt(0)
  await world.run(100)
  world.store.word = () => 'down'
  for (const key of ['k-1', 'new']) {
    const caller = await world.chargeAt(1_000, { key })
    t.equal(caller.code, 'idempotency.store-unavailable')
    t.equal(caller.status, 503)
    t.equal(caller.retryAfterS, 2)
    t.equal(caller.endedAt, 1_000)
  }
  const other = await world.chargeAt(1_000, { method: 'GET', key: null })
  await world.run(2_000)
  t.equal(other.status, 201)
  world.store.word = () => 'ok'
  t.equal(field(await world.chargeAt(3_000), 'idempotency-replayed'), 'true')
  t.equal(world.count('store-failed'), 2)
  t.strictSame(world.broken(), [])
})

test('a duplicate whose body comes behind its head asks the store once, of a large answer again', async (t) => {
  for (const [bytes, expected] of [[100, 1], [8 * 1024, 2]] as const) {
    const world = new KeyedWorld({ isShared: true })
    world.upstream.step = () => ({ chunks: ['x'.repeat(bytes)] })
    await world.chargeAt(0)
    await world.run(1_000)
    let lookups = 0
    world.store.word = (operation) => {
      if (operation === 'lookup') lookups++
      return 'ok'
    }
    const again = await world.chargeAt(2_000, { slowBody: 100 })
    await world.run(3_000)
    t.equal(field(again, 'idempotency-replayed'), 'true')
    t.equal(again.text.length, bytes)
    t.equal(lookups, expected)
    t.strictSame(world.broken(), [])
  }
})

test('with storeFailure open requests go on without a record, and say so', async (t) => {
  const world = new KeyedWorld({ isShared: true, idempotency: { storeFailure: 'open' } })
  for (const failing of ['lookup', 'claim']) {
    world.store.word = (operation) => operation === failing ? 'down' : 'ok'
    const caller = await world.chargeAt(world.clock.now(), { key: failing })
    await world.run(world.clock.now() + 1_000)
    t.equal(caller.status, 201)
    t.equal(field(caller, 'idempotency-status'), 'bypassed')
  }
  t.equal(world.charged, 2)
  t.strictSame(world.broken(), [])
})

test('case 38: an answer that cannot be recorded is given all the same, and duplicates here get it', async (t) => {
  const world = new KeyedWorld({ isShared: true })
  const other = new KeyedWorld({ beside: world, isShared: true, idempotency: { wait: 0 } })
  world.store.word = (operation) => operation === 'finish' ? 'down' : 'ok'
  const first = await world.chargeAt(0)
  const here = await world.chargeAt(500)
  const there = await other.chargeAt(500)
  t.equal(first.status, 201)
  t.equal(field(first, 'idempotency-status'), 'unrecorded')
  t.equal(field(here, 'idempotency-replayed'), 'true')
  t.equal(there.code, 'idempotency.in-progress')
  t.equal(world.joined.house.inFlight, 1, 'a drain waits for the record')
  world.store.word = () => 'ok'
  await world.run(5_000)
  t.equal(field(await other.chargeAt(5_000), 'idempotency-replayed'), 'true')
  t.equal(world.charged, 1)
  t.strictSame(world.broken().concat(other.broken()), [])
})

test('case 38: a store that does not answer holds a reply no longer than recordTimeout', async (t) => {
  const world = new KeyedWorld({ isShared: true, idempotency: { recordTimeout: 100 } })
  world.store.delayMs = 0
  world.store.word = (operation) => operation === 'finish' ? 'lost' : 'ok'
  const first = await world.chargeAt(0)
  await world.run(200)
  t.equal(first.endedAt, 110)
  t.equal(field(first, 'idempotency-status'), 'unrecorded')
  world.store.word = () => 'ok'
  await world.run(2_000)
  t.equal(field(await world.chargeAt(2_000), 'idempotency-replayed'), 'true')
  t.strictSame(world.broken(), [])
})

test('case 38: a store that says a fault before recordTimeout is up holds a reply no longer than that', async (t) => {
  const world = new KeyedWorld({ isShared: true, idempotency: { recordTimeout: 1_000 } })
  world.store.word = (operation) => operation === 'finish' ? 'lost' : 'ok'
  const first = await world.chargeAt(0)
  await world.run(500)
  t.equal(first.endedAt, 10 + world.store.answersWithinMs)
  t.equal(field(first, 'idempotency-status'), 'unrecorded')
  t.equal(world.joined.house.inFlight, 1, 'a drain waits for the record')
  t.equal(field(await world.chargeAt(600), 'idempotency-replayed'), 'true', 'answered from here')
  world.store.word = () => 'ok'
  await world.run(5_000)
  t.equal(world.joined.house.inFlight, 0)
  t.equal(field(await world.chargeAt(5_000), 'idempotency-replayed'), 'true')
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('case 43: a paused owner that comes back records what the service had said', async (t) => {
  const paused = new KeyedWorld({ isShared: true, idempotency: { lease: 1_000 } })
  const other = new KeyedWorld({ beside: paused, isShared: true })
  paused.upstream.step = () => ({ afterMs: 5_000 })
  const first = await paused.chargeAt(0)
  // Nothing of it runs, not even its lease.
  paused.store.kill()
  t.equal((await other.chargeAt(3_000)).code, 'idempotency.outcome-unknown')
  await paused.run(6_000)
  t.equal(first.status, 201)
  t.equal(field(await other.chargeAt(7_000), 'idempotency-replayed'), 'true')
  t.equal(paused.charged, 1)
  t.strictSame(paused.broken(), [])
})

test('case 43: with inDoubt retry the word of the paused owner is fenced, and it says that it is not on record',
  async (t) => {
    const idempotency = { inDoubt: 'retry', lease: 1_000 }
    const paused = new KeyedWorld({ isShared: true, idempotency })
    const other = new KeyedWorld({ beside: paused, isShared: true, idempotency })
    paused.upstream.step = (count) => count === 1 ? { afterMs: 5_000, chunks: ['first'] } : { chunks: ['second'] }
    const first = await paused.chargeAt(0)
    paused.store.kill()
    const taken = await other.chargeAt(3_000)
    await paused.run(6_000)
    t.equal(taken.text, 'second')
    t.equal(first.text, 'first')
    t.equal(field(first, 'idempotency-status'), 'unrecorded')
    t.equal((await paused.chargeAt(7_000)).text, 'second')
  })

test('a lease is renewed while the service works', async (t) => {
  const world = new KeyedWorld({ isShared: true, idempotency: { lease: 3_000 } })
  world.upstream.step = () => ({ afterMs: 10_000 })
  await world.chargeAt(0)
  await world.run(9_500)
  t.equal(world.store.calls.filter((call) => call === 'renew').length, 9)
  await world.run(20_000)
  t.equal(world.store.calls.filter((call) => call === 'renew').length, 9)
  t.strictSame(world.broken(), [])
})

test('case 46: records of another way to fingerprint are compared in that way', async (t) => {
  const before = new KeyedWorld()
  await before.chargeAt(0, { body: '{"a":1}' })
  await before.run(100)
  const after = new KeyedWorld({ beside: before, idempotency: { fingerprint: { mode: 'json', headers: ['x-m'] } } })
  t.equal(field(await after.chargeAt(1_000, { body: '{"a":1}' }), 'idempotency-replayed'), 'true')
  t.equal((await after.chargeAt(1_000, { body: '{"a":2}' })).status, 422)
  t.equal(before.charged, 1)
})

test('case 46: with another ttl what is on record keeps the end that it was given', async (t) => {
  const before = new KeyedWorld({ idempotency: { ttl: 60_000 } })
  await before.chargeAt(0, { key: 'old' })
  const after = new KeyedWorld({ beside: before, idempotency: { ttl: 2_000 } })
  await after.chargeAt(1_000, { key: 'new' })
  t.equal(field(await after.chargeAt(50_000, { key: 'old' }), 'idempotency-replayed'), 'true')
  await after.chargeAt(50_000, { key: 'new' })
  await after.run(51_000)
  t.equal(before.charged, 3, 'the short one is over, the long one is not')
  await after.chargeAt(61_000, { key: 'old' })
  await after.run(62_000)
  t.equal(before.charged, 4)
})
