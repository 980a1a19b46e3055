// One charge through the whole picture of config/charge.json: in through Seawall to a service that does not know of it,
// out through Seawall to the provider, the fraud check and the webhook, which do not know of it either.

import { test } from 'tap'
import type { Test } from 'tap'
import { ask, codeOf, eventually } from '../support/asking.ts'
import type { Answered } from '../support/asking.ts'
import { startPicture } from '../support/charge-picture.ts'
import type { Picture } from '../support/charge-picture.ts'
import { parseMetrics } from '../support/metrics-page.ts'
import { RawClient } from '../support/raw-client.ts'

const order = { amount: 1999, currency: 'EUR', customer: 'ada', source: 'tok_visa' }

function charge({ ports }: Picture, key: string): Promise<Answered> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': key }
  return ask(ports.public, '/charge', { method: 'POST', headers, body: JSON.stringify(order) })
}

/** Five at a time: a limit that has learned nothing yet does not take twenty on a machine that is busy with others. */
async function twentyInFives(send: (i: number) => Promise<Answered>): Promise<Answered[]> {
  const answers: Answered[] = []
  for (let i = 0; i < 20; i += 5) {
    answers.push(...await Promise.all(Array.from({ length: 5 }, (_, j) => send(i + j))))
  }
  return answers
}

async function metricsOf({ ports }: Picture): Promise<ReturnType<typeof parseMetrics>> {
  return parseMetrics((await ask(ports.probe, '/metrics')).body)
}

test('a charge passes in and out, and both ledgers agree on it', async (t) => {
  const picture = await startPicture(t)
  const { ports, simulator, adminToken } = picture
  const answers = await twentyInFives((i) => charge(picture, `key-${i}`))
  t.strictSame([...new Set(answers.map(({ status }) => status))], [201])
  const first = JSON.parse(answers[0]?.body ?? '') as { id: string; status: string }
  t.equal(first.status, 'succeeded')
  t.equal(answers[0]?.headers.location, `/charges/${first.id}`)

  const ledger = await ask(ports.public, '/admin/ledger', { headers: { authorization: `Bearer ${adminToken}` } })
  const { charges } = JSON.parse(ledger.body) as { charges: { id: string; idempotencyKey: string; status: string }[] }
  const here = charges.map(({ id, idempotencyKey, status }) => `${id} ${idempotencyKey} ${status}`).toSorted()
  const there = simulator.ledger.charges.map(({ reference, key }) => `${reference} ${key} succeeded`).toSorted()
  t.strictSame(here, there, 'the same charges with the same keys')
  t.equal(here.length, 20)
  t.strictSame(Object.keys(simulator.ledger.summary().doubleReferences), [], 'nobody is charged twice')

  const events = async (): Promise<number> =>
    (JSON.parse((await ask(simulator.webhook.port, '/v1/events')).body) as { received: number }).received
  await eventually('every charge is told to the webhook', async () => await events() === 20)
  await eventually('each step is counted 20 times', async () => {
    const metrics = await metricsOf(picture)
    return ['create-charge', 'score', 'pay', 'webhook'].every((route) =>
      metrics.sum('seawall_exchanges_total', { route, status_class: '2xx' }) === 20)
  })
  const stopped = await picture.seawall.stop()
  t.equal(stopped.code, 0)
  t.notMatch(picture.seawall.stderr, /defect/)
})

test('every other way through the service works as without us', async (t) => {
  const picture = await startPicture(t)
  const { ports } = picture
  const made = JSON.parse((await charge(picture, 'k')).body) as { id: string }
  const through = (path: string): Promise<Answered> => ask(ports.public, path)
  for (const path of [`/charges/${made.id}`, '/catalogue', '/risk/ada', `/summary/${made.id}`, '/health/live']) {
    const [ours, direct] = await Promise.all([through(path), ask(ports.service, path)])
    t.equal(ours.status, 200, path)
    t.equal(ours.body, direct.body, path)
  }
  const summary = JSON.parse((await through(`/summary/${made.id}`)).body) as { provider: { status: string } }
  t.equal(summary.provider.status, 'succeeded', 'the summary asked the provider')
  const report = await through('/report')
  t.equal(report.status, 200)
  t.ok(Array.isArray((JSON.parse(report.body) as { lines: unknown }).lines))
  t.equal((await through('/charges/nobody')).status, 404, 'the answer of the service, not ours')
  t.equal((await through('/charges/nobody')).headers['proxy-status'], undefined)
  await exportStreams(t, picture)
})

async function exportStreams(t: Test, { ports }: Picture): Promise<void> {
  const exported = await ask(ports.public, '/export?page=1&serializer=schema', { headers: { te: 'trailers' } })
  t.equal(exported.status, 200)
  t.equal(exported.headers['content-type'], 'application/x-ndjson')
  t.equal(exported.headers['transfer-encoding'], 'chunked')
  t.match(exported.trailers['server-timing'], /^serialize;dur=/, 'with its trailer')
  const direct = await ask(ports.service, '/export?page=1&serializer=schema')
  t.ok(direct.body.includes('"amount":1999'), 'the charge is in it')
  t.equal(exported.body, direct.body, 'byte for byte')
}

test('a fraud check that hangs takes its own permits and nothing else', async (t) => {
  const picture = await startPicture(t)
  const { ports, simulator } = picture
  t.equal((await ask(ports.fraud, '/v1/score/ada')).status, 200)
  simulator.setBehaviour('fraud', { stall: true })
  const score = (): Promise<Answered> =>
    ask(ports.fraud, '/v1/score/ada', { headers: { 'x-request-timeout-ms': '5000' } })
  const hanging = Array.from({ length: 20 }, () => score())
  await eventually('as many hang as the limit begins with', async () => {
    const status = JSON.parse((await ask(ports.admin, '/admin/status')).body) as StatusOfParts
    return status.upstreams.find(({ name }) => name === 'fraud')?.parts['admission']?.['inFlight'] === 10
  })
  const refused = await Promise.all(Array.from({ length: 10 }, score))
  t.strictSame([...new Set(refused.map(({ status }) => status))], [503])
  for (const answer of refused) t.match(codeOf(answer), /^shed\.(?:limit|queue)$/)
  t.ok(refused.every(({ headers }) => Number(headers['retry-after']) >= 1), 'each says when to come again')
  t.ok(refused.every(({ tookMs }) => tookMs < 1_000), 'and none waits for the stalled')

  const reads = await twentyInFives(() => ask(ports.public, '/catalogue'))
  t.strictSame([...new Set(reads.map(({ status }) => status))], [200], 'the catalogue does not notice')
  const failed = await charge(picture, 'while-fraud-hangs')
  t.equal(failed.status, 502, 'a charge fails at once instead of hanging')
  t.match(failed.body, /fraud answered status 503/)
  t.ok(failed.tookMs < 1_000)

  simulator.setBehaviour('fraud', {})
  const inside = await Promise.all(hanging)
  const through = inside.filter(({ status }) => status === 200).length
  t.ok(through >= 10, `those inside get through: ${through}`)
  t.equal((await score()).status, 200, 'and the next one too')
  const { id } = JSON.parse(failed.body) as { id: string }
  await eventually('the background job has looked the pending charge up and closed it', async () =>
    (JSON.parse((await ask(ports.public, `/charges/${id}`)).body) as { status: string }).status === 'failed')
  await eventually('by its own listener', async () =>
    (await metricsOf(picture)).sum('seawall_exchanges_total', { route: 'reconcile', status_class: '2xx' }) > 0)
})

interface StatusOfParts {
  readonly upstreams: readonly { readonly name: string; readonly parts: Record<string, Record<string, unknown>> }[]
}

/** What callers do to a connection before they are done with it. */
const rudeness: readonly ((client: RawClient) => void)[] = [
  (client) => client.write('POST /charge HTTP/1.1\r\nhost: a\r\ncontent-').destroy(),
  (client) => client.write('POST /charge HTTP/1.1\r\nhost: a\r\ncontent-length: 90\r\n\r\n{"amount":1').destroy(),
  (client) => client.write('GET /report HTTP/1.1\r\nhost: a\r\n\r\n').socket.resetAndDestroy(),
  (client) => client.write('GET /catalogue HTTP/1.1\r\nhost: a\r\n\r\n').socket.end(),
  (client) => client.write('POST /charge HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n').socket.end(),
]

test('after a thousand callers that broke off a charge is made as ever', async (t) => {
  const picture = await startPicture(t)
  const { ports, simulator } = picture
  const before = simulator.ledger.charges.length
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 50 }, async (_, i) => {
      const client = new RawClient(ports.public)
      rudeness[i % rudeness.length]?.(client)
      await client.closed()
      client.destroy()
    }))
  }
  t.equal(simulator.ledger.charges.length, before, 'nothing half said was charged')
  t.equal((await charge(picture, 'after')).status, 201)
  t.equal(simulator.ledger.charges.length, before + 1)
  t.notMatch(picture.seawall.stderr, /defect/)
})
