// An attempt that was given up and sent again, before a service that deduplicates: what either of the two comes to
// counts for the key.

import { test } from 'tap'
import { field, KeyedWorld } from '../../../test/sim/keyed-world.ts'
import type { Step } from '../../../test/sim/ledger-upstream.ts'

/** A first attempt that is given up after 100 ms and comes to that, and what the second is answered. */
function worldOf(first: Step, second: Step, idempotency: object = {}): KeyedWorld {
  const world = new KeyedWorld({
    idempotency, upstream: { deduplicates: {}, breaker: 'off', limit: 'off' },
    route: { timeouts: { attempt: 100 }, retry: { maxAttempts: 2, backoff: { base: 10, max: 10 } } },
  })
  world.upstream.step = (count) => count === 1 ? first : second
  return world
}

const charged: Step = { afterMs: 150 }
const hung: Step = { afterMs: Infinity }
const busy: Step = { executes: false, afterMs: 90, status: 503, chunks: ['busy'] }
const limited: Step = { ...busy, status: 429 }

test('a charge that came meanwhile is the answer, not the error of the attempt after it', async (t) => {
  for (const [second, idempotency] of [[busy, {}], [limited, {}], [busy, { onServerError: 'retry' }]] as const) {
    const world = worldOf(charged, second, idempotency)
    const caller = world.charge()
    await world.run(1_000)
    t.equal(caller.status, 201)
    t.equal(caller.text, '{"id":1}')
    t.equal(field(caller, 'idempotency-status'), 'executed')
    const again = await world.chargeAt(1_000)
    await world.run(2_000)
    t.equal(again.text, '{"id":1}')
    t.equal(field(again, 'idempotency-status'), 'replayed')
    t.equal(world.charged, 1)
    t.strictSame(world.broken(), [])
  }
})

test('of two errors the later one is the answer', async (t) => {
  const world = worldOf({ ...charged, status: 500, chunks: ['first'] }, busy)
  const caller = world.charge()
  await world.run(1_000)
  t.equal(caller.text, 'busy')
  t.strictSame(world.broken(), [])
})

test('case 14: an error does not free the key while an attempt before it was perhaps acted on', async (t) => {
  for (const first of [hung, { fails: 'upstream.reset' } as const]) {
    const world = worldOf(first, busy, { onServerError: 'retry' })
    const caller = world.charge()
    await world.run(1_000)
    t.equal(caller.status, 503)
    t.equal(field(caller, 'idempotency-status'), 'executed')
    const again = world.charge()
    await world.run(2_000)
    t.equal(again.text, 'busy')
    t.equal(world.charged, 1)
    t.strictSame(world.broken(), [])
  }
})

test('case 14: errors of all attempts free the key where the route says so', async (t) => {
  const world = worldOf({ ...busy, afterMs: 50 }, busy, { onServerError: 'retry' })
  const caller = world.charge()
  await world.run(1_000)
  t.equal(field(caller, 'idempotency-status'), 'released')
  t.equal(world.upstream.received, 2)
  t.strictSame(world.broken(), [])
})

test('case 18: who hears of the deadline before anything was sent hears so, and the key is free', async (t) => {
  const world = new KeyedWorld({ route: { deadline: { default: 300 } } })
  // A connection that nobody accepts, and nobody refuses.
  world.upstream.send = (attempt) => { attempt.leaf = { cut: () => { attempt.closed() } } }
  const caller = world.charge()
  await world.run(1_000)
  t.equal(caller.code, 'deadline.expired')
  t.equal(field(caller, 'idempotency-status'), 'not-processed')
  t.same(caller.members ?? {}, {})
  t.equal(world.count('released'), 1)
  t.strictSame(world.broken(), [])
})
