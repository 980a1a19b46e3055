// A bug of other libraries' bulkheads, put back: the permit of a call that was given up is free at once, while the
// upstream goes on with it. The law that is named must break.

import { test } from 'tap'
import { doorKey } from '../../../proxy/policies/shed/door.ts'
import type { Door } from '../../../proxy/policies/shed/door.ts'
import { World } from '../world.ts'

const ceiling = 8
const attemptMs = 200
const serviceMs = 380

const law = 'S13: what an upstream works on stays near the ceiling, though every attempt is given up'

/** What broke; '' for nothing. */
async function broken(bend: (door: Door) => void): Promise<string> {
  const world = new World({
    seed: 3, upstream: { slots: Infinity, serviceMs: () => serviceMs },
    sketch: { upstreams: [{ name: 'service', startupMs: 0, options: {
      limit: 'off', breaker: 'off', bulkhead: { maxConcurrent: ceiling }, timeouts: { attempt: attemptMs },
    } }] },
  })
  for (const [, door] of world.joined.parts.named<Door>(doorKey)) bend(door)
  world.arrive({ ratePerSecond: 200, fromMs: 0, untilMs: 10_000 })
  await world.run(15_000)
  const { mostWorking } = world.upstream
  return mostWorking <= ceiling ? '' : `${mostWorking} at once behind a ceiling of ${ceiling}`
}

test(law, async (t) => {
  t.equal(await broken(() => {}), '')
})

test('mutant: a timeout gives the permit back while the work goes on', async (t) => {
  const verdict = await broken((door) => {
    door.haunt = (attempt, group, now) => { door.releaseOf(attempt, group, now) }
  })
  t.not(verdict, '', law)
})
