// Who may read the ledger, and that it holds every charge with the key it came with.

import { test } from 'tap'
import { startService } from './support/service.ts'

void test('the ledger shows every charge in every state, with its key and without the card', async (t) => {
  const service = await startService(t)
  await service.charge({ 'idempotency-key': 'one' })
  service.provider.behaviour = () => ({ status: 402 })
  await service.charge({ 'idempotency-key': 'two' })
  service.provider.behaviour = () => 'reset'
  await service.charge()
  const reply = await service.app.inject({ url: '/admin/ledger', headers: { authorization: 'Bearer letmein' } })
  t.equal(reply.statusCode, 200)
  const { charges } = reply.json<{ charges: Record<string, unknown>[] }>()
  const ends = charges.map((charge) => `${String(charge['idempotencyKey'])} ${String(charge['status'])}`)
  t.strictSame(ends.sort(), ['null pending', 'one succeeded', 'two declined'])
  t.notMatch(reply.body, /tok_visa/)
})

void test('the ledger stays shut without the right token', async (t) => {
  const service = await startService(t)
  const wrong = [undefined, 'Bearer ', 'Bearer letmeout', 'Bearer letmein2', 'Bearer letme', 'letmein', 'Basic letmein']
  for (const authorization of wrong) {
    const headers = authorization === undefined ? {} : { authorization }
    const reply = await service.app.inject({ url: '/admin/ledger', headers })
    t.equal(reply.statusCode, 401, authorization ?? 'no header')
    t.equal(reply.headers['www-authenticate'], 'Bearer')
    t.notOk('charges' in reply.json<object>())
  }
})

void test('the ledger of a service without a token is shut for everybody', async (t) => {
  const service = await startService(t, { adminToken: null })
  for (const authorization of ['Bearer ', 'Bearer null', 'Bearer undefined']) {
    t.equal((await service.app.inject({ url: '/admin/ledger', headers: { authorization } })).statusCode, 401)
  }
})
