// What a process that leaves does with the work it has: who waits, who has left, what flows.

import type { Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import { ask, eventually } from '../support/asking.ts'
import { chargingService } from '../support/charging-service.ts'
import { charge, keyedBefore } from '../support/keyed-service.ts'
import { drainOf, isLeaving, ok, slowOrigin, slowRequest, untilRefusing, withEgress } from '../support/leaving.ts'
import { RawClient } from '../support/raw-client.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { inFrontOf, startSeawall, temporaryFolder } from '../support/seawall.ts'

test('from the first moment every answer says that the connection ends, whoever made it', async (t) => {
  const origin = await slowOrigin(t)
  const routes = [
    { name: 'all', listener: 'public', match: { path: '/in/*' }, upstream: 'service' },
    { name: 'limited', listener: 'public', match: { path: '/limited' }, upstream: 'service',
      rateLimit: [{ key: 'ip', rate: '1/h', burst: 1 }] },
  ]
  const seawall = await startSeawall(t, { ...inFrontOf(origin.url, drainOf('10s')), routes })
  const port = seawall.ports['public'] as number
  t.equal((await ask(port, '/limited')).status, 200)
  seawall.child.kill('SIGTERM')
  await eventually('it says that it is leaving', () => isLeaving(seawall))
  for (const [path, status] of [['/in/1', 200], ['/limited', 429], ['/nowhere', 404]] as const) {
    const client = new RawClient(port)
    const answer = await client.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`).closed()
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} [^]*connection: close\r\n`, 'i'), path)
    t.equal(client.end, 'fin')
  }
  t.equal((await seawall.stop()).code, 0)
})

test('who waits for its turn when the time is over is told so, not reset', async (t) => {
  const origin = await slowOrigin(t)
  const upstream = { bulkhead: { maxConcurrent: 1, maxWait: '60s' } }
  const seawall = await startSeawall(t, inFrontOf(origin.url, { ...drainOf('0s', '1500ms'), upstream }))
  const inside = await slowRequest(seawall, origin)
  const waiting = new RawClient(seawall.ports['public'] as number).write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await eventually('it waits', async () =>
    (await ask(seawall.ports['admin'] as number, '/admin/status')).body.includes('"queuedDefault":1'))
  seawall.child.kill('SIGTERM')
  t.match(await waiting.closed(), /^HTTP\/1\.1 503 [^]*connection: close[^]*"drain\.closing"/)
  t.equal(waiting.end, 'fin')
  t.equal((await seawall.finished).code, 1, 'the one inside was cut')
  await inside.closed()
})

test('keyed work whose caller has left is finished and on record before the end', async (t) => {
  const service = await chargingService(t)
  const path = join(temporaryFolder(t), 'records')
  const seawall = await startSeawall(t, keyedBefore(service, path, drainOf('0s', '10s')))
  service.delayMs = () => 1_200
  const left = new AbortController()
  const gone = fetch(`http://127.0.0.1:${seawall.ports['public']}/charge`, {
    method: 'POST', headers: { 'idempotency-key': 'k-1', 'content-type': 'application/json' }, body: '{"amount":1}',
    signal: left.signal,
  })
  await eventually('the service works', () => service.ledger.length === 1)
  left.abort()
  await t.rejects(gone)
  t.strictSame(await seawall.stop(), { code: 0, signal: null })
  const next = await startSeawall(t, keyedBefore(service, path))
  t.equal((await charge(next, 'k-1')).headers['idempotency-status'], 'replayed')
  t.equal(service.ledger.length, 1)
})

test('a tunnel and a stream under way go on through the drain, and are waited for', async (t) => {
  const open: { tunnel: Socket | null; stream: Socket | null } = { tunnel: null, stream: null }
  const origin = await rawOrigin(t, ({ text, socket }) => {
    if (text.startsWith('GET /tunnel')) {
      open.tunnel = socket
      return 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'
    }
    if (!text.startsWith('GET /stream')) return ok
    open.stream = socket
    return 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
  })
  const seawall = await startSeawall(t, inFrontOf(origin.url, drainOf('0s', '20s')))
  const [tunnel, stream] = Array.from({ length: 2 }, () => new RawClient(seawall.ports['public'] as number))
  tunnel?.write('GET /tunnel HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n'
    + 'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
  stream?.write('GET /stream HTTP/1.1\r\nhost: a\r\n\r\n')
  await tunnel?.until((received) => received.includes(' 101 '))
  await stream?.until((received) => received.includes('event-stream'))
  seawall.child.kill('SIGTERM')
  await untilRefusing(seawall)
  open.tunnel?.write('through')
  open.stream?.write('4\r\nmore\r\n0\r\n\r\n')
  await tunnel?.until((received) => received.endsWith('through'))
  t.match(await stream?.until((received) => received.endsWith('0\r\n\r\n')), 'more')
  t.equal(seawall.child.exitCode, null, 'it waits for the tunnel')
  open.tunnel?.end()
  tunnel?.socket.end()
  t.equal((await seawall.finished).code, 0)
  stream?.destroy()
})

test('a service that accepts nothing more, and has not done its work, still makes its calls', async (t) => {
  const origin = await slowOrigin(t)
  const provider = await rawOrigin(t, () => ok)
  const seawall = await startSeawall(t, withEgress(origin.url, provider.url))
  const slow = await slowRequest(seawall, origin)
  seawall.child.kill('SIGTERM')
  await untilRefusing(seawall)
  // As a server that closes: no more connections, and what it has is finished.
  origin.refuse()
  t.equal((await ask(seawall.ports['provider'] as number, '/pay')).status, 200)
  t.equal(seawall.child.exitCode, null)
  origin.release()
  t.match(await slow.answer(), /200 OK/)
  t.equal((await seawall.finished).code, 0)
})
