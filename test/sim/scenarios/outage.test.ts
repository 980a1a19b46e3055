// A whole upstream is gone for a minute and comes back: what the outage costs it and the callers, and how soon all is
// as before, at a call in five seconds and at two hundred a second.

import { test } from 'tap'
import { exponential, seededRandom } from '../seeded-random.ts'
import type { Behaviour } from '../sim-upstream.ts'
import { World } from '../world.ts'

const goneAt = 20_000
const backAt = 80_000

function outage(seed: number, ratePerSecond: number, how: Partial<Behaviour>): World {
  const random = seededRandom(seed, 'service')
  const serviceMs = (): number => exponential(random, 10)
  const world = new World({
    seed,
    sketch: { upstreams: [{ name: 'service', startupMs: 0, options: { limit: 'off', timeouts: { attempt: 1_000 } } }] },
    upstream: { slots: 64, serviceMs },
  })
  world.arrive({ ratePerSecond, fromMs: 0, untilMs: ratePerSecond < 1 ? 400_000 : 130_000 })
  world.clock.after(goneAt, () => { Object.assign(world.upstream.behaviour, how) })
  world.clock.after(backAt, () => {
    Object.assign(world.upstream.behaviour, { mode: 'serve', status: 200, serviceMs })
    world.upstream.nudge()
  })
  return world
}

const ways: Readonly<Record<string, Partial<Behaviour>>> = {
  'refuses connections': { mode: 'refused' },
  'hangs': { mode: 'hang' },
  'answers 500': { status: 500 },
  'resets': { mode: 'reset' },
}

for (const [name, how] of Object.entries(ways)) {
  for (const ratePerSecond of [50, 200]) {
    test(`an upstream that ${name} for a minute costs little at ${ratePerSecond}/s and is used again by itself`,
      async (t) => {
        const world = outage(1, ratePerSecond, how)
        await world.run(200_000)
        const { attempts } = world.joined.record
        const sent = attempts.filter(({ startedAt, outcome }) =>
          startedAt > goneAt + 5_000 && startedAt < backAt && outcome?.kind !== 'refused').length
        const asked = world.callers.filter(({ askedAt }) => askedAt > goneAt + 5_000 && askedAt < backAt).length
        t.ok(sent / asked < 0.02, `${sent} of ${asked} calls reached it`)
        const first = world.callers.find(({ status, askedAt }) => status === 200 && askedAt > backAt)
        const healedMs = (first?.askedAt ?? Infinity) - backAt
        t.ok(healedMs < 36_100, `first good answer after ${healedMs} ms`)
        const since = (first?.askedAt ?? Infinity) + 3_000
        const after = world.callers.filter(({ askedAt }) => askedAt > since)
        const served = after.filter(({ status }) => status === 200).length / after.length
        t.ok(served >= 0.99, `${served} served from three seconds after that on`)
        const reopened = world.joined.announced.filter((one) => one.what === 'breaker-closed').length
        t.equal(reopened, 1, 'it closed once, and stayed closed')
        t.strictSame(world.broken(), [])
      })
  }
}

test('refused callers are told at once', async (t) => {
  const world = outage(2, 100, { mode: 'hang' })
  await world.run(200_000)
  const refused = world.callers.filter(({ code }) => code === 'breaker.open')
  t.ok(refused.length > 4_000)
  t.ok(refused.every(({ askedAt, endedAt }) => endedAt === askedAt))
  t.ok(refused.every(({ retryAfterS }) => retryAfterS >= 1 && retryAfterS <= 60))
})

test('E12: a call in five seconds is enough to notice, and to recover', async (t) => {
  const world = outage(3, 0.2, { status: 500 })
  await world.run(500_000)
  t.strictSame(world.broken(), [])
  t.equal(world.callers.at(-1)?.status, 200)
})
