// Duplicates of keys through two processes on one store, of which one after the other is killed and started again: what
// was executed, and what callers were told, are judged together.

import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'tap'
import type { Test } from 'tap'
import { chargingService } from '../support/charging-service.ts'
import { brokenLaws } from '../support/key-history.ts'
import { duplicates, keyedBefore } from '../support/keyed-service.ts'
import { startRedis } from '../support/redis-server.ts'
import { startSeawall, temporaryFolder } from '../support/seawall.ts'

const stores = {
  lmdb: async (t: Test) => ({ path: join(temporaryFolder(t), 'records') }),
  redis: async (t: Test) => {
    const redis = await startRedis()
    t.teardown(() => redis.stop())
    return { type: 'redis', url: redis.url, path: undefined }
  },
} as const

for (const [name, storeIn] of Object.entries(stores)) {
  test(`case 35: kill -9 under load, ${name}: nothing is executed twice, every success is in the ledger`, async (t) => {
    const service = await chargingService(t)
    service.delayMs = () => Math.random() * 60
    // Short, so that callers see how a doubt begins.
    const configuration = keyedBefore(service, '', { store: await storeIn(t), idempotency: { lease: '1s' } })
    const processes = await Promise.all([1, 2].map(() => startSeawall(t, configuration)))
    const load = duplicates(processes, 30, 6, 1_500)
    for (let kill = 0; kill < 2; kill++) {
      await pause(400 + Math.random() * 300)
      const at = kill % processes.length
      await processes[at]?.stop('SIGKILL')
      processes[at] = await startSeawall(t, configuration)
    }
    const history = await load
    t.strictSame(brokenLaws(history, service.ledger), [])
    t.ok(history.some(({ status }) => status === 201))
  })
}
