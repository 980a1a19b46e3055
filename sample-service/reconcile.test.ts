// The background job: what it makes of rows whose charge ended in the dark, and which rows it leaves alone.

import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { test } from 'tap'
import { openDatabase } from './database-location.ts'
import { ProviderClient } from './dependencies.ts'
import { reconcilePending } from './reconcile.ts'
import { healthyProvider, startService, temporaryFolder } from './support/service.ts'
import { startStub } from './support/stub-dependency.ts'
import type { Test } from 'tap'
import type { Charge, Database } from './database.ts'
import type { Stub, StubBehaviour } from './support/stub-dependency.ts'

void test('a pending row the provider executed becomes succeeded, any other failed', async (t) => {
  const { database, pass } = await startParts(t, ({ url }) => {
    const found = url.endsWith('reference=paid') ? [{ id: 'p-9', status: 'succeeded' }] : []
    return { status: 200, json: { data: found } }
  })
  await insert(database, ['paid', 'unpaid'])
  t.strictSame((await pass()).ends.sort(), ['failed', 'succeeded'])
  t.match(await find(database, 'paid'), { status: 'succeeded', providerId: 'p-9' })
  t.match(await find(database, 'unpaid'), { status: 'failed', providerId: null })
  t.strictSame((await pass()).ends, [], 'and neither is asked about again')
})

void test('a row younger than the age is left to its request', async (t) => {
  const { database, pass, provider } = await startParts(t, () => ({ status: 200, json: { data: [] } }))
  await insert(database, ['young'], new Date())
  t.strictSame((await pass()).ends, [])
  t.equal(provider.requests.length, 0)
})

for (const answer of ['reset', { status: 503 }, { status: 200, json: {} }] as const) {
  void test(`a provider that answers ${JSON.stringify(answer)} leaves the row pending`, async (t) => {
    const { database, pass } = await startParts(t, () => answer)
    await insert(database, ['dark'])
    const { ends, errors } = await pass()
    t.strictSame(ends, ['left'])
    t.equal(errors.length, 1)
    t.match(await find(database, 'dark'), { status: 'pending' })
  })
}

void test('a charge still underway is closed when executed and never called failed', async (t) => {
  const underway = new Set(['paid', 'waiting'])
  const { database, pass } = await startParts(t, ({ url }) => {
    // The request ends while the job asks: what the provider knew before that is stale.
    underway.delete('waiting')
    const found = url.endsWith('reference=paid') ? [{ id: 'p-9', status: 'succeeded' }] : []
    return { status: 200, json: { data: found } }
  }, (id) => underway.has(id))
  await insert(database, ['paid', 'waiting'])
  await pass()
  t.match(await find(database, 'paid'), { status: 'succeeded' })
  t.match(await find(database, 'waiting'), { status: 'pending' })
  t.strictSame((await pass()).ends, ['failed'], 'the next pass knows')
})

void test('an answer in hand wins over a row that was settled meanwhile', async (t) => {
  const answered = Promise.withResolvers<void>()
  const { database, pass } = await startParts(t, async () => {
    const end = { status: 'succeeded', providerId: 'p-1' } as const
    await database.withConnection((connection) => connection.settleCharge('late', end))
    answered.resolve()
    return { status: 200, json: { data: [] } }
  })
  await insert(database, ['late'])
  t.strictSame((await pass()).ends, ['left'])
  await answered.promise
  t.match(await find(database, 'late'), { status: 'succeeded', providerId: 'p-1' })
})

void test('a charge whose answer was lost is found again by the running service, through its own URL', async (t) => {
  const execute = healthyProvider()
  const reconciling = await startStub(execute)
  t.teardown(() => reconciling.close())
  const service = await startService(t, {
    reconcileProviderUrl: reconciling.url, reconcileIntervalMs: 5, reconcileAgeMs: 0
  })
  service.provider.behaviour = (request) => {
    execute(request)
    return 'reset'
  }
  const lost = await service.charge()
  t.equal(lost.statusCode, 502)
  const { id } = lost.json<{ id: string }>()
  await reconciling.request(`GET /v1/charges?reference=${id}`)
  t.match(await settled(service.app.inject.bind(service.app), id), { status: 'succeeded', providerId: 'p-1' })
  t.equal(service.provider.requests.length, 1, 'callers and background are told apart')
  const metrics = await service.app.inject('/metrics')
  t.match(metrics.body, /^reconciled_charges_total\{end="succeeded"\} 1$/m)
})

void test('the service closes while the background job waits for a provider that hangs', async (t) => {
  const hanging = await startStub(() => new Promise(() => {}))
  t.teardown(() => hanging.close())
  const service = await startService(t, {
    reconcileProviderUrl: hanging.url, reconcileIntervalMs: 5, reconcileAgeMs: 0
  })
  service.provider.behaviour = () => ({ status: 500 })
  await service.charge()
  await hanging.request('GET /v1/charges')
  await service.app.close()
  t.pass('it did not wait')
})

interface Pass {
  readonly ends: string[]
  readonly errors: unknown[]
}

async function startParts(
  t: Test, behaviour: StubBehaviour, isUnderway: (id: string) => boolean = () => false
): Promise<{ database: Database, provider: Stub, pass: () => Promise<Pass> }> {
  const provider = await startStub(behaviour)
  const path = join(temporaryFolder(t), 'charges.sqlite')
  const options = { poolSize: 2, onAcquire: () => {}, onError: () => {} }
  const database = await openDatabase({ kind: 'sqlite', path }, options)
  t.teardown(() => Promise.all([provider.close(), database.close()]))
  const pass = async (): Promise<Pass> => {
    const ends: string[] = []
    const errors: unknown[] = []
    await reconcilePending({
      database, isUnderway, ageMs: 10_000, provider: new ProviderClient(provider.url),
      onReconciled: (end) => ends.push(end), onError: (error) => errors.push(error)
    }, new AbortController().signal)
    return { ends, errors }
  }
  return { database, provider, pass }
}

async function insert(database: Database, ids: readonly string[], at = new Date(0)): Promise<void> {
  const charge = {
    amount: 100, currency: 'EUR', customer: 'ada', source: 'tok', status: 'pending',
    providerId: null, idempotencyKey: null, createdAt: at.toISOString()
  } as const
  await database.withConnection(async (connection) => {
    for (const id of ids) await connection.insertCharge({ ...charge, id })
  })
}

function find(database: Database, id: string): Promise<Charge | undefined> {
  return database.withConnection((connection) => connection.findCharge(id))
}

/** Reads the charge until it is no longer pending; the test's own timeout is the bound. */
async function settled(inject: (url: string) => Promise<{ json(): unknown }>, id: string): Promise<unknown> {
  for (;;) {
    const charge = (await inject(`/charges/${id}`)).json() as { status: string }
    if (charge.status !== 'pending') return charge
    await setImmediate()
  }
}
