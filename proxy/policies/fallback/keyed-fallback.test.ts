// A fallback on a route with keys: it speaks for the moment, the record for the key.

import { test } from 'tap'
import { KeyedWorld } from '../../../test/sim/keyed-world.ts'
import type { SimCaller } from '../../../test/sim/sim-caller.ts'

const on = ['upstream.reset', 'upstream.timeout', 'breaker.open', 503]

function keyedWorld(rest: object = {}, upstream: object = {}): KeyedWorld {
  return new KeyedWorld({ route: { fallback: { on, status: 503, body: 'later' }, ...rest }, upstream })
}

/** What its caller is told within a second. */
async function told(world: KeyedWorld, key = 'k-1'): Promise<SimCaller> {
  const caller = world.charge({ key })
  await world.run(world.clock.now() + 1_000)
  return caller
}

const statusesOf = ({ fields }: SimCaller): readonly string[] =>
  fields.filter((_, i, all) => all[i - 1] === 'idempotency-status')

test('a fallback says of its key that nobody knows', async (t) => {
  const world = keyedWorld()
  world.upstream.step = () => ({ fails: 'upstream.reset' })
  const first = await told(world)
  t.equal(first.text, 'later')
  t.strictSame(statusesOf(first), ['unknown'])
  t.equal((await told(world)).code, 'idempotency.outcome-unknown')
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('a fallback says of its key that the work goes on, and who repeats it gets what that comes to', async (t) => {
  const world = keyedWorld({ timeouts: { attempt: 50 } })
  world.upstream.step = () => ({ afterMs: 300 })
  const first = await told(world)
  t.equal(first.text, 'later')
  t.strictSame(statusesOf(first), ['in-progress'])
  const again = await told(world)
  t.equal(again.status, 201)
  t.strictSame(statusesOf(again), ['replayed'])
  t.strictSame(world.broken(), [])
})

test('a fallback in the place of a recorded answer says that there is one, and is not recorded itself', async (t) => {
  const world = keyedWorld()
  world.upstream.step = () => ({ status: 503, headers: ['idempotency-status', 'not-processed'], chunks: ['busy'] })
  const first = await told(world)
  t.equal(first.text, 'later')
  t.strictSame(statusesOf(first), ['executed'])
  const again = await told(world)
  t.equal(again.text, 'busy')
  t.strictSame(statusesOf(again), ['replayed'])
  t.strictSame(world.broken(), [])
})

test('a fallback in the place of a refusal says once that nothing was sent', async (t) => {
  const world = keyedWorld({}, { breaker: { failures: 1, window: 10_000, openFor: 30_000 } })
  world.upstream.step = () => ({ fails: 'upstream.reset' })
  await told(world)
  const refused = await told(world, 'k-2')
  t.equal(refused.text, 'later')
  t.strictSame(statusesOf(refused), ['not-processed'])
  t.strictSame(world.broken(), [])
})
