// The export: its pages, that both serializers write the same bytes, and where its timer shows.

import { get } from 'node:http'
import { join } from 'node:path'
import { test } from 'tap'
import { openDatabase } from './database-location.ts'
import { startService, temporaryFolder } from './support/service.ts'
import type { IncomingMessage } from 'node:http'
import type { LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import type { TestService } from './support/service.ts'

void test('pages follow each other by link until the last row', async (t) => {
  const service = await startWithRows(t, 2_001)
  const ids: string[] = []
  let next: string | undefined = '/export'
  let pages = 0
  while (next !== undefined) {
    const reply: LightMyRequestResponse = await service.app.inject(next)
    t.equal(reply.headers['content-type'], 'application/x-ndjson')
    ids.push(...linesOf(reply.body).map((line) => (JSON.parse(line) as { id: string }).id))
    next = /^<(.+)>; rel="next"$/.exec(String(reply.headers['link']))?.[1]
    pages += 1
  }
  t.equal(pages, 3)
  t.strictSame(ids, Array.from({ length: 2_001 }, (_, row) => idOf(row)))
  const beyond = await service.app.inject('/export?page=9')
  t.equal(beyond.statusCode, 200)
  t.equal(beyond.body, '')
})

void test('both serializers write the same bytes, without card and key', async (t) => {
  const service = await startWithRows(t, 120)
  const naive = await service.app.inject('/export?serializer=naive')
  const schema = await service.app.inject('/export?serializer=schema')
  t.equal(naive.body, schema.body)
  t.equal(linesOf(naive.body).length, 120)
  t.notMatch(naive.body, /tok_visa|secret-key/)
})

void test('the time of serializing is a trailer and a metric, apart by serializer', async (t) => {
  const service = await startWithRows(t, 10)
  const url = await service.app.listen({ host: '127.0.0.1', port: 0 })
  const reply = await new Promise<IncomingMessage>((resolve) => get(`${url}/export?serializer=schema`, resolve))
  t.equal(reply.headers['trailer'], 'server-timing')
  t.equal(reply.headers['transfer-encoding'], 'chunked')
  for await (const chunk of reply) t.ok(String(chunk).length > 0)
  t.match(reply.trailers['server-timing'], /^serialize;dur=\d+\.\d{3}$/)
  const { body } = await service.app.inject('/metrics')
  t.match(body, /^export_serialization_seconds_count\{serializer="schema"\} 1$/m)
  t.notMatch(body, /serializer="naive"/)
})

void test('a page or serializer that does not exist is a 400', async (t) => {
  const service = await startService(t)
  for (const query of ['page=0', 'page=last', 'serializer=clever']) {
    t.equal((await service.app.inject(`/export?${query}`)).statusCode, 400, query)
  }
})

async function startWithRows(t: Test, count: number): Promise<TestService> {
  const path = join(temporaryFolder(t), 'charges.sqlite')
  const database = await openDatabase({ kind: 'sqlite', path }, { poolSize: 1, onAcquire: () => {}, onError: () => {} })
  await database.withConnection(async (connection) => {
    for (let row = 0; row < count; row += 1) {
      await connection.insertCharge({
        id: idOf(row), amount: 100 + row, currency: 'EUR', customer: `Zoë "${row}"`, source: 'tok_visa',
        status: 'succeeded', providerId: row % 2 === 0 ? null : `p-${row}`, idempotencyKey: 'secret-key',
        createdAt: new Date(row).toISOString()
      })
    }
  })
  await database.close()
  return startService(t, { database: { kind: 'sqlite', path } })
}

function idOf(row: number): string {
  return `charge-${row}`
}

function linesOf(text: string): string[] {
  return text.split('\n').slice(0, -1)
}
