// The provider over HTTP: charges, deduplication both ways and at once, the shared ledger.

import { test } from 'tap'
import { call, charge, order, start } from './test-bench.ts'

test('a charge is executed, and found again by id and by reference at every port', async (t) => {
  const { providers } = await start(t)
  const [first, second, third] = providers.map((port) => port.url) as [string, string, string]
  const made = await charge(first, 'order-1')
  t.equal(made.status, 201)
  const id = made.body['id']
  t.same(made.body, { id, status: 'succeeded', amount: 1_200, currency: 'eur', reference: 'order-1' })
  t.same((await call('GET', `${second}/v1/charges/${String(id)}`)).body, made.body)
  t.same((await call('GET', `${third}/v1/charges?reference=order-1`)).body, { data: [made.body] })
  t.same((await call('GET', `${third}/v1/charges?reference=order-2`)).body, { data: [] })
  t.equal((await call('GET', `${first}/v1/charges/ch_none`)).status, 404)
  t.equal((await call('GET', `${first}/v1/charges`)).status, 400)
  t.equal((await call('GET', `${first}/health`)).status, 200)
  t.equal((await call('PUT', `${first}/v1/charges`, {})).status, 404)
})

test('with dedupe on, a repeated key gets the first answer at any port and is executed once', async (t) => {
  const { providers, ledger } = await start(t)
  const first = await charge(providers[0]!.url, 'order-1', 'key-1')
  t.equal(first.headers.get('idempotent-replayed'), null)
  const repeated = await charge(providers[1]!.url, 'order-1', 'key-1')
  t.equal(repeated.status, 201)
  t.same(repeated.body, first.body)
  t.equal(repeated.headers.get('idempotent-replayed'), 'true')
  t.match(ledger.summary(), { count: 1, extraExecutions: 0 })
})

test('with dedupe on, fifty requests at once with one key execute once', async (t) => {
  const { providers, ledger } = await start(t)
  const replies = await Promise.all(
    Array.from({ length: 50 }, (_, i) => charge(providers[i % 3]!.url, 'order-1', 'key-1')),
  )
  t.ok(replies.every((reply) => reply.status === 201 && reply.body['id'] === replies[0]!.body['id']))
  t.equal(replies.filter((reply) => reply.headers.get('idempotent-replayed') === 'true').length, 49)
  t.equal(ledger.summary().count, 1)
})

test('with dedupe on, the same key with another body is refused and not executed', async (t) => {
  const { providers, ledger } = await start(t)
  const url = `${providers[0]!.url}/v1/charges`
  await call('POST', url, order('order-1'), 'key-1')
  const other = await call('POST', url, { ...order('order-1'), amount: 1 }, 'key-1')
  t.equal(other.status, 422)
  t.match(other.body, { error: { code: 'key_reused' } })
  t.equal((await call('POST', url, `${JSON.stringify(order('order-1'))} `, 'key-1')).status, 422, 'byte by byte')
  t.equal(ledger.summary().count, 1)
})

test('with dedupe off, a repeated key is executed again and the ledger tells', async (t) => {
  const simulator = await start(t)
  simulator.setBehaviour('provider', { dedupe: 'off' })
  const url = simulator.providers[0]!.url
  const replies = [await charge(url, 'order-1', 'key-1'), ...(await Promise.all([
    charge(url, 'order-1', 'key-1'), charge(simulator.providers[2]!.url, 'order-1', 'key-1'),
  ]))]
  t.equal(new Set(replies.map((reply) => reply.body['id'])).size, 3)
  const summary = await call('GET', `${url}/v1/ledger/summary`)
  t.match(summary.body, { count: 3, keys: 1, extraExecutions: 2, doubleCharges: { 'key-1': 3 } })
  simulator.setBehaviour('provider', { dedupe: 'on' })
  const replayed = await charge(url, 'order-1', 'key-1')
  t.equal(replayed.body['id'], replies[0]!.body['id'], 'once on again, the first answer is the answer')
})

test('a declined card is a 402 and is not in the ledger', async (t) => {
  const { providers, ledger } = await start(t)
  const declined = await call('POST', `${providers[0]!.url}/v1/charges`, { ...order('o'), source: 'tok_declined' }, 'k')
  t.equal(declined.status, 402)
  t.match(declined.body, { error: { code: 'card_declined' } })
  t.equal(ledger.summary().count, 0)
})

test('the ledger shows every execution with its key, port and time', async (t) => {
  const { providers } = await start(t)
  for (let i = 0; i < 3; i++) await charge(providers[i]!.url, `order-${i}`, i === 0 ? undefined : `key-${i}`)
  const { body } = await call('GET', `${providers[0]!.url}/v1/ledger`)
  const rows = body['data'] as Record<string, unknown>[]
  t.equal(body['count'], 3)
  t.same(rows.map((row) => row['key']), [null, 'key-1', 'key-2'])
  t.same(rows.map((row) => row['port']), providers.map((port) => port.port))
  t.ok(rows.every((row) => !Number.isNaN(Date.parse(String(row['at'])))))
})

test('a long ledger arrives whole', async (t) => {
  const { providers, ledger } = await start(t)
  const fields = { key: null, port: 1, amount: 1, currency: 'eur', source: 's', bodySha256: '' }
  const orders = Array.from({ length: 2_500 }, (_, i) => ({ ...fields, reference: `r${i}` }))
  await Promise.all(orders.map((one) => ledger.execute(one)))
  const { body } = await call('GET', `${providers[0]!.url}/v1/ledger`)
  const references = (body['data'] as { reference: string }[]).map((row) => row.reference)
  t.same(new Set(references).size, 2_500)
  t.ok(ledger.flushes < 100, `${ledger.flushes} flushes for 2,500 charges at once`)
})

test('malformed charges are refused with the field that is wrong', async (t) => {
  const { providers, ledger } = await start(t)
  const url = `${providers[0]!.url}/v1/charges`
  const wrong: [unknown, RegExp][] = [
    ['{', /body must be valid JSON/],
    ['null', /body must be an object, got null/],
    [{ ...order('r'), amount: 0 }, /amount must be an integer from 1/],
    [{ ...order('r'), amount: 1.5 }, /amount must be an integer/],
    [{ ...order('r'), currency: 'euro' }, /currency must be/],
    [{ amount: 1, currency: 'eur', source: 'tok_visa' }, /reference must be .* got nothing/],
  ]
  for (const [body, message] of wrong) {
    const refused = await call('POST', url, body)
    t.equal(refused.status, 400)
    t.match(refused.body, { error: { message } })
  }
  t.equal((await call('POST', url, order('r'), 'k'.repeat(256))).status, 400)
  t.equal(ledger.summary().count, 0)
})

test('a charge whose row cannot be written is a 500, never a success', async (t) => {
  const { providers, ledger } = await start(t)
  await ledger.close()
  const failed = await charge(providers[0]!.url, 'order-1', 'key-1')
  t.equal(failed.status, 500)
  t.match(failed.body, { error: { code: 'ledger_failed' } })
  t.equal((await call('GET', `${providers[0]!.url}/v1/charges?reference=order-1`)).status, 200)
})
