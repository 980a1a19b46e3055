// A catalogue whose service goes down for a while: its callers see old pages, never errors, and the service none of
// their repetition.

import { test } from 'tap'
import { firstValue } from '../../../proxy/core/raw-headers.ts'
import { layeredWorld } from '../layered-world.ts'
import { seedsOf } from '../seeds.ts'

const seeds = seedsOf([1, 2, 3])

for (const seed of seeds) {
  void test(`seed ${seed}: while a service is down its readers get the last good answers, then new ones`, async (t) => {
    const on = ['breaker.open', 'upstream.refused', 'upstream.reset', 'upstream.timeout', 'deadline.expired', 503]
    const made = layeredWorld({
      // What is shed at the door is refused before any layer: here there is room.
      seed, upstream: { breaker: {} },
      route: {
        fallback: { on, lastGood: { maxStale: 600_000 } }, retry: { maxAttempts: 3 }, timeouts: { attempt: 200 },
        deadline: { default: 1_000 },
      },
      service: {
        endpoints: 2,
        play: ({ attempt, n }) => {
          const now = attempt.clock.now()
          if (now < 10_000 || now >= 40_000) return { status: 200, body: `${Math.floor(now / 10_000)}` }
          return n % 3 === 0 ? 'hang' : n % 3 === 1 ? { fault: 'upstream.reset' } : { status: 503 }
        },
      },
    })
    const paths = ['/a', '/b', '/c', '/d']
    paths.forEach((path, i) => {
      made.world.arrive({ ratePerSecond: 10, fromMs: 0, untilMs: 60_000, ask: { path } }, `readers ${i}`)
    })
    await made.world.run(90_000)
    const { callers } = made.world
    t.strictSame([...new Set(callers.map(({ status, code }) => `${status} ${code ?? ''}`))], ['200 '], 'no errors')
    const during = callers.filter(({ askedAt }) => askedAt >= 11_000 && askedAt < 40_000)
    t.ok(during.every(({ text, fields }) => text === '0' && firstValue(fields, 'cache-status') !== undefined))
    const asked = made.service.calls.filter(({ at }) => at >= 20_000 && at < 40_000).length
    t.ok(asked <= 60, `${asked} attempts reached the service in twenty seconds of ${during.length} requests`)
    const after = callers.filter(({ askedAt }) => askedAt >= 50_000)
    const fresh = after.filter(({ fields }) => firstValue(fields, 'cache-status') === undefined).length
    t.ok(fresh >= 0.95 * after.length, `${fresh} of ${after.length} were served by the service again`)
    t.strictSame(made.world.broken(), [])
  })
}
