import { test } from 'tap'
import { inTurn, layeredWorld } from '../../../test/sim/layered-world.ts'
import type { LayeredShape } from '../../../test/sim/layered-world.ts'
import type { Play } from '../../../test/sim/scripted-upstream.ts'
import { WholeBody } from '../../core/whole-body.ts'

const refused: Play = { fault: 'upstream.refused' }
const reset: Play = { fault: 'upstream.reset' }
const route = { failover: { to: 'second' } }
const text = (content: string): WholeBody => new WholeBody([Buffer.from(content)], content.length, null)
const second: LayeredShape['second'] = { play: () => ({ status: 200, body: 'from the second' }) }

test('when the first upstream is down, the second is asked', async (t) => {
  for (const down of [refused, reset, { status: 503, body: 'no' }, { status: 502 }, { status: 504 }] as Play[]) {
    const made = layeredWorld({ route, service: { play: () => down }, second })
    const caller = made.world.ask()
    await made.world.run(1_000)
    t.equal(caller.text, 'from the second', JSON.stringify(down))
    t.equal(made.second.calls[0]?.attempt.kind, 'failover')
    t.equal(made.shown('failover')['sentOver'], 1)
    t.strictSame(made.world.broken(), [])
  }
})

test('what changes something goes to the second only while nothing of it went to the first', async (t) => {
  const unsent = layeredWorld({ route, service: { play: () => refused }, second })
  const paid = unsent.world.ask({ method: 'POST', body: text('pay') })
  await unsent.world.run(1_000)
  t.equal(paid.text, 'from the second')
  t.equal(unsent.second.calls[0]?.body, 'pay$')
  for (const method of ['POST', 'PATCH', 'PUT', 'DELETE']) {
    const sent = layeredWorld({ route, service: { play: () => reset }, second, upstream: { deduplicates: {} } })
    const caller = sent.world.ask({ method, headers: ['idempotency-key', 'k'], body: text('pay') })
    await sent.world.run(1_000)
    t.equal(caller.code, 'upstream.reset', method)
    t.equal(sent.second.calls.length, 0, method)
  }
})

test('retries at the first come before, and a reset among them keeps an unsafe request there', async (t) => {
  const made = layeredWorld({
    route: { ...route, retry: { maxAttempts: 3, backoff: { base: 1 } } }, service: { play: inTurn(refused, reset) },
    second,
  })
  const caller = made.world.ask({ method: 'POST' })
  await made.world.run(1_000)
  t.equal(made.second.calls.length, 0)
  t.equal(caller.code, 'upstream.reset')
})

test('on: names what counts as down', async (t) => {
  const made = layeredWorld({
    route: { failover: { to: 'second', on: ['upstream.refused', 500] } },
    service: { play: inTurn({ status: 503 }, { status: 500 }) }, second,
  })
  const kept = made.world.ask()
  const moved = made.world.ask()
  await made.world.run(1_000)
  t.equal(kept.status, 503)
  t.equal(moved.status, 200)
})

test('the second needs a permit of its own to spare; without one the first\'s answer is the answer', async (t) => {
  const made = layeredWorld({
    route, upstream: { bulkhead: { maxConcurrent: 2 } },
    service: { slots: 9, play: () => ({ status: 503, body: 'first says no' }) },
    second: { play: () => 'hang' },
  })
  // Two that hang hold all permits of the second.
  for (let i = 0; i < 2; i++) made.world.ask({ headers: ['x-request-timeout-ms', '500'] })
  await made.world.run(20)
  const caller = made.world.ask()
  await made.world.run(100)
  t.equal(caller.text, 'first says no')
  t.equal(made.second.calls.length, 2)
  await made.world.run(5_000)
  t.strictSame(made.world.broken(), [])
})

test('a permit of the first that no attempt took is not spent at the second', async (t) => {
  const made = layeredWorld({
    route,
    upstream: { bulkhead: { maxConcurrent: 1 }, breaker: { failures: 1, window: 10_000, openFor: 60_000 } },
    service: { play: () => refused }, second,
  })
  // The first opens the breaker; the second is refused by it before it takes its permit.
  made.world.ask()
  await made.world.run(100)
  const caller = made.world.ask()
  await made.world.run(200)
  t.equal(caller.text, 'from the second')
  const after = made.world.ask()
  await made.world.run(2_000)
  t.equal(after.text, 'from the second')
  t.strictSame(made.world.broken(), [])
})

test('when both are down the caller is told what the last one that was reached said', async (t) => {
  const first: LayeredShape['service'] = { play: () => ({ status: 503, body: 'first' }) }
  const reached = layeredWorld({ route, service: first, second: { play: () => refused } })
  const caller = reached.world.ask()
  await reached.world.run(1_000)
  t.equal(caller.text, 'first')
  const later = layeredWorld({ route, service: first, second: { play: () => ({ status: 503, body: 'second' }) } })
  const other = later.world.ask()
  await later.world.run(1_000)
  t.equal(other.text, 'second')
  t.strictSame(later.world.broken(), [])
})

test('observe asks the first only and counts who would have gone over', async (t) => {
  const made = layeredWorld({ mode: 'observe', route, service: { play: () => refused }, second })
  const caller = made.world.ask()
  await made.world.run(1_000)
  t.equal(caller.code, 'upstream.refused')
  t.equal(made.second.calls.length, 0)
  t.equal(made.shown('failover')['wouldHaveSentOver'], 1)
})
