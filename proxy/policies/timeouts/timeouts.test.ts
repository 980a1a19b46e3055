import { test } from 'tap'
import type { Attempt } from '../../core/attempt.ts'
import type { PolicyContext } from '../../core/policy.ts'
import { World } from '../../../test/sim/world.ts'
import { timeouts } from './timeouts.ts'

const upstreams = (timeouts: object): object => ({ upstreams: [{ name: 'service', options: { timeouts } }] })

test('an attempt without a head in its time is 504, with a code of its own', async (t) => {
  const world = new World({ sketch: upstreams({ attempt: 300 }), upstream: { mode: 'hang' } })
  const caller = world.ask()
  await world.run(5_000)
  t.equal(caller.code, 'upstream.timeout')
  t.equal(caller.status, 504)
  t.equal(caller.endedAt, 300)
  t.equal(world.joined.record.attempts[0]?.work.delivered, 'maybe', 'nobody knows whether it was done')
  t.strictSame(world.broken(), [])
})

test('the route goes before the upstream', async (t) => {
  const sketch = { ...upstreams({ attempt: 300 }), routes: [{ options: { timeouts: { attempt: 100 } } }] }
  const world = new World({ sketch, upstream: { mode: 'hang' } })
  const caller = world.ask()
  await world.run(5_000)
  t.equal(caller.endedAt, 100)
})

test('the time of an attempt runs from its dispatch, not from the arrival of the request', async (t) => {
  const sketch = {
    upstreams: [{
      name: 'service', startupMs: 0,
      options: { timeouts: { attempt: 300 }, bulkhead: { maxConcurrent: 1, maxWait: 10_000 } },
    }],
  }
  const world = new World({ sketch, upstream: { serviceMs: () => 250 } })
  const callers = [world.ask(), world.ask(), world.ask()]
  await world.run(5_000)
  t.strictSame(callers.map((caller) => caller.status), [200, 200, 200])
  t.equal(callers[2]?.endedAt, 750)
  t.strictSame(world.broken(), [])
})

test('a head in time ends the clock: the body may take longer', async (t) => {
  const world = new World({ sketch: upstreams({ attempt: 300 }), upstream: { bodyMs: 2_000 } })
  const caller = world.ask()
  await world.run(5_000)
  t.equal(caller.end, 'complete')
})

test('an attempt whose deadline is gone is not made', async (t) => {
  // Those before it refuse nearly all of these: what is left are timers that a loop held up lets fire late.
  const context = { routeOptions: {}, upstreamOptions: {}, shadow: false } as unknown as PolicyContext
  const attempt = { timeoutMs: 7, work: { exchange: { deadlineAt: 100 } } } as unknown as Attempt
  const gate = timeouts.create(context)
  t.match(gate?.admit(attempt, 100, false), { kind: 'refused', code: 'deadline.expired', status: 504 })
  t.equal(gate?.admit(attempt, 99, false), null)
  t.equal(attempt.timeoutMs, Infinity, 'it has its own time, which is none here')
})

test('observe counts what would have been cut, and lets it through', async (t) => {
  const world = new World({ sketch: { mode: 'observe', ...upstreams({ attempt: 5 }) } })
  const caller = world.ask()
  await world.run(1_000)
  t.equal(caller.status, 200)
  t.strictSame(world.joined.record.would, [{ code: 'upstream.timeout', policy: 'timeouts' }])
})
