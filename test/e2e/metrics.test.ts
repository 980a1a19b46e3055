// What is said with numbers: the page can be read by a strict reader, its names are those that were promised, its
// counts are what was sent, nothing a caller sends adds to it, and a refusal is one line of the log.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { ask, eventually } from '../support/asking.ts'
import { RawClient } from '../support/raw-client.ts'
import { parseMetrics } from '../support/metrics-page.ts'
import type { MetricsPage } from '../support/metrics-page.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { inFrontOf, root, startSeawall } from '../support/seawall.ts'
import type { SeawallProcess } from '../support/seawall.ts'
import { seededRandom } from '../sim/seeded-random.ts'

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
const failed = 'HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\nno'

/** A page is shared for a second: what was just counted may come with the next one. */
async function pageOf(seawall: SeawallProcess): Promise<MetricsPage> {
  const { headers, body } = await ask(seawall.ports['admin'] as number, '/metrics')
  if (!headers['content-type']?.startsWith('text/plain; version=0.0.4')) throw new Error('not the text format')
  return parseMetrics(body)
}

test('the page can be read, and every name on it is documented', async (t) => {
  const origin = await rawOrigin(t, () => ok)
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  const page = await pageOf(seawall)
  const names = [...page.types.keys()]
  t.ok(names.length > 20)
  for (const name of names) t.match(name, /^(?:seawall|process|nodejs)_[a-z0-9_]+$/)
  for (const { name, value } of page.series) {
    if (name.startsWith('seawall_')) t.ok(Number.isFinite(value) && value >= 0, `${name} ${value}`)
  }
  for (const [name, type] of page.types) {
    if (name.startsWith('seawall_')) t.equal(type === 'counter', name.endsWith('_total'), `${name} is a ${type}`)
  }
  const document = join(root, 'docs/operating.md')
  if (existsSync(document)) {
    const found = readFileSync(document, 'utf8').matchAll(/`(seawall_[a-z0-9_]+)/g)
    const documented = new Set([...found].map(([, name]) => name))
    t.strictSame(names.filter((name) => name.startsWith('seawall_') && !documented.has(name)), [], document)
  }
})

test('buckets rise, and their last is the count', async (t) => {
  const origin = await rawOrigin(t, () => ok)
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  await Promise.all(Array.from({ length: 20 }, () => ask(seawall.ports['public'] as number, '/')))
  await eventually('the exchanges are timed', async () =>
    (await pageOf(seawall)).sum('seawall_exchange_seconds_count') === 20)
  const page = await pageOf(seawall)
  for (const name of ['seawall_exchange_seconds', 'seawall_attempt_seconds']) {
    const rows = Map.groupBy(page.series.filter((one) => one.name === `${name}_bucket`),
      ({ labels: { le: _edge, ...row } }) => JSON.stringify(row))
    for (const [row, buckets] of rows) {
      const values = buckets.map(({ value }) => value)
      t.strictSame(values, values.toSorted((a, b) => a - b), `${name}${row} is cumulative`)
      const edges = buckets.map(({ labels }) => Number(labels['le']?.replace('+Inf', 'Infinity')))
      t.strictSame(edges, [...new Set(edges)].toSorted((a, b) => a - b), 'edges rise')
      t.equal(edges.at(-1), Infinity)
      t.equal(values.at(-1), page.sum(`${name}_count`, JSON.parse(row) as Record<string, string>))
    }
    t.equal(page.sum(`${name}_bucket`, { le: '+Inf' }), 20)
    t.ok(page.sum(`${name}_sum`) > 0)
  }
})

test('what was counted is what was sent', async (t) => {
  const origin = await rawOrigin(t, ({ text, socket }) => {
    if (text.startsWith('GET /reset')) socket.resetAndDestroy()
    return text.startsWith('GET /fail') ? failed : text.startsWith('GET /never') ? undefined : ok
  })
  const seawall = await startSeawall(t, inFrontOf(origin.url, {
    upstream: { limit: 'off', breaker: 'off', timeouts: { attempt: '500ms' } },
    route: { match: { path: '/*', host: 'known.example' } },
  }))
  const port = seawall.ports['public'] as number
  const sent: readonly (readonly [string, number, string])[] = [
    ['/', 30, 'known.example'], ['/fail', 7, 'known.example'], ['/never', 3, 'known.example'],
    ['/', 5, 'other.example'],
  ]
  for (const [path, count, host] of sent) {
    await Promise.all(Array.from({ length: count }, () => ask(port, path, { headers: { host } })))
  }
  const post = { method: 'POST', headers: { host: 'known.example' }, body: 'x' }
  await ask(port, '/', post)
  await eventually('all of them are counted', async () => (await pageOf(seawall)).sum('seawall_exchanges_total') >= 46)
  const page = await pageOf(seawall)
  const exchanges = (labels: Record<string, string>): number => page.sum('seawall_exchanges_total', labels)
  t.equal(exchanges({ route: 'all', outcome: 'reply', status_class: '2xx' }), 31)
  t.equal(exchanges({ route: 'all', outcome: 'reply', status_class: '5xx' }), 7)
  t.equal(exchanges({ route: 'all', outcome: 'failed', code: 'upstream.timeout', status_class: '5xx' }), 3)
  t.equal(exchanges({ code: 'route.none', status_class: '4xx' }), 5)
  t.equal(exchanges({}), 46, 'and nothing else')
  const attempts = (labels: Record<string, string>): number =>
    page.sum('seawall_attempts_total', { upstream: 'service', route: 'all', kind: 'first', ...labels })
  t.equal(attempts({ outcome: 'reply' }), 38)
  t.equal(attempts({ outcome: 'failed', code: 'upstream.timeout' }), 3)
  t.equal(page.sum('seawall_attempts_total'), 41, 'each of them once')
  t.equal(origin.received.length, 41, 'as the origin says')
  // What timed out may still be at work: its permits come back a moment later.
  await eventually('nothing is in flight', async () => (await pageOf(seawall)).sum('seawall_in_flight') === 0)
})

test('no path, method, host or field of a caller adds a series', { timeout: 60_000 }, async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  t.comment(`seed ${seed}`)
  const random = seededRandom(seed)
  const word = (): string => Math.floor(random() * 2 ** 40).toString(36)
  const origin = await rawOrigin(t, () => ok)
  const seawall = await startSeawall(t, inFrontOf(origin.url, {
    route: { match: { methods: ['GET', 'POST'], path: '/known/*' } }, top: { accessLog: 'off' },
  }))
  const send = async (count: number): Promise<void> => {
    for (let sent = 0; sent < count; sent += 50) {
      const client = new RawClient(seawall.ports['public'] as number)
      const heads = Array.from({ length: 50 }, (_, i) => {
        const method = ['GET', 'POST', 'DELETE', 'PROPFIND', 'OPTIONS'][i % 5]
        const path = `/${i % 2 === 0 ? 'known/' : ''}${word()}?${word()}=${word()}`
        const close = i === 49 ? 'connection: close\r\n' : ''
        return `${method} ${path} HTTP/1.1\r\nhost: ${word()}.example\r\nx-${word()}: 1\r\n`
          + `idempotency-key: ${word()}\r\nx-merchant: ${word()}\r\ncontent-length: 0\r\n${close}\r\n`
      })
      const received = await client.write(heads.join('')).closed()
      client.destroy()
      const answers = received.match(/HTTP\/1\.1 (?:200|404) /g)?.length
      if (answers !== 50) throw new Error(`${answers} answers to 50 requests`)
    }
  }
  const counted = async (count: number): Promise<MetricsPage> => {
    await eventually(`${count} exchanges are counted`, async () =>
      (await pageOf(seawall)).sum('seawall_exchanges_total') === count)
    return pageOf(seawall)
  }
  const shape = ({ series }: MetricsPage): string[] => series
    .filter(({ name }) => name.startsWith('seawall_')).map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`)
  await send(50)
  const before = shape(await counted(50))
  await send(2_000)
  const after = shape(await counted(2_050))
  t.strictSame(after, before, 'the same series, only higher')
})

test('the accept queue is as long as it was configured, and what did not fit is counted', async (t) => {
  const origin = await rawOrigin(t, () => ok)
  const [backlog, callers] = [4, 12]
  const seawall = await startSeawall(t, inFrontOf(origin.url, {
    top: { listeners: { public: { kind: 'ingress', listen: '127.0.0.1:PORT:public', backlog } } },
  }))
  const overflows = async (): Promise<number> => (await pageOf(seawall)).sum('seawall_accept_queue_overflows_total')
  const before = await overflows()
  seawall.child.kill('SIGSTOP')
  const crowd = Array.from({ length: callers }, () => new RawClient(seawall.ports['public'] as number))
  t.teardown(() => { for (const one of crowd) one.destroy() })
  const connected = (): number => crowd.filter(({ socket }) => !socket.connecting).length
  // The kernel takes one more than it was asked for.
  await eventually('the queue is full', () => connected() === backlog + 1)
  seawall.child.kill('SIGCONT')
  await eventually('those that were dropped come again', () => connected() === callers)
  for (const one of crowd) t.match(await one.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n').answer(), / 200 /)
  await eventually('what did not fit is counted', async () => await overflows() > before)
})

test('a refusal is one line of the log, and holds no secret', async (t) => {
  const seawall = await startSeawall(t, inFrontOf('http://127.0.0.1:1', { upstream: { startup: '1ms' } }))
  const client = new RawClient(seawall.ports['public'] as number)
  await client.write('POST /pay?token=secret-query%0a{"level":"info"} HTTP/1.1\r\nhost: a.example\r\n'
    + 'authorization: Bearer secret-token\r\ncookie: session=secret-cookie\r\nidempotency-key: secret-key\r\n'
    + 'x-request-id: id-of-the-caller\r\nx-api-key: secret-api-key\r\ncontent-length: 11\r\n\r\nsecret-body').answer()
  client.destroy()
  await eventually('the line is written', () => seawall.stdout.includes('id-of-the-caller'))
  const lines = seawall.stdout.trimEnd().split('\n').filter((line) => line.includes('id-of-the-caller'))
  t.equal(lines.length, 1)
  const line = JSON.parse(lines[0] as string) as Record<string, unknown>
  t.match(line, {
    route: 'all', method: 'POST', path: /^\/pay/, status: 502, outcome: 'failed', code: 'upstream.refused',
    upstream: 'service', request_id: 'id-of-the-caller', attempts: 1, delivered: 'no',
  })
  t.notMatch(seawall.stdout + seawall.stderr, /secret-(?:token|cookie|key|api-key|body)/)
  t.notMatch(seawall.stdout, /secret-query/, 'nor what stands in the query')
})

test('what is promised of a route is told in page and status: failures, broken answers and late ones', async (t) => {
  const origin = await rawOrigin(t, ({ text, socket }) => {
    if (text.startsWith('GET /broken')) return void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf')
    if (text.startsWith('GET /late')) return void setTimeout(() => socket.write(ok), 300)
    return text.startsWith('GET /fail') ? failed : ok
  })
  const seawall = await startSeawall(t, inFrontOf(origin.url, {
    route: { slo: { objective: 0.9, threshold: '250ms' }, explain: true },
  }))
  const port = seawall.ports['public'] as number
  for (let i = 0; i < 7; i++) await ask(port, '/')
  for (const path of ['/fail', '/broken']) await ask(port, path).catch(() => {})
  const { headers } = await ask(port, '/late')
  t.match(headers['server-timing'], /^queue;dur=[\d.]+, attempts;desc="1", upstream;dur=(?:29\d|3\d\d)[\d.]*$/)
  await eventually('all of them are counted', async () => (await pageOf(seawall)).sum('seawall_exchanges_total') === 10)
  const page = await pageOf(seawall)
  for (const window of ['5m', '30m', '1h', '6h']) {
    t.ok(Math.abs(page.sum('seawall_slo_burn_rate', { route: 'all', window }) - 3) < 1e-9, window)
  }
  t.ok(Math.abs(page.sum('seawall_slo_budget_ratio', { route: 'all' }) + 2) < 1e-9, 'three failed where one may')
  t.ok(page.sum('seawall_exchange_seconds_bucket', { route: 'all', le: '0.25' }) > 0, 'its threshold is an edge')
  const status = JSON.parse((await ask(seawall.ports['admin'] as number, '/admin/status')).body) as {
    routes: { parts: object }[]
  }
  t.match(status.routes[0]?.parts, { slo: { objective: 0.9, thresholdMs: 250, budget: -2, burn5m: 3 } })
})
