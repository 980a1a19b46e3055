// Everything at once under seeds: more load than the service can take, callers that leave, deadlines, an upstream that
// stalls, refuses and resets in turns. Laws, not examples.

import { test } from 'tap'
import { exponential, seededRandom } from '../seeded-random.ts'
import { World } from '../world.ts'
import { seedsOf } from '../seeds.ts'

const seeds = seedsOf([1, 2, 3, 4, 5, 6, 7, 8], 4)

function storm(seed: number): World {
  const service = seededRandom(seed, 'service')
  const world = new World({
    seed,
    sketch: {
      upstreams: [{
        name: 'service', startupMs: 500,
        options: { bulkhead: { maxConcurrent: 8, maxWait: 40, maxQueue: 30 }, timeouts: { attempt: 400 } },
      }],
      routes: [
        { name: 'small', path: '/small/*', options: { bulkhead: { share: 0.25 }, deadline: { default: 150 } } },
        { name: 'rest', path: '/*', options: { deadline: { default: 300 } } },
      ],
    },
    upstream: { slots: 8, serviceMs: () => exponential(service, 20), bodyMs: 3, mode: 'refused' },
  })
  world.arrive({ ratePerSecond: 500, fromMs: 0, untilMs: 6_000, ask: { path: '/x' }, patienceMs: 220 }, 'impatient')
  world.arrive({ ratePerSecond: 300, fromMs: 0, untilMs: 6_000, ask: { path: '/small/x' } }, 'patient')
  const script = [[400, 'serve'], [2_000, 'hang'], [2_600, 'serve'], [3_500, 'reset'], [3_700, 'serve'],
    [4_500, 'refused'], [4_700, 'serve']] as const
  for (const [at, mode] of script) {
    world.clock.after(at, () => {
      world.upstream.behaviour.mode = mode
      world.upstream.nudge()
    })
  }
  return world
}

for (const seed of seeds) {
  void test(`seed ${seed}: everybody is told, every permit comes back, and the ceiling holds`, async (t) => {
    const world = storm(seed)
    await world.run(60_000)
    t.strictSame(world.broken(), [])
    const { record } = world.joined
    t.ok(world.callers.length > 4_000, `${world.callers.length} callers came`)
    t.ok(record.attempts.every((attempt) => attempt.isJudged && attempt.isReleased), 'judged and released, once each')
    const ok = world.callers.filter((caller) => caller.status === 200 && caller.end === 'complete').length
    // Of 2,000 that could have been: the limit that is learned finds its way back from each fault.
    t.ok(ok > 900, `${ok} were served`)
    const late = world.callers.filter((caller) => caller.endedAt - caller.askedAt > 300.001 && caller.end !== 'left')
    t.equal(late.length, 0, 'nobody waits beyond the deadline')
  })
}

test('a world is the same world again under the same seed', async (t) => {
  const trace = async (): Promise<string> => {
    const world = storm(42)
    await world.run(60_000)
    return world.callers.map((caller) => `${caller.askedAt.toFixed(6)} ${caller.status} ${caller.endedAt.toFixed(6)}`)
      .join('\n')
  }
  t.equal(await trace(), await trace())
})

test('an unsafe request is never sent twice', async (t) => {
  const world = storm(9)
  await world.run(60_000)
  t.ok(world.joined.record.exchanges.every((exchange) => exchange.work.attempts <= 1))
})
