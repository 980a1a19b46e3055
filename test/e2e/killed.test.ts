// Duplicates of keys through two processes on one store, of which one after the other is killed and started again: what
// was executed, and what callers were told, are judged together.

import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'tap'
import { chargingService } from '../support/charging-service.ts'
import { brokenLaws } from '../support/key-history.ts'
import { duplicates, keyedBefore } from '../support/keyed-service.ts'
import { startSeawall, temporaryFolder } from '../support/seawall.ts'

test('case 35: kill -9 under load: nothing is executed twice, and every success is in the ledger', async (t) => {
  const service = await chargingService(t)
  service.delayMs = () => Math.random() * 60
  const path = join(temporaryFolder(t), 'records')
  const processes = await Promise.all([1, 2].map(() => startSeawall(t, keyedBefore(service, path))))
  const load = duplicates(processes, 30, 6, 1_500)
  for (let kill = 0; kill < 2; kill++) {
    await pause(400 + Math.random() * 300)
    const at = kill % processes.length
    await processes[at]?.stop('SIGKILL')
    processes[at] = await startSeawall(t, keyedBefore(service, path))
  }
  const history = await load
  t.strictSame(brokenLaws(history, service.ledger), [])
  t.ok(history.some(({ status }) => status === 201))
})
