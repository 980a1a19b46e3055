// Charges over HTTP in good times: what callers get, what the dependencies were asked, and what is refused as invalid.
// What a failing dependency does to a charge stands in charges.test.ts.

import { test } from 'tap'
import { ORDER, startService } from './support/service.ts'
import type { LightMyRequestResponse } from 'fastify'
import type { TestService } from './support/service.ts'

const TRACE = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'vendor=value'
}

void test('a charge is answered with 201, its place and its body, and can be read there', async (t) => {
  const service = await startService(t)
  const reply = await service.charge()
  t.equal(reply.statusCode, 201)
  const body = reply.json<Record<string, unknown>>()
  const { source: _hidden, ...shown } = ORDER
  t.match(body, { ...shown, status: 'succeeded', providerId: 'p-1' })
  t.notOk('source' in body, 'the card never leaves the service')
  t.equal(reply.headers['location'], `/charges/${String(body['id'])}`)
  t.strictSame((await get(service, reply.headers['location'] ?? '')).json(), body)
})

void test('the provider gets our id as reference and the key the caller sent', async (t) => {
  const service = await startService(t)
  const { id } = (await service.charge({ 'idempotency-key': '"k-1"' })).json<{ id: string }>()
  const asked = await service.provider.request('POST /v1/charges')
  const { customer: _not, ...order } = ORDER
  t.strictSame(asked.body, { ...order, reference: id })
  t.equal(asked.headers['idempotency-key'], '"k-1"')
  t.match(await ledgerRow(service, id), { idempotencyKey: '"k-1"', status: 'succeeded' })
})

void test('a charge without a key is sent without one', async (t) => {
  const service = await startService(t)
  const { id } = (await service.charge()).json<{ id: string }>()
  t.notOk('idempotency-key' in (await service.provider.request('POST /v1/charges')).headers)
  t.match(await ledgerRow(service, id), { idempotencyKey: null })
})

void test('the trace of the caller goes on to all three dependencies', async (t) => {
  const service = await startService(t)
  await service.charge(TRACE)
  for (const stub of [service.provider, service.fraud, service.webhook]) {
    t.match((await stub.request('POST')).headers, TRACE)
  }
  await service.app.inject({ url: '/risk/ada', headers: TRACE })
  t.match((await service.fraud.request('GET /v1/score/ada')).headers, TRACE)
})

void test('a charge without a trace is sent without one', async (t) => {
  const service = await startService(t)
  await service.charge()
  t.notOk('traceparent' in (await service.provider.request('POST')).headers)
})

void test('the webhook goes out after the answer, and says what happened', async (t) => {
  const service = await startService(t)
  const url = await service.app.listen({ host: '127.0.0.1', port: 0 })
  const hang = Promise.withResolvers<void>()
  service.webhook.behaviour = async () => {
    await hang.promise
    return { status: 204 }
  }
  const reply = await fetch(`${url}/charge`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(ORDER)
  })
  t.equal(reply.status, 201, 'although the webhook still hangs')
  const { id } = await reply.json() as { id: string }
  const { source: _hidden, ...shown } = ORDER
  const event = { type: 'charge.succeeded', charge: { id, ...shown, status: 'succeeded' } }
  t.strictSame((await service.webhook.request('POST /v1/events')).body, event)
  hang.resolve()
})

const INVALID: readonly [string, object][] = [
  ['without a customer', { ...ORDER, customer: undefined }],
  ['of nothing', { ...ORDER, amount: 0 }],
  ['of less than nothing', { ...ORDER, amount: -5 }],
  ['of a fraction', { ...ORDER, amount: 1.5 }],
  ['of too much', { ...ORDER, amount: 1_000_000_000 }],
  ['of a word', { ...ORDER, amount: 'much' }],
  ['in no currency', { ...ORDER, currency: 'EURO' }],
  ['with a zero byte', { ...ORDER, customer: 'a\u0000' }]
]

void test('an invalid charge is a 400 that leaves no row and asks nobody', async (t) => {
  const service = await startService(t)
  for (const [what, payload] of INVALID) {
    const reply = await service.app.inject({ method: 'POST', url: '/charge', payload })
    t.equal(reply.statusCode, 400, what)
  }
  const headers = { 'content-type': 'application/json' }
  const broken = await service.app.inject({ method: 'POST', url: '/charge', payload: '{"amount":', headers })
  t.equal(broken.statusCode, 400)
  t.strictSame(await ledger(service), [])
  t.equal(service.fraud.requests.length, 0)
})

void test('the same order twice is two charges: the service does not deduplicate', async (t) => {
  const service = await startService(t)
  const headers = { 'idempotency-key': 'same' }
  const replies = [await service.charge(headers), await service.charge(headers)]
  t.equal(new Set(replies.map((reply) => reply.json<{ id: string }>().id)).size, 2)
  t.equal((await ledger(service)).length, 2)
})

void test('a summary joins the charge, the provider, the risk and the totals of the customer', async (t) => {
  const service = await startService(t)
  await service.charge()
  const { id } = (await service.charge()).json<{ id: string }>()
  t.match((await get(service, `/summary/${id}`)).json(), {
    charge: { id, amount: 1250 }, provider: { id: 'p-2', status: 'succeeded' }, risk: 0.1,
    customer: { charges: 2, amount: 2500 }
  })
})

void test('a summary asks the provider and the fraud check at the same time', async (t) => {
  const service = await startService(t)
  const { id } = (await service.charge()).json<{ id: string }>()
  const healthy = service.provider.behaviour
  // The provider answers only when the fraud check was asked: one after the other would never end.
  service.provider.behaviour = async (request) => {
    await service.fraud.request('GET /v1/score/ada')
    return healthy(request)
  }
  t.equal((await get(service, `/summary/${id}`)).statusCode, 200)
})

void test('a summary of a pending charge has no provider part, one of a broken provider is a 502', async (t) => {
  const service = await startService(t)
  const healthy = service.provider.behaviour
  service.provider.behaviour = () => ({ status: 500 })
  const { id } = (await service.charge()).json<{ id: string }>()
  t.match((await get(service, `/summary/${id}`)).json(), { charge: { status: 'pending' }, provider: null })
  service.provider.behaviour = healthy
  const paid = (await service.charge()).json<{ id: string }>()
  service.provider.behaviour = () => 'reset'
  t.equal((await get(service, `/summary/${paid.id}`)).statusCode, 502)
})

void test('an unknown charge is a 404', async (t) => {
  const service = await startService(t)
  for (const url of ['/charges/nobody', '/summary/nobody']) {
    t.equal((await get(service, url)).statusCode, 404)
  }
})

void test('a risk asks the fraud check only, and is a 502 when that fails', async (t) => {
  const service = await startService(t)
  t.strictSame((await get(service, '/risk/a%20b')).json(), { customer: 'a b', score: 0.1 })
  t.equal(service.fraud.requests[0]?.url, '/v1/score/a%20b')
  service.fraud.behaviour = () => ({ status: 200, json: {} })
  t.equal((await get(service, '/risk/ada')).statusCode, 502)
  t.equal(service.provider.requests.length, 0)
  t.match((await get(service, '/metrics')).body, /^db_pool_acquire_seconds_count 0$/m)
})

function get({ app }: TestService, url: string): Promise<LightMyRequestResponse> {
  return app.inject({ url })
}

async function ledger({ app }: TestService): Promise<{ id: string }[]> {
  const reply = await app.inject({ url: '/admin/ledger', headers: { authorization: 'Bearer letmein' } })
  return reply.json<{ charges: { id: string }[] }>().charges
}

async function ledgerRow(service: TestService, id: string): Promise<unknown> {
  return (await ledger(service)).find((row) => row.id === id)
}
