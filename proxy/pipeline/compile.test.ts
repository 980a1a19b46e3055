import { test } from 'tap'
import { World } from '../../test/sim/world.ts'
import type { Handler, Layer } from '../core/policy.ts'
import type { Work } from '../core/work.ts'
import { join } from './compile.ts'

test('layers act in travel order around the innermost handler', async (t) => {
  const log: string[] = []
  const layer = (name: string): Layer => (next) => async (work, kind) => {
    log.push(`${name} in`)
    const outcome = await next(work, kind)
    log.push(`${name} out`)
    return outcome
  }
  const innermost: Handler = async () => {
    log.push('attempt')
    return { kind: 'tunnel' }
  }
  await join([layer('outer'), layer('inner')], innermost)({} as Work, 'first')
  t.strictSame(log, ['outer in', 'inner in', 'attempt', 'inner out', 'outer out'])
})

test('a route without layers calls the attempt itself', async (t) => {
  const innermost: Handler = async () => ({ kind: 'tunnel' })
  t.equal(join([], innermost), innermost)
})

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
