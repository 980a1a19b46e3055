// How much one scope may take, with and without a word on it, and while the store has room and has not.

import { test } from 'tap'
import { field, KeyedWorld } from '../../../test/sim/keyed-world.ts'
import { Quota } from './quota.ts'
import { settingsOf } from './settings.ts'

const day = 86_400_000

/** How many keys a scope gets at once, up to `asked`. */
function granted(options: Parameters<typeof settingsOf>[0], fill: number, asked: number): number {
  const quota = new Quota()
  const limits = settingsOf(options).quota
  return Array.from({ length: asked }, () => quota.take('s', limits, fill, 0)).filter(Boolean).length
}

test('case 48: without a word a scope is bounded only once the store is nearly full', async (t) => {
  for (const scope of ['header:x-merchant', 'credential', 'mtls']) {
    t.equal(granted({ scope }, 0.79, 30_000), 30_000, scope)
    t.equal(granted({ scope }, 0.8, 30_000), 10_000, scope)
  }
  for (const options of [{}, { scope: 'none' }]) t.equal(granted(options, 0.99, 30_000), 30_000)
})

test('case 48: a word on it holds whether or not there is room', async (t) => {
  for (const fill of [0, 0.9]) {
    t.equal(granted({ scope: 'credential', quota: { keys: 20_000 } }, fill, 30_000), 20_000)
    t.equal(granted({ scope: 'none', quota: { keys: 7 } }, fill, 30_000), 7)
    t.equal(granted({ quota: { inFlight: 5 } }, fill, 30), 5)
  }
})

test('case 48: what was taken while there was room counts when there is none, and is over after its ttl', async (t) => {
  const quota = new Quota()
  const limits = settingsOf({ scope: 'credential' }).quota
  for (let i = 0; i < 12_000; i++) quota.take('greedy', limits, 0, 0)
  t.equal(quota.take('greedy', limits, 0.9, 1), false)
  t.equal(quota.take('modest', limits, 0.9, 1), true)
  t.equal(quota.take('greedy', limits, 0.7, 1), true, 'there is room again')
  t.equal(quota.take('greedy', limits, 0.9, day * 1.1), false, 'the window slides')
  t.equal(quota.take('greedy', limits, 0.9, day * 2), true)
})

test('case 48: the room that is left is for others, and what is known stays known', async (t) => {
  const world = new KeyedWorld({
    idempotency: { scope: 'header:x-tenant', quota: { inFlight: 1_000 } }, upstream: { limit: 'off', breaker: 'off' },
    memory: { maxRecords: 12_500, maxBytes: 2 ** 24 },
  })
  const of = (key: string, tenant: string): object => ({ key, headers: ['x-tenant', tenant] })
  for (let i = 0; i < 10_000; i++) {
    world.charge(of(`k-${i}`, 'greedy'))
    if (i % 50 === 49) await world.run(i)
  }
  await world.run(20_000)
  t.equal(world.charged, 10_000, 'nobody is held up before')
  t.equal((await world.chargeAt(20_000, of('more', 'greedy'))).code, 'idempotency.quota')
  await world.chargeAt(20_000, of('new', 'modest'))
  t.equal(field(await world.chargeAt(21_000, of('k-1', 'greedy')), 'idempotency-replayed'), 'true')
  await world.run(30_000)
  t.equal(world.charged, 10_001)
  t.strictSame(world.broken(), [])
})
