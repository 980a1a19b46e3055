// Liveness and readiness: what each depends on, and that readiness gives up in time.

import { test } from 'tap'
import { startService } from './support/service.ts'

void test('a service whose database and provider answer is live and ready', async (t) => {
  const service = await startService(t)
  t.strictSame((await service.app.inject('/health/live')).json(), { status: 'live' })
  const ready = await service.app.inject('/health/ready')
  t.equal(ready.statusCode, 200)
  t.strictSame(ready.json(), { status: 'ready' })
  t.equal(service.provider.requests[0]?.url, '/health')
})

void test('a provider that is down makes the service not ready but leaves it live', async (t) => {
  const service = await startService(t)
  service.provider.behaviour = () => ({ status: 503 })
  const sick = await service.app.inject('/health/ready')
  t.equal(sick.statusCode, 503)
  t.strictSame(sick.json(), { status: 'not ready', reasons: ['provider: provider answered status 503'] })
  await service.provider.close()
  const gone = await service.app.inject('/health/ready')
  t.match(gone.json(), { reasons: [/^provider: provider did not answer: .*ECONNREFUSED/] })
  t.equal((await service.app.inject('/health/live')).statusCode, 200)
})

void test('a provider that hangs is given up after half a second', async (t) => {
  const service = await startService(t)
  service.provider.behaviour = () => new Promise(() => {})
  const startedAt = performance.now()
  const reply = await service.app.inject('/health/ready')
  t.strictSame(reply.json(), { status: 'not ready', reasons: ['provider: no answer within 500 ms'] })
  t.ok(performance.now() - startedAt < 5_000)
})

void test('a pool without a free connection makes the service not ready, until it has one again', async (t) => {
  const service = await startService(t, { poolSize: 1 })
  const healthy = service.provider.behaviour
  const hang = Promise.withResolvers<void>()
  service.provider.behaviour = async (request) => {
    if (request.method === 'POST') await hang.promise
    return healthy(request)
  }
  const charge = service.charge()
  await service.provider.request('POST')
  const reply = await service.app.inject('/health/ready')
  t.strictSame(reply.json(), { status: 'not ready', reasons: ['database: no answer within 500 ms'] })
  hang.resolve()
  await charge
  t.equal((await service.app.inject('/health/ready')).statusCode, 200)
  t.match((await service.app.inject('/metrics')).body, /^db_pool_in_use 0$/m)
})
