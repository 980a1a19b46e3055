// What the page says of keys beside the results of requests: ages, doubts, late answers and words that came too late.

import { test } from 'tap'
import { KeyedWorld } from '../../../test/sim/keyed-world.ts'
import { DistantStore } from '../../../test/sim/distant-store.ts'
import { VirtualClock } from '../../../test/sim/virtual-clock.ts'
import { PolicyMeter } from '../../observe/policy-meter.ts'
import { MemoryStore } from '../../stores/memory-store.ts'
import { DeskMeter } from './desk-meter.ts'
import { meterValue } from '../../../test/support/meter-value.ts'
import type { Labels, PolicyFamily } from '../../core/meter.ts'

function valueIn(world: KeyedWorld, name: PolicyFamily, labels?: Labels): number {
  return meterValue(world.joined.meter, name, labels)
}

test('every result is on the page before the first request, so that alerts see the first rise', async (t) => {
  const { joined: { meter } } = new KeyedWorld()
  const seen = meter.families().find(({ name }) => name === 'seawall_idempotency_total')?.samples() ?? []
  const results = seen.map(({ labels }) => labels['result'])
  for (const result of ['executed', 'replayed', 'unknown', 'store-failed', 'unrecorded']) {
    t.ok(results.includes(result), result)
  }
  t.ok(seen.every(({ value }) => value === 0))
})

test('the oldest claim is work in flight, or an answer that the store did not take', async (t) => {
  const name = 'seawall_idempotency_oldest_in_flight_seconds'
  const world = new KeyedWorld({ isShared: true })
  t.equal(valueIn(world, name), 0)
  world.upstream.step = () => ({ afterMs: 4_000 })
  await world.chargeAt(1_000)
  await world.chargeAt(3_000, { key: 'k-2' })
  t.equal(valueIn(world, name), 2)
  world.store.word = (operation) => operation === 'finish' ? 'down' : 'ok'
  await world.run(9_000)
  t.equal(world.desk.held.size, 0)
  t.equal(valueIn(world, name), 8, 'answered, and still in flight for everybody else')
  world.store.word = () => 'ok'
  await world.run(20_000)
  t.equal(valueIn(world, name), 0)
  t.equal(world.desk.unsaid.size, 0)
})

test('doubts are counted once each by their reason, however often they are told', async (t) => {
  const options = { wait: 0, lateResponseWindow: 1_000 }
  const world = new KeyedWorld({ idempotency: options, route: { deadline: { default: 300 } } })
  const doubts = (reason: string): number => valueIn(world, 'seawall_idempotency_doubts_total', { reason })
  world.upstream.step = (count) =>
    [{ afterMs: Infinity }, { fails: 'upstream.reset' } as const, { isChunked: true, breaks: true }][count - 1] ?? {}
  for (const key of ['k-1', 'k-2', 'k-3']) await world.chargeAt(0, { key })
  for (const at of [2_000, 3_000]) {
    for (const key of ['k-1', 'k-2', 'k-3']) {
      t.equal((await world.chargeAt(at, { key })).code, 'idempotency.outcome-unknown')
    }
  }
  world.upstream.step = () => ({ afterMs: 200 })
  await world.chargeAt(4_000, { key: 'k-4' })
  await world.desk.shutDown()
  t.strictSame(['timeout', 'reset', 'truncated', 'shutdown', 'owner-lost'].map(doubts), [1, 1, 1, 1, 0])
})

test('a doubt that a dead owner left in a shared store is counted when it is told', async (t) => {
  const dead = new KeyedWorld({ isShared: true })
  dead.upstream.step = () => ({ afterMs: Infinity })
  await dead.chargeAt(0)
  dead.store.kill()
  const after = new KeyedWorld({ beside: dead, isShared: true })
  await after.chargeAt(1_000)
  t.equal(valueIn(after, 'seawall_idempotency_doubts_total', { reason: 'owner-lost' }), 1)
})

test('an answer is late when its caller was told 504, or has left, and not otherwise', async (t) => {
  for (const [leaves, deadline, late] of [[true, 1_000, 1], [false, 100, 1], [false, 1_000, 0]] as const) {
    const world = new KeyedWorld({ route: { deadline: { default: deadline } } })
    world.upstream.step = () => ({ afterMs: 200 })
    const caller = await world.chargeAt(0)
    await world.run(50)
    if (leaves) caller.leave()
    await world.run(1_000)
    t.equal(valueIn(world, 'seawall_idempotency_late_answers_total', { route: 'route-0' }), late)
    t.equal(world.count('executed'), 1)
  }
})

test('the word of an owner whose doubt another has taken over is counted as fenced', async (t) => {
  const idempotency = { inDoubt: 'retry', lease: 1_000 }
  const paused = new KeyedWorld({ isShared: true, idempotency })
  const other = new KeyedWorld({ beside: paused, isShared: true, idempotency })
  paused.upstream.step = (count) => count === 1 ? { afterMs: 900 } : {}
  await paused.chargeAt(0)
  paused.store.kill()
  await other.chargeAt(300)
  await paused.run(2_000)
  t.equal(valueIn(paused, 'seawall_idempotency_fenced_total', { op: 'finish' }), 1)
  t.equal(valueIn(other, 'seawall_idempotency_fenced_total'), 0)
})

test('a store beside us says what it found of dead owners, what clocks did, and what it takes up', async (t) => {
  const clock = new VirtualClock()
  const store = new DistantStore(new MemoryStore(clock), clock)
  store.inspect = () => ({ recoveredTotal: 2, clockJumps: 3, usedBytes: 4_096 })
  const meter = new PolicyMeter()
  const made = new DeskMeter(store, clock, meter, () => ({ waiters: 5, oldestClaimAt: null }))
  made.doubted('owner-lost')
  t.equal(meterValue(meter, 'seawall_idempotency_doubts_total', { reason: 'owner-lost' }), 2, 'once, by the store')
  t.equal(meterValue(meter, 'seawall_idempotency_clock_jumps_total'), 3)
  t.equal(meterValue(meter, 'seawall_idempotency_bytes'), 4_096)
  t.equal(meterValue(meter, 'seawall_idempotency_waiters'), 5)
})
