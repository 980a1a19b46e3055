import { test } from 'tap'
import { World } from '../../test/sim/world.ts'

test('"off" takes a policy from the route, and door and permit together', async (t) => {
  const bulkhead = { maxConcurrent: 1 }
  const off = new World({
    sketch: {
      upstreams: [{ name: 'service', startupMs: 0, options: { bulkhead } }],
      routes: [{ options: { shed: 'off', deadline: 'off' } }],
    },
  })
  const callers = [1, 2, 3].map(() => off.ask({ headers: ['x-request-timeout-ms', '1'] }))
  await off.run(100)
  t.strictSame(callers.map((caller) => caller.status), [200, 200, 200])
  t.strictSame(off.broken(), [])
})

test('the mode of one policy goes before the mode of its route', async (t) => {
  const bulkhead = { maxConcurrent: 1 }
  const world = new World({
    sketch: {
      upstreams: [{ name: 'service', startupMs: 0, options: { bulkhead } }],
      routes: [{ policyModes: { shed: 'observe', permit: 'observe' } }],
    },
  })
  const callers = [world.ask(), world.ask()]
  await world.run(100)
  t.strictSame(callers.map((caller) => caller.status), [200, 200])
  t.equal(world.joined.record.would[0]?.code, 'bulkhead.full')
})
