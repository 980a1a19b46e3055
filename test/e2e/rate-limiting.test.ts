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

/** Asks every instance every 10 ms for that long; how many were admitted in all. */
async function flood(instances: readonly SeawallProcess[], merchant: string, forMs: number): Promise<number> {
  let admitted = 0
  const pending: Promise<void>[] = []
  const endAt = performance.now() + forMs
  while (performance.now() < endAt) {
    for (const { ports } of instances) {
      pending.push(ask(ports['public'] as number, '/', { headers: { 'x-merchant': merchant } }).then(({ status }) => {
        if (status === 200) admitted++
      }))
    }
    await new Promise((resolve) => { setTimeout(resolve, 10) })
  }
  await Promise.all(pending)
  return admitted
}

const isUp = async ({ ports }: SeawallProcess): Promise<string> => {
  const page = await ask(ports['admin'] as number, '/metrics')
  return /seawall_store_up\{store="rateLimit"\} (\d)/.exec(page.body)?.[1] ?? ''
}

test('two instances keep one limit; without the server each keeps its own, and nobody waits', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const instances = await replicas(t, redis.url)
  // What one limit admits in two seconds, and its burst; two limits would admit twice that.
  const shared = await flood(instances, 'a', 2_000)
  t.ok(shared <= 2 * 40 + 40 + 25, `${shared} of about 120`)
  t.ok(shared >= 80, `${shared} of about 120`)

  await redis.kill()
  const startedAt = performance.now()
  const alone = await flood(instances, 'b', 2_000)
  t.ok(alone >= 1.4 * shared, `${alone}: each by its own rate`)
  t.ok(performance.now() - startedAt < 4_000, 'nobody waited for it')
  await eventually('it is said', async () => await isUp(instances[0] as SeawallProcess) === '0')
  t.match(instances[0]?.stderr, /each instance limits alone/)

  await redis.start()
  await eventually('it is back', async () => {
    await flood(instances, 'c', 100)
    return await isUp(instances[0] as SeawallProcess) === '1'
  }, 10_000)
})
