// Keys before a real service, through real processes and the embedded store: what a caller that repeats a charge gets,
// also after kill -9 and during a drain.

import { join } from 'node:path'
import { test } from 'tap'
import { ask, codeOf, eventually } from '../support/asking.ts'
import type { Answered } from '../support/asking.ts'
import { chargingService } from '../support/charging-service.ts'
import { charge, keyedBefore } from '../support/keyed-service.ts'
import { parseMetrics } from '../support/metrics-page.ts'
import { startSeawall, temporaryFolder } from '../support/seawall.ts'

/** Header fields that are of one answer alone. */
function lasting(answer: Answered): readonly string[] {
  const own = /^(?:date|idempotency-.*|cache-control|connection|keep-alive|x-request-id)$/i
  return answer.rawHeaders.filter((_, i) => !own.test(answer.rawHeaders[i - i % 2] as string))
}

test('a repeated charge gets the first answer byte for byte, also from the next process', async (t) => {
  const service = await chargingService(t)
  const path = join(temporaryFolder(t), 'records')
  const seawall = await startSeawall(t, keyedBefore(service, path))
  const first = await charge(seawall, 'k-1')
  const again = await charge(seawall, 'k-1')
  t.equal(first.status, 201)
  t.equal(first.headers['idempotency-status'], 'executed')
  t.equal(again.headers['idempotency-replayed'], 'true')
  t.equal(again.body, first.body)
  t.strictSame(lasting(again), lasting(first))
  await seawall.stop('SIGKILL')
  const next = await startSeawall(t, keyedBefore(service, path))
  const later = await charge(next, 'k-1')
  t.equal(later.headers['idempotency-status'], 'replayed')
  t.equal(later.body, first.body)
  t.strictSame(lasting(later), lasting(first))
  t.equal(service.ledger.length, 1)
  const other = await charge(next, 'k-1', '{"amount":2}')
  t.equal(codeOf(other), 'idempotency.key-reused')
})

test('case 32: after kill -9 while the service works, nobody knows, and nobody sends it again', async (t) => {
  const service = await chargingService(t)
  const path = join(temporaryFolder(t), 'records')
  const seawall = await startSeawall(t, keyedBefore(service, path))
  service.delayMs = () => Infinity
  service.onCharge = () => { void seawall.stop('SIGKILL') }
  await t.rejects(charge(seawall, 'k-1'))
  await seawall.finished
  service.onCharge = null
  service.delayMs = () => 0
  const next = await startSeawall(t, keyedBefore(service, path))
  const again = await charge(next, 'k-1')
  t.equal(codeOf(again), 'idempotency.outcome-unknown')
  t.equal(again.headers['idempotency-status'], 'unknown')
  t.match(JSON.parse(again.body), { retry: 'reconcile', reason: 'owner-lost' })
  t.equal(again.headers['retry-after'], undefined)
  t.equal(service.rowsOf('k-1'), 1)
  t.equal((await charge(next, 'k-2')).status, 201, 'other keys are served')
  const { body } = await ask(next.ports['admin'] as number, '/metrics')
  t.equal(parseMetrics(body).sum('seawall_idempotency_doubts_total', { reason: 'owner-lost' }), 1)
})

test('a caller that leaves is charged once, and gets the answer when it comes back', async (t) => {
  const service = await chargingService(t)
  const seawall = await startSeawall(t, keyedBefore(service, join(temporaryFolder(t), 'records')))
  service.delayMs = () => 300
  const port = seawall.ports['public'] as number
  const left = new AbortController()
  const gone = fetch(`http://127.0.0.1:${port}/charge`, {
    method: 'POST', headers: { 'idempotency-key': 'k-1', 'content-type': 'application/json' }, body: '{"amount":1}',
    signal: left.signal,
  })
  await eventually('the service works', () => service.ledger.length === 1)
  left.abort()
  await t.rejects(gone)
  const again = await charge(seawall, 'k-1')
  t.equal(again.status, 201)
  t.equal(again.headers['idempotency-status'], 'replayed')
  t.equal(service.ledger.length, 1)
})

test('case 44: a drain finishes and records what is in flight, and answers what is known', async (t) => {
  const service = await chargingService(t)
  const path = join(temporaryFolder(t), 'records')
  const top = { drain: { delay: 0, timeout: '10s' } }
  const seawall = await startSeawall(t, keyedBefore(service, path, { top }))
  await charge(seawall, 'known')
  service.delayMs = () => 1_500
  const running = Array.from({ length: 20 }, (_, i) => charge(seawall, `k-${i}`))
  await eventually('all are in flight', () => service.ledger.length === 21)
  seawall.child.kill('SIGTERM')
  const admin = seawall.ports['admin'] as number
  await eventually('it leaves', async () => (await ask(admin, '/readyz')).status === 503)
  t.equal(codeOf(await charge(seawall, 'new')), 'drain.closing')
  t.equal((await charge(seawall, 'known')).headers['idempotency-status'], 'replayed')
  for (const answer of await Promise.all(running)) t.equal(answer.status, 201)
  t.strictSame(await seawall.finished, { code: 0, signal: null })
  const next = await startSeawall(t, keyedBefore(service, path))
  t.equal((await charge(next, 'k-7')).headers['idempotency-status'], 'replayed')
  t.equal(service.ledger.length, 21)
})

test('case 45: what a drain has to cut is unknown to the next process, and says that it was cut', async (t) => {
  const service = await chargingService(t)
  const path = join(temporaryFolder(t), 'records')
  const seawall = await startSeawall(t, keyedBefore(service, path, { top: { drain: { delay: 0, timeout: '500ms' } } }))
  service.delayMs = () => Infinity
  const cut = t.rejects(charge(seawall, 'k-1'))
  await eventually('it is in flight', () => service.ledger.length === 1)
  seawall.child.kill('SIGTERM')
  await seawall.finished
  await cut
  const next = await startSeawall(t, keyedBefore(service, path))
  const again = await charge(next, 'k-1')
  t.equal(codeOf(again), 'idempotency.outcome-unknown')
  t.match(JSON.parse(again.body), { reason: 'shutdown' })
})
