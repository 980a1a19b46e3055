// The reads that need nothing but the database, the route that blocks, and the metrics of them all.

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'tap'
import { startService, temporaryFolder } from './support/service.ts'

void test('the catalogue is read without asking any dependency', async (t) => {
  const service = await startService(t)
  const reply = await service.app.inject('/catalogue')
  t.equal(reply.json<{ products: unknown[] }>().products.length, 12)
  t.match(reply.json(), { products: [{ sku: 'sku-001', name: String, price: Number, currency: 'EUR' }] })
  for (const stub of [service.provider, service.fraud, service.webhook]) t.equal(stub.requests.length, 0)
})

void test('a report is slow, holds a connection and sums up every charge', async (t) => {
  const service = await startService(t, { poolSize: 1 })
  await service.charge()
  const startedAt = performance.now()
  const answered: string[] = []
  const [report] = await Promise.all(['/report', '/catalogue'].map(async (url) => {
    const reply = await service.app.inject(url)
    answered.push(url)
    return reply
  }))
  t.strictSame(answered, ['/report', '/catalogue'], 'the only connection was taken')
  t.strictSame(report?.json(), {
    lines: [{ currency: 'EUR', status: 'succeeded', charges: 1, amount: 1250 }]
  })
  t.ok(performance.now() - startedAt >= 149, 'timers may fire a fraction of a millisecond early')
})

void test('a block stops everything else for as long as it was asked to', async (t) => {
  const service = await startService(t)
  await service.app.ready()
  const startedAt = performance.now()
  const block = service.app.inject('/block?ms=60')
  await service.app.inject('/health/live')
  t.ok(performance.now() - startedAt >= 60)
  t.strictSame((await block).json(), { blockedMs: 60 })
  t.equal((await service.app.inject('/block?ms=-1')).statusCode, 400)
  t.equal((await service.app.inject('/block?ms=soon')).statusCode, 400)
})

void test('requests are counted by route, and unknown paths share one label', async (t) => {
  const service = await startService(t)
  for (const url of ['/charges/a', '/charges/b', '/nowhere', '/else']) await service.app.inject(url)
  const reply = await service.app.inject('/metrics')
  t.match(reply.headers['content-type'], /^text\/plain/)
  t.match(reply.body, /^http_request_duration_seconds_count\{method="GET",route="\/charges\/:id",status="404"\} 2$/m)
  t.match(reply.body, /^http_request_duration_seconds_count\{method="GET",route="none",status="404"\} 2$/m)
  t.match(reply.body, /^db_pool_size 8$/m)
})

void test('an error nobody expected is a bare 500', async (t) => {
  const path = join(temporaryFolder(t), 'charges.sqlite')
  const { app } = await startService(t, { database: { kind: 'sqlite', path } })
  const intruder = new DatabaseSync(path)
  intruder.exec('DROP TABLE products')
  intruder.close()
  const reply = await app.inject('/catalogue')
  t.equal(reply.statusCode, 500)
  t.strictSame(reply.json(), {
    statusCode: 500, error: 'Internal Server Error', message: 'Internal Server Error'
  }, 'the name of the table stays inside')
})
