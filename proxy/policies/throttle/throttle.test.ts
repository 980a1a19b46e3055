import { test } from 'tap'
import { World } from '../../../test/sim/world.ts'

function worldWith(options: object, mode: 'enforce' | 'observe' = 'enforce'): World {
  return new World({
    seed: 3,
    sketch: { mode, upstreams: [{ name: 'service', startupMs: 0, options: { breaker: 'off', ...options } }] },
  })
}

test('off until written', async (t) => {
  const world = worldWith({})
  world.upstream.behaviour.status = 500
  world.arrive({ ratePerSecond: 100, fromMs: 0, untilMs: 5_000 })
  await world.run(6_000)
  t.notOk(world.callers.some(({ code }) => code === 'throttle.rejected'))
})

test('an upstream that fails is asked less and less, and all again within ten seconds of its recovery', async (t) => {
  const world = worldWith({ throttle: {} })
  world.upstream.behaviour.status = 500
  world.clock.after(20_000, () => { world.upstream.behaviour.status = 200 })
  world.arrive({ ratePerSecond: 100, fromMs: 0, untilMs: 40_000 })
  await world.run(41_000)
  const held = (from: number, until: number): number => {
    const asked = world.callers.filter(({ askedAt }) => askedAt >= from && askedAt < until)
    return asked.filter(({ code }) => code === 'throttle.rejected').length / asked.length
  }
  t.ok(held(10_000, 20_000) > 0.85, String(held(10_000, 20_000)))
  t.equal(held(30_000, 40_000), 0)
  t.strictSame(world.broken(), [])
})

test('S8: of an upstream that sheds nine in ten with a mark, four fifths are held back in five seconds', async (t) => {
  const world = worldWith({ throttle: {} })
  let turn = 0
  Object.assign(world.upstream.behaviour, {
    statusOf: () => turn++ % 10 === 0 ? 200 : 503, headers: ['x-envoy-overloaded', 'true'],
  })
  world.arrive({ ratePerSecond: 200, fromMs: 0, untilMs: 10_000 })
  await world.run(11_000)
  const late = world.callers.filter(({ askedAt }) => askedAt > 5_000)
  const held = late.filter(({ code }) => code === 'throttle.rejected').length / late.length
  t.ok(held >= 0.8, String(held))
})

test('observe lets everything through and counts what it would have held back', async (t) => {
  const world = worldWith({ throttle: {} }, 'observe')
  world.upstream.behaviour.status = 500
  world.arrive({ ratePerSecond: 100, fromMs: 0, untilMs: 5_000 })
  await world.run(6_000)
  t.ok(world.callers.every(({ status }) => status === 500))
  t.ok(world.joined.record.would.some(({ code }) => code === 'throttle.rejected'))
})
