// Many duplicates of many keys through several processes on one store, with jitter, and with processes that are killed:
// the ledger of the service and the history of the callers are judged together.

import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'tap'
import type { Test } from 'tap'
import { codeOf } from '../support/asking.ts'
import { chargingService } from '../support/charging-service.ts'
import type { ChargingService } from '../support/charging-service.ts'
import { brokenLaws } from '../support/key-history.ts'
import type { Seen } from '../support/key-history.ts'
import { charge, keyedBefore } from '../support/keyed-service.ts'
import { startSeawall, temporaryFolder } from '../support/seawall.ts'
import type { SeawallProcess } from '../support/seawall.ts'

/** Duplicates of each key, at random through these processes, repeated by their callers until there is an answer. */
async function duplicates(
  processes: readonly SeawallProcess[], keys: number, each: number, spreadMs: number,
): Promise<Seen[]> {
  const history: Seen[] = []
  const one = async (key: string): Promise<void> => {
    await pause(Math.random() * spreadMs)
    for (let attempt = 0; attempt < 20; attempt++) {
      const seawall = processes[Math.floor(Math.random() * processes.length)] as SeawallProcess
      const startedAt = performance.now()
      const answer = await charge(seawall, key).catch(() => null)
      const code = answer === null ? '' : codeOf(answer)
      history.push({
        key, fingerprint: 'same', startedAt, endedAt: performance.now(), status: answer?.status ?? 0, code,
        body: answer?.body ?? '', keyStatus: String(answer?.headers['idempotency-status'] ?? ''),
        executionId: /ch_\d+/.exec(answer?.body ?? '')?.[0] ?? '',
      })
      if (answer !== null && (answer.status < 300 || code === 'idempotency.outcome-unknown')) return
      await pause(20 + Math.random() * 80)
    }
  }
  await Promise.all(Array.from({ length: keys * each }, (_, i) => one(`key-${i % keys}`)))
  return history
}

async function several(t: Test, service: ChargingService, count: number, path: string): Promise<SeawallProcess[]> {
  return Promise.all(Array.from({ length: count }, () => startSeawall(t, keyedBefore(service, path))))
}

test('case 5: duplicates through three processes on one store are one charge each', async (t) => {
  const service = await chargingService(t)
  service.delayMs = () => Math.random() * 60
  const processes = await several(t, service, 3, join(temporaryFolder(t), 'records'))
  const history = await duplicates(processes, 30, 20, 800)
  t.equal(service.ledger.length, 30)
  t.strictSame(brokenLaws(history, service.ledger), [])
  const good = history.filter(({ status }) => status === 201)
  t.equal(good.length, 600, 'every caller got the answer')
})

test('case 35: kill -9 under load: nothing is executed twice, and every success is in the ledger', async (t) => {
  const service = await chargingService(t)
  service.delayMs = () => Math.random() * 60
  const path = join(temporaryFolder(t), 'records')
  const processes = await several(t, service, 2, path)
  const load = duplicates(processes, 40, 8, 2_000)
  for (let kill = 0; kill < 3; kill++) {
    await pause(400 + Math.random() * 300)
    const at = kill % processes.length
    await processes[at]?.stop('SIGKILL')
    processes[at] = await startSeawall(t, keyedBefore(service, path))
  }
  const history = await load
  t.strictSame(brokenLaws(history, service.ledger), [])
  t.ok(history.some(({ status }) => status === 201))
})
