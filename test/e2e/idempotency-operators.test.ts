// What operators see and decide of keys, through the admin listener of a real process: doubts are listed and ended, a
// scope is purged, and no key and no body is in any of it.

import { test } from 'tap'
import type { Test } from 'tap'
import { ask, codeOf, eventually } from '../support/asking.ts'
import type { Answered } from '../support/asking.ts'
import { chargingService } from '../support/charging-service.ts'
import type { ChargingService } from '../support/charging-service.ts'
import { charge, keyedBefore } from '../support/keyed-service.ts'
import { startSeawall } from '../support/seawall.ts'
import type { SeawallProcess } from '../support/seawall.ts'

interface Shown { readonly ref: string; readonly state: string; readonly reason?: string; readonly status?: number }

async function inDoubt(
  t: Test, keys: readonly string[],
): Promise<{ service: ChargingService; seawall: SeawallProcess }> {
  const service = await chargingService(t)
  const seawall = await startSeawall(t, keyedBefore(service, './records', {
    idempotency: { lateResponseWindow: '50ms', wait: 0 }, route: { deadline: { default: '100ms' } },
  }))
  service.delayMs = () => Infinity
  // On a busy machine a deadline can pass before anything was sent: then there is no doubt yet, and it is sent again.
  await eventually('the windows are over', async () => {
    await Promise.all(keys.map((key) => charge(seawall, key)))
    return (await admin(seawall, 'GET', 'counts')).body.includes(`"unknown":${keys.length}`)
  })
  service.delayMs = () => 0
  return { service, seawall }
}

function admin(seawall: SeawallProcess, method: string, path: string, body?: object): Promise<Answered> {
  return ask(seawall.ports['admin'] as number, `/admin/idempotency/${path}`, {
    method,
    ...body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
  })
}

function problemOf({ body }: Answered): string { return (JSON.parse(body) as { code: string }).code }

test('a doubt is listed, and ended by whoever knows what happened', async (t) => {
  const { service, seawall } = await inDoubt(t, ['k-1', 'k-2', 'k-3'])
  const listed = JSON.parse((await admin(seawall, 'GET', 'records')).body) as { records: Shown[] }
  t.equal(listed.records.length, 3)
  t.ok(listed.records.every(({ state, reason }) => state === 'unknown' && reason === 'timeout'))
  const one = JSON.parse((await admin(seawall, 'GET', 'records?route=all&key=k-1')).body) as Shown
  const two = JSON.parse((await admin(seawall, 'GET', 'records?route=all&key=k-2')).body) as Shown
  const told = JSON.parse((await charge(seawall, 'k-1')).body) as { ref: string }
  t.equal(told.ref, one.ref, 'callers are told the same name')

  const answer = { status: 201, headers: { location: '/charges/found' }, body: 'reconciled-body' }
  t.equal((await admin(seawall, 'POST', 'resolve', { ref: one.ref, verdict: 'executed', answer })).status, 200)
  const replayed = await charge(seawall, 'k-1')
  t.equal(replayed.status, 201)
  t.equal(replayed.body, 'reconciled-body')
  t.equal(replayed.headers.location, '/charges/found')
  const again = await admin(seawall, 'POST', 'resolve', { ref: one.ref, verdict: 'executed' })
  t.equal(problemOf(again), 'admin.conflict')

  const slip = await admin(seawall, 'POST', 'resolve', { ref: two.ref, verdict: 'not-executed' })
  t.equal(problemOf(slip), 'admin.invalid')
  const verdict = { ref: two.ref, verdict: 'not-executed', confirm: 'not-executed' }
  t.equal((await admin(seawall, 'POST', 'resolve', verdict)).status, 200)
  t.equal((await charge(seawall, 'k-2')).headers['idempotency-status'], 'executed')
  t.equal(service.rowsOf('k-2'), 2)
  t.equal(codeOf(await charge(seawall, 'k-3')), 'idempotency.outcome-unknown')
  await eventually('the audit is written', () => seawall.stderr.includes('/admin/idempotency/resolve'))
  t.match(seawall.stderr, one.ref)
  t.notMatch(seawall.stderr + seawall.stdout, /reconciled-body|k-[123]/)
})

test('a scope is purged, and what was in it is new', async (t) => {
  const service = await chargingService(t)
  const seawall = await startSeawall(t, keyedBefore(service, './records', { idempotency: { scope: 'credential' } }))
  const as = (credential: string): Promise<Answered> => ask(seawall.ports['public'] as number, '/charge', {
    method: 'POST', headers: { 'idempotency-key': 'k', authorization: credential }, body: 'b',
  })
  await as('Bearer one')
  await as('Bearer two')
  const purged = await admin(seawall, 'POST', 'purge', { route: 'all', value: 'Bearer one' })
  t.strictSame(JSON.parse(purged.body), { purged: 1 })
  t.equal((await as('Bearer one')).headers['idempotency-status'], 'executed')
  t.equal((await as('Bearer two')).headers['idempotency-status'], 'replayed')
  t.equal(service.ledger.length, 3)
  t.equal(problemOf(await admin(seawall, 'POST', 'purge', { route: 'none' })), 'admin.invalid')
  await eventually('the audit is written', () => seawall.stderr.includes('/admin/idempotency/purge'))
  t.notMatch(seawall.stderr + seawall.stdout, /Bearer/)
})
