// Keys where something ends at the worst moment, through a real process: an idle connection as it is used again, the
// process while its caller does not read, a store that a later version has written. The numbers are of the catalogue.

import { join } from 'node:path'
import { open } from 'lmdb'
import { test } from 'tap'
import { codeOf, eventually } from '../support/asking.ts'
import { chargingService } from '../support/charging-service.ts'
import { charge, keyedBefore } from '../support/keyed-service.ts'
import { RawClient } from '../support/raw-client.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { startSeawall, temporaryFolder } from '../support/seawall.ts'

const charged = 'HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}'

test('case 19: an idle connection that ends as it is used again never makes two charges of one', async (t) => {
  const rows: string[] = []
  const service = await rawOrigin(t, ({ text, socket }) => {
    rows.push(/idempotency-key: (\S+)/i.exec(text)?.[1] ?? '')
    // About when the next request is on its way.
    setTimeout(() => { socket.destroy() }, Math.random() * 4)
    return charged
  })
  const options = { route: { retry: { maxAttempts: 3 } } }
  const seawall = await startSeawall(t, keyedBefore({ url: service.url } as never, './records', options))
  const seen = new Set<string>()
  for (let i = 0; i < 40; i++) {
    const key = `k-${i}`
    for (let repetition = 0; repetition < 2; repetition++) {
      const answer = await charge(seawall, key)
      seen.add(`${answer.status} ${codeOf(answer)}`)
    }
  }
  const doubles = rows.filter((key, i) => rows.indexOf(key) !== i)
  t.strictSame(doubles, [])
  const allowed = /^(?:201 |50[23] upstream\.\w+|409 idempotency\.outcome-unknown)$/
  t.strictSame([...seen].filter((one) => !allowed.test(one)), [])
  t.ok(rows.length > 20)
})

test('case 29: what a caller says in our own fields reaches nobody, and changes nothing', async (t) => {
  const service = await rawOrigin(t, () => charged)
  const seawall = await startSeawall(t, keyedBefore({ url: service.url } as never, './records'))
  const client = new RawClient(seawall.ports['public'] as number)
  t.teardown(() => { client.socket.destroy() })
  client.write('POST /charge HTTP/1.1\r\nhost: a\r\nidempotency-key: k-1\r\nIdempotency-Status: replayed\r\n'
    + 'Idempotency-Replayed: true\r\nx-hit: 1\r\ncontent-length: 1\r\n\r\n1')
  const answer = await client.answer()
  t.match(answer, /^HTTP\/1\.1 201 /)
  t.match(answer, /idempotency-status: executed/i)
  t.notMatch(answer, /idempotency-replayed/i)
  t.equal(service.received.length, 1)
  t.match(service.last, /idempotency-key: k-1/i)
  t.notMatch(service.last, /idempotency-(?:status|replayed)/i)
})

test('case 34: after kill -9 with a recorded answer that its caller never read, it is replayed', async (t) => {
  const service = await chargingService(t)
  const path = join(temporaryFolder(t), 'records')
  const seawall = await startSeawall(t, keyedBefore(service, path))
  const stalled = new RawClient(seawall.ports['public'] as number)
  t.teardown(() => { stalled.socket.destroy() })
  stalled.socket.pause()
  stalled.write('POST /charge HTTP/1.1\r\nhost: a\r\nidempotency-key: k-1\r\ncontent-type: application/json\r\n'
    + 'content-length: 12\r\n\r\n{"amount":1}')
  await eventually('the service has charged', () => service.ledger.length === 1)
  // Told from the record, or from who waits for it.
  const beside = await charge(seawall, 'k-1')
  t.equal(beside.headers['idempotency-status'], 'replayed')
  await seawall.stop('SIGKILL')
  const next = await startSeawall(t, keyedBefore(service, path))
  const again = await charge(next, 'k-1')
  t.equal(again.status, 201)
  t.equal(again.headers['idempotency-replayed'], 'true')
  t.equal(again.body, beside.body)
  t.equal(service.rowsOf('k-1'), 1)
})

test('case 51: a record of a later version is refused with 503, and its charge not sent again', async (t) => {
  const service = await chargingService(t)
  const path = join(temporaryFolder(t), 'records')
  const top = { drain: { delay: 0 } }
  const seawall = await startSeawall(t, keyedBefore(service, path, { top }))
  await charge(seawall, 'k-1')
  await charge(seawall, 'k-2')
  await seawall.stop('SIGTERM')
  const root = open<Buffer, string>({ path, maxDbs: 4 })
  const records = root.openDB('records', { useVersions: true, encoding: 'binary' })
  const [name] = [...records.getKeys({ limit: 1 })]
  const bytes = Buffer.from(records.get(name as string) as Buffer)
  bytes[1] = 2
  await records.put(name as string, bytes, 7)
  await root.close()
  const next = await startSeawall(t, keyedBefore(service, path))
  const answers = [await charge(next, 'k-1'), await charge(next, 'k-2')]
  t.strictSame(answers.map((answer) => `${answer.status} ${codeOf(answer)}`).toSorted(),
    ['201 ', '503 idempotency.store-unavailable'])
  t.equal(service.ledger.length, 2)
})
