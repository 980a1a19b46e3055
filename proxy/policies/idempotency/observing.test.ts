import { test } from 'tap'
import { field, KeyedWorld } from '../../../test/sim/keyed-world.ts'

test('observed keys are counted, and every request is sent and answered as it came', async (t) => {
  for (const delayMs of [0, 5]) {
    const world = new KeyedWorld({ sketch: { mode: 'observe' }, idempotency: { required: true } })
    world.store.delayMs = delayMs
    const first = await world.chargeAt(0)
    const again = await world.chargeAt(1_000)
    const other = await world.chargeAt(2_000, { body: 'another length' })
    const without = await world.chargeAt(3_000, { key: null })
    const invalid = await world.chargeAt(3_000, { key: 'a, b' })
    await world.run(4_000)
    for (const caller of [first, again, other, without, invalid]) {
      t.equal(caller.status, 201)
      t.equal(field(caller, 'idempotency-status'), undefined)
      t.equal(field(caller, 'idempotency-replayed'), undefined)
    }
    t.equal(world.charged, 5)
    t.equal(world.count('would-record'), 1)
    t.equal(world.count('would-replay'), 1)
    t.strictSame(world.joined.record.would.map(({ code, policy }) => [code, policy]), [
      ['idempotency.key-reused', 'recall'], ['idempotency.key-missing', 'recall'],
      ['idempotency.key-invalid', 'recall'],
    ])
    t.strictSame(world.broken(), [])
  }
})

test('what observing has recorded is never replayed once keys count', async (t) => {
  const observed = new KeyedWorld({ sketch: { mode: 'observe' } })
  await observed.chargeAt(0)
  await observed.run(100)
  const enforced = new KeyedWorld({ beside: observed })
  await enforced.chargeAt(1_000)
  await observed.run(2_000)
  t.equal(observed.charged, 2)
})

test('while the store is down observing changes nothing', async (t) => {
  const world = new KeyedWorld({ sketch: { mode: 'observe' } })
  world.store.word = () => 'down'
  const caller = await world.chargeAt(0)
  await world.run(1_000)
  t.equal(caller.status, 201)
  t.equal(world.count('store-failed'), 2, 'its look-up and its claim')
  t.strictSame(world.broken(), [])
})

test('a reset leaves a doubt that would have been told, and a refused connection none', async (t) => {
  const world = new KeyedWorld({ sketch: { mode: 'observe' } })
  world.upstream.step = (count) => count === 1 ? { fails: 'upstream.reset' } : {}
  await world.chargeAt(0)
  await world.chargeAt(1_000)
  world.upstream.step = () => ({ isRefused: true })
  await world.chargeAt(2_000, { key: 'k-2' })
  await world.chargeAt(3_000, { key: 'k-2' })
  await world.run(4_000)
  t.strictSame(world.joined.record.would.map(({ code }) => code), ['idempotency.outcome-unknown'])
})

test('a drain refuses requests with a key that is only observed', async (t) => {
  const world = new KeyedWorld({ sketch: { mode: 'observe' } })
  world.joined.house.phase = 'refusing'
  t.equal((await world.chargeAt(0)).code, 'drain.closing')
  t.equal(world.upstream.received, 0)
})
