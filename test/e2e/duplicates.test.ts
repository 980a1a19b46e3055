// Many duplicates of many keys through several processes on one store, with jitter: the ledger of the service and the
// history of the callers are judged together.

import { join } from 'node:path'
import { test } from 'tap'
import type { Test } from 'tap'
import { chargingService } from '../support/charging-service.ts'
import { brokenLaws } from '../support/key-history.ts'
import { duplicates, keyedBefore } from '../support/keyed-service.ts'
import { startRedis } from '../support/redis-server.ts'
import { startSeawall, temporaryFolder } from '../support/seawall.ts'

const stores = {
  'case 4: duplicates through three processes on one Redis': async (t: Test) => {
    const redis = await startRedis()
    t.teardown(() => redis.stop())
    return { type: 'redis', url: redis.url, path: undefined }
  },
  'case 5: duplicates through three processes on one folder': async (t: Test) =>
    ({ path: join(temporaryFolder(t), 'records') }),
} as const

for (const [name, storeIn] of Object.entries(stores)) {
  test(`${name} are one charge each`, async (t) => {
    const service = await chargingService(t)
    service.delayMs = () => Math.random() * 60
    const configuration = keyedBefore(service, '', { store: await storeIn(t) })
    const processes = await Promise.all([1, 2, 3].map(() => startSeawall(t, configuration)))
    const history = await duplicates(processes, 20, 20, 800)
    t.equal(service.ledger.length, 20)
    t.strictSame(brokenLaws(history, service.ledger), [])
    const good = history.filter(({ status }) => status === 201)
    t.equal(good.length, 400, 'every caller got the answer')
  })
}
