// One limit for two instances, through a real Redis; and what they do when it is away.

import { test } from 'tap'
import type { Test } from 'tap'
import { ask, eventually } from '../support/asking.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { startRedis } from '../support/redis-server.ts'
import { inFrontOf, startSeawall } from '../support/seawall.ts'
import type { SeawallProcess } from '../support/seawall.ts'

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

async function replicas(t: Test, url: string): Promise<SeawallProcess[]> {
  const origin = await rawOrigin(t, () => ok)
  const configuration = inFrontOf(origin.url, {
    route: { rateLimit: [{ key: 'header:x-merchant', rate: '40/s', burst: 40, shared: true }] },
    top: { stores: { rateLimit: { url } }, drain: { delay: 0 } },
  })
  return Promise.all([startSeawall(t, configuration), startSeawall(t, configuration)])
}

interface Flood {
  /** How many were admitted in all. */
  readonly admitted: number
  /** What one limit admits until the last of them was: a busy machine is not done when the asking is. */
  readonly byOneLimit: number
}

/** Asks every instance every 10 ms for that long. */
async function flood(instances: readonly SeawallProcess[], merchant: string, forMs: number): Promise<Flood> {
  let admitted = 0
  const pending: Promise<void>[] = []
  const startedAt = performance.now()
  let lastAt = startedAt
  while (performance.now() < startedAt + forMs) {
    for (const { ports } of instances) {
      pending.push(ask(ports['public'] as number, '/', { headers: { 'x-merchant': merchant } }).then(({ status }) => {
        if (status !== 200) return
        admitted++
        lastAt = performance.now()
      }))
    }
    await new Promise((resolve) => { setTimeout(resolve, 10) })
  }
  await Promise.all(pending)
  return { admitted, byOneLimit: Math.round(40 + 40 * (lastAt - startedAt) / 1_000) }
}

/** A flood that one limit has shaped. Where the server is late, each limits alone for a second: so another may have. */
async function sharedFlood(instances: readonly SeawallProcess[]): Promise<Flood> {
  for (let tries = 1; ; tries++) {
    const seen = await flood(instances, `a-${tries}`, 2_000)
    if (tries === 5 || isOfOneLimit(seen)) return seen
  }
}

/** Two limits admit twice that; half of one is no limit that was promised. */
function isOfOneLimit({ admitted, byOneLimit }: Flood): boolean {
  return admitted >= byOneLimit * 2 / 3 && admitted <= byOneLimit + 25
}

const isUp = async ({ ports }: SeawallProcess): Promise<string> => {
  const page = await ask(ports['admin'] as number, '/metrics')
  return /seawall_store_up\{store="rateLimit"\} (\d)/.exec(page.body)?.[1] ?? ''
}

test('two instances keep one limit; without the server each keeps its own, and nobody waits', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const instances = await replicas(t, redis.url)
  const shared = await sharedFlood(instances)
  t.ok(isOfOneLimit(shared), `${shared.admitted} of about ${shared.byOneLimit}`)

  await redis.kill()
  const startedAt = performance.now()
  const alone = await flood(instances, 'b', 2_000)
  t.ok(alone.admitted >= 1.4 * alone.byOneLimit, `${alone.admitted}, not ${alone.byOneLimit}: each by its own rate`)
  t.ok(performance.now() - startedAt < 4_000, 'nobody waited for it')
  await eventually('it is said', async () => await isUp(instances[0] as SeawallProcess) === '0')
  t.match(instances[0]?.stderr, /each instance limits alone/)

  await redis.start()
  await eventually('it is back', async () => {
    await flood(instances, 'c', 100)
    return await isUp(instances[0] as SeawallProcess) === '1'
  }, 10_000)
})
