// Seams of the learned limit that need a whole world: work that its callers have left, a breaker that is open, and
// requests that are sent again while others wait. One test a seam, over real plans in virtual time.

import { test } from 'tap'
import type { Door } from '../../../proxy/policies/shed/door.ts'
import type { Sketch } from '../../support/plans.ts'
import { exponential, seededRandom } from '../seeded-random.ts'
import type { SimCaller } from '../sim-caller.ts'
import { World } from '../world.ts'

const seeds = [1, 2]

/** Eight slots of 20 ms: 400 a second. */
function slots(seed: number, options: Readonly<Record<string, unknown>>, rest: Sketch = {}): World {
  const random = seededRandom(seed, 'service')
  return new World({
    seed, upstream: { slots: 8, serviceMs: () => exponential(random, 20) },
    sketch: { upstreams: [{ name: 'service', startupMs: 0, options }], ...rest },
  })
}

const doorOf = (world: World): Door => [...world.joined.parts.named<Door>('door:')][0]?.[1] as Door
const served = (callers: readonly SimCaller[]): number => callers.filter(({ status }) => status === 200).length
const asked = (world: World, fromMs: number, path: string): SimCaller[] =>
  world.callers.filter(({ askedAt, head }) => askedAt >= fromMs && head.target === path)

for (const seed of seeds) {
  void test(`S12: callers that all leave do not pile up work behind a limit that looks free: seed ${seed}`,
    async (t) => {
      const world = slots(seed, { breaker: 'off' })
      world.arrive({ ratePerSecond: 300, fromMs: 0, untilMs: 3_000 })
      world.arrive({ ratePerSecond: 800, fromMs: 3_000, untilMs: 13_000, patienceMs: 20 }, 'impatient')
      await world.run(5_000)
      let over = 0
      let most = 0
      for (let at = 5_000; at < 13_000; at += 5) {
        await world.run(at)
        const { working, waiting } = world.upstream.inspect() as { working: number; waiting: number }
        most = Math.max(most, working + waiting)
        if (working + waiting > 1.2 * doorOf(world).admission.limit.limit + 1) over++
      }
      // A limit that was lowered a moment ago has more in flight than it is, for as long as that takes.
      t.ok(over < 0.1 * 1_600, `${over} of 1,600 looks saw more inside than 1.2 times the limit`)
      t.ok(most <= 24, `${most} inside at most`)
      await world.run(20_000)
      t.strictSame(world.broken(), [])
    })

  void test(`S12: callers who wait for two service times and no longer are served while they can be: seed ${seed}`,
    async (t) => {
      const world = slots(seed, { breaker: 'off' })
      world.arrive({ ratePerSecond: 300, fromMs: 0, untilMs: 3_000 })
      world.arrive({ ratePerSecond: 800, fromMs: 3_000, untilMs: 23_000, patienceMs: 40 }, 'impatient')
      await world.run(30_000)
      const perSecond = served(asked(world, 8_000, '/')) / 15
      t.ok(perSecond > 180, `${perSecond} a second of 400, most of whom have to wait too long`)
      const { baselineMs } = doorOf(world).admission.limit
      t.ok(baselineMs < 30, `what is given up does not look slow: ${baselineMs} ms`)
      t.strictSame(world.broken(), [])
    })

  void test(`S20: critical work is served whole, though a part of it leaves and a flood is refused: seed ${seed}`,
    async (t) => {
      const world = slots(seed, {}, { routes: [
        { name: 'pay', path: '/pay', options: { priority: 'critical' } }, { name: 'all' },
      ] })
      world.arrive({ ratePerSecond: 100, fromMs: 0, untilMs: 20_000, ask: { path: '/pay' } }, 'payers')
      world.arrive({ ratePerSecond: 60, fromMs: 0, untilMs: 20_000, ask: { path: '/pay' }, patienceMs: 25 }, 'leavers')
      // Nobody for ten seconds, and then all at once.
      world.arrive({ ratePerSecond: 1_500, fromMs: 10_000, untilMs: 20_000, ask: { path: '/' } }, 'flood')
      await world.run(30_000)
      const paying = asked(world, 0, '/pay')
      const refused = paying.filter(({ status }) => status === 503).length
      t.ok(refused <= 0.005 * paying.length, `${refused} of ${paying.length} refused`)
      t.ok(served(asked(world, 12_000, '/')) > 0.5 * 240 * 8, `${served(asked(world, 12_000, '/'))} of the flood`)
      t.strictSame(world.broken(), [])
    })
}

test('S18: what an open breaker refuses teaches the limit nothing, however long it is open', async (t) => {
  const world = slots(1, { breaker: {} })
  world.arrive({ ratePerSecond: 300, fromMs: 0, untilMs: 40_000 })
  await world.run(5_000)
  world.upstream.behaviour.status = 500
  await world.run(7_000)
  const { limit } = doorOf(world).admission
  const before = [Math.round(limit.limit), Math.round(limit.baselineMs)]
  await world.run(35_000)
  const refused = world.callers.filter(({ code }) => code === 'breaker.open').length
  t.ok(refused > 0.9 * 300 * 28, `${refused} refused by the breaker`)
  t.strictSame([Math.round(limit.limit), Math.round(limit.baselineMs)], before)
  t.equal(world.joined.record.attempts.filter(({ outcome }) => outcome?.kind === 'refused').length >= refused, true)
  await world.run(45_000)
  t.strictSame(world.broken(), [])
})

test('S22: while others wait nothing is sent again, and who is asked for the first time fares no worse', async (t) => {
  const random = seededRandom(1, 'failures')
  const world = slots(1, { breaker: 'off' }, { routes: [{ options: { retry: { maxAttempts: 3 } } }] })
  world.upstream.behaviour.statusOf = () => random() < 0.1 ? 503 : 200
  let jumped = 0
  const send = world.upstream.send.bind(world.upstream)
  world.upstream.send = (attempt) => {
    if (attempt.kind === 'retry' && doorOf(world).admission.line.next() !== null) jumped++
    send(attempt)
  }
  world.arrive({ ratePerSecond: 800, fromMs: 0, untilMs: 10_000 })
  await world.run(15_000)
  t.equal(jumped, 0, 'nobody is overtaken')
  const sent = world.joined.record.attempts.filter(({ sentAt }) => sentAt >= 0)
  const again = sent.filter(({ kind }) => kind === 'retry')
  t.ok(again.length < 0.05 * sent.length, `${again.length} of ${sent.length} sent again`)
  t.ok(served(asked(world, 2_000, '/')) > 0.85 * 400 * 8, `${served(asked(world, 2_000, '/'))} served`)
  t.strictSame(world.broken(), [])
})

test('S30: a turn of our own loop that takes long is told to the limits, and no other', async (t) => {
  const world = slots(1, { breaker: 'off', limit: { initial: 2, min: 2, max: 2 } })
  const door = doorOf(world)
  let told = 0
  const disturb = door.limits.disturb.bind(door.limits)
  door.limits.disturb = (now) => {
    told++
    disturb(now)
  }
  for (let i = 0; i < 5; i++) world.ask()
  await world.run(200)
  t.equal(told, 0)
  for (let i = 0; i < 5; i++) world.ask()
  // Who came in this turn is decided on at its end, 200 ms later.
  world.clock.skip(200)
  await world.run(1_000)
  t.equal(told, 1)
  t.strictSame(world.broken(), [])
})
