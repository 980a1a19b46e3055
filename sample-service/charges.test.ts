// A charge when a dependency declines, fails, hangs or breaks off: what the caller gets, what the row says
// afterwards, and what else in the service stands still meanwhile.

import { test } from 'tap'
import { startService } from './support/service.ts'
import type { LightMyRequestResponse } from 'fastify'
import type { TestService } from './support/service.ts'
import type { StubAnswer } from './support/stub-dependency.ts'

void test('a charge the fraud check denies never reaches the provider', async (t) => {
  const service = await startService(t)
  service.fraud.behaviour = () => ({ status: 200, json: { score: 0.99, decision: 'deny' } })
  const reply = await service.charge()
  t.equal(reply.statusCode, 402)
  t.match(reply.json(), { statusCode: 402, message: 'The charge was declined by the fraud check' })
  t.match(await rowOf(service, reply), { status: 'declined', providerId: null })
  t.equal(service.provider.requests.length, 0)
  t.strictSame((await service.fraud.request('POST /v1/score')).body, { customer: 'ada', amount: 1250 })
})

void test('a charge the provider declines is declined', async (t) => {
  const service = await startService(t)
  service.provider.behaviour = () => ({ status: 402, json: { code: 'card_declined' } })
  const reply = await service.charge()
  t.equal(reply.statusCode, 402)
  t.match(await rowOf(service, reply), { status: 'declined', providerId: null })
  t.equal(service.webhook.requests.length, 0)
})

const BROKEN: readonly [string, StubAnswer][] = [
  ['answers 500', { status: 500 }],
  ['answers 429', { status: 429 }],
  ['cuts the connection', 'reset'],
  ['answers no JSON', { status: 201, raw: '{"id":"p-1","stat' }],
  ['answers without an id', { status: 201, json: { status: 'succeeded' } }],
  ['answers with an unknown status', { status: 201, json: { id: 'p-1', status: 'wondering' } }]
]

for (const [what, answer] of BROKEN) {
  void test(`a provider that ${what} makes a 502 and leaves the row pending`, async (t) => {
    const service = await startService(t)
    service.provider.behaviour = () => answer
    const reply = await service.charge()
    t.equal(reply.statusCode, 502)
    t.match(reply.json(), { statusCode: 502, error: 'Bad Gateway', message: /^The charge is pending: provider / })
    t.match(await rowOf(service, reply), { status: 'pending', providerId: null })
    t.equal(service.webhook.requests.length, 0)
  })
}

void test('a fraud check that is down makes a 502, leaves the row pending and charges nobody', async (t) => {
  const service = await startService(t)
  await service.fraud.close()
  const reply = await service.charge()
  t.equal(reply.statusCode, 502)
  t.match(reply.json(), { message: /fraud did not answer/ })
  t.match(await rowOf(service, reply), { status: 'pending' })
  t.equal(service.provider.requests.length, 0)
})

void test('a provider that hangs holds every connection, and then reads without dependencies hang too', async (t) => {
  const service = await startService(t, { poolSize: 2 })
  const healthy = service.provider.behaviour
  const hang = Promise.withResolvers<void>()
  const bothArrived = Promise.withResolvers<void>()
  let arrived = 0
  service.provider.behaviour = async (request) => {
    if (++arrived === 2) bothArrived.resolve()
    await hang.promise
    return healthy(request)
  }
  const charges = [service.charge(), service.charge()]
  await bothArrived.promise
  let isCatalogueRead = false
  const catalogue = get(service, '/catalogue').then((reply) => {
    isCatalogueRead = true
    return reply
  })
  const [metrics, ready] = await Promise.all([get(service, '/metrics'), get(service, '/health/ready')])
  t.match(metrics.body, /^db_pool_in_use 2$/m)
  t.equal(ready.statusCode, 503, 'half a second later the probe has given up')
  t.equal(isCatalogueRead, false)
  t.match((await get(service, '/metrics')).body, /^db_pool_waiting 2$/m)
  hang.resolve()
  for (const charge of charges) t.equal((await charge).statusCode, 201)
  t.equal((await catalogue).statusCode, 200)
  t.match((await get(service, '/metrics')).body, /^db_pool_in_use 0\n(.*\n)*db_pool_waiting 0$/m)
})

void test('the pending row is on record before the provider is asked', async (t) => {
  const service = await startService(t)
  const hang = Promise.withResolvers<void>()
  service.provider.behaviour = async () => {
    await hang.promise
    return { status: 500 }
  }
  const charge = service.charge()
  const { body } = await service.provider.request('POST')
  t.match((await get(service, `/charges/${String(body['reference'])}`)).json(), { status: 'pending' })
  hang.resolve()
  await charge
})

for (const [what, answer] of [['fails', { status: 500 }], ['cuts the connection', 'reset']] as const) {
  void test(`a webhook target that ${what} harms neither the charge nor the service`, async (t) => {
    const service = await startService(t)
    service.webhook.behaviour = () => answer
    const reply = await service.charge()
    t.equal(reply.statusCode, 201)
    await service.webhook.request('POST')
    t.match(await rowOf(service, reply), { status: 'succeeded' })
    t.equal((await service.charge()).statusCode, 201)
  })
}

function get({ app }: TestService, url: string): Promise<LightMyRequestResponse> {
  return app.inject({ url })
}

async function rowOf(service: TestService, reply: LightMyRequestResponse): Promise<unknown> {
  const row = await get(service, reply.headers['location'] ?? '')
  return row.json()
}
