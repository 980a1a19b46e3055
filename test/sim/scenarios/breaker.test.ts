// The breaker where it meets its neighbours: a herd at half-open, a service that is only half back when it closes, and
// blips that must not cost anybody anything.

import { test } from 'tap'
import { exponential, seededRandom } from '../seeded-random.ts'
import { World } from '../world.ts'
import { seedsOf } from '../seeds.ts'

for (const seed of seedsOf([1, 2, 3])) {
  test(`S17: E13: a thousand a second at a service that heals by halves: no flood, no second opening, seed ${seed}`,
    async (t) => {
      const random = seededRandom(seed, 'service')
      const slots = 8
      const world = new World({
        seed,
        sketch: {
          upstreams: [{
            name: 'service', startupMs: 0,
            options: { limit: 'off', bulkhead: { maxConcurrent: 12 }, timeouts: { attempt: 1_000 } },
          }],
        },
        upstream: { slots, serviceMs: () => exponential(random, 40) },
      })
      const { behaviour } = world.upstream
      world.clock.after(5_000, () => { behaviour.mode = 'reset' })
      const healAt = 35_000
      world.clock.after(healAt, () => {
        Object.assign(behaviour, { mode: 'serve', serviceMs: () => exponential(random, 80) })
      })
      world.clock.after(healAt + 5_000, () => { behaviour.serviceMs = () => exponential(random, 40) })
      world.arrive({ ratePerSecond: 1_000, fromMs: 0, untilMs: 90_000 })
      await world.run(95_000)
      const closed = world.joined.announced.filter(({ what }) => what === 'breaker-closed').length
      t.equal(closed, 1, 'closed once')
      const opened = world.joined.announced.filter(({ what }) => what === 'breaker-opened')
      t.equal(opened.length > 0, true)
      // What is in flight never exceeds half as much again as the service can use.
      const attempts = world.joined.record.attempts.filter(({ sentAt }) => sentAt > healAt)
      const events = attempts
        .flatMap(({ sentAt, headAt }) => [[sentAt, 1], [headAt < 0 ? sentAt : headAt, -1]] as const)
        .toSorted((a, b) => a[0] - b[0] || a[1] - b[1])
      let inFlight = 0
      let most = 0
      for (const [, change] of events) most = Math.max(most, inFlight += change)
      t.ok(most <= 1.5 * slots, `${most} in flight`)
      const first = world.callers.find(({ status, askedAt }) => status === 200 && askedAt > healAt)?.askedAt ?? Infinity
      const good = world.callers.filter(({ status, headAt }) =>
        status === 200 && headAt > first + 8_000 && headAt < 90_000)
      const seconds = (90_000 - first - 8_000) / 1000
      t.ok(good.length / seconds >= 0.95 * 200, `${good.length / seconds} of 200 a second`)
      t.strictSame(world.broken(), [])
    })
}

test('E12: one call in five failing by chance, for two hours of ten a second, opens nothing', async (t) => {
  const random = seededRandom(7, 'dice')
  const world = new World({
    seed: 7, sketch: { upstreams: [{ name: 'service', startupMs: 0, options: { limit: 'off' } }] },
    upstream: { statusOf: () => random() < 0.2 ? 500 : 200 },
  })
  world.arrive({ ratePerSecond: 10, fromMs: 0, untilMs: 1_200_000 })
  await world.run(1_300_000)
  t.notOk(world.joined.announced.some(({ what }) => what === 'breaker-opened'))
})

test('a restart of a tenth of a second opens nothing', async (t) => {
  const world = new World({
    seed: 8, sketch: { upstreams: [{ name: 'service', startupMs: 0, options: { limit: 'off' } }] },
  })
  world.arrive({ ratePerSecond: 500, fromMs: 0, untilMs: 10_000 })
  world.clock.after(5_000, () => { world.upstream.behaviour.mode = 'refused' })
  world.clock.after(5_100, () => { world.upstream.behaviour.mode = 'serve' })
  await world.run(11_000)
  t.notOk(world.joined.announced.some(({ what }) => what === 'breaker-opened'))
  t.strictSame(world.broken(), [])
})

test('S34: what a fallback answers in the place of a failure still trips the breaker', async (t) => {
  const world = new World({
    seed: 9,
    sketch: {
      upstreams: [{ name: 'service', startupMs: 0 }],
      routes: [{ options: { fallback: { on: ['5xx', 'breaker.open'], status: 200, body: { stale: true } } } }],
    },
    upstream: { status: 500 },
  })
  for (let i = 0; i < 6; i++) {
    world.ask()
    await world.run(world.clock.now() + 20)
  }
  t.ok(world.joined.announced.some(({ what }) => what === 'breaker-opened'))
})
