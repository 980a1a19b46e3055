// The handshake of a tunnel on its way out: an attempt like any other. What breaker, bulkhead, balance and timeouts say
// of requests they say of it, encrypted upstreams are verified as configured, and every way to fail has its code.

import { writeFileSync } from 'node:fs'
import { createServer as createTlsServer } from 'node:tls'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import type { Test } from 'tap'
import { clientKey, cnClientCertificate, testCa } from '../../proxy/edge/fixtures/test-certificates.ts'
import { testCertificate, testKey } from '../../proxy/upstream/fixtures/test-certificate.ts'
import { ask, eventually } from '../support/asking.ts'
import { parseMetrics } from '../support/metrics-page.ts'
import { RawClient } from '../support/raw-client.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { inFrontOf, startSeawall, temporaryFolder } from '../support/seawall.ts'
import type { SeawallProcess } from '../support/seawall.ts'

const handshake = 'GET /chat HTTP/1.1\r\nhost: chat.example\r\nupgrade: websocket\r\nconnection: Upgrade\r\n'
  + 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n'
const switching = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n'
const failing = 'HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\n\r\nno'

/** One handshake, as far as its answer. */
async function shake(t: Test, seawall: SeawallProcess): Promise<RawClient> {
  const client = new RawClient(seawall.ports['public'] as number)
  t.teardown(() => { client.destroy() })
  await client.write(handshake).answer()
  return client
}

async function codeOf(t: Test, seawall: SeawallProcess): Promise<string | undefined> {
  const client = await shake(t, seawall)
  return /"code":"([a-z.-]+)"/.exec(client.received)?.[1] ?? /^HTTP\/1\.1 (\d+)/.exec(client.received)?.[1]
}

async function figure(seawall: SeawallProcess, name: string, labels: Record<string, string> = {}): Promise<number> {
  return parseMetrics((await ask(seawall.ports['admin'] as number, '/metrics')).body)
    .sum(name, { upstream: 'service', ...labels })
}

test('handshakes that fail open the breaker, and an open one keeps them from the upstream', async (t) => {
  const origin = await rawOrigin(t, () => failing)
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  const codes: (string | undefined)[] = []
  for (let i = 0; i < 20; i++) codes.push(await codeOf(t, seawall))
  t.equal(codes[0], '500', 'what the upstream says is heard')
  t.equal(codes.at(-1), 'breaker.open')
  t.ok(origin.received.length < 10, `${origin.received.length} reached it`)
})

test('a handshake that is agreed to is a success, and its permit becomes a stream', async (t) => {
  const origin = await rawOrigin(t, () => switching)
  const seawall = await startSeawall(t, inFrontOf(origin.url, { upstream: { bulkhead: { maxConcurrent: 1 } } }))
  const clients = [await shake(t, seawall), await shake(t, seawall), await shake(t, seawall)]
  for (const { received } of clients) t.match(received, /^HTTP\/1\.1 101 /)
  t.equal(await figure(seawall, 'seawall_in_flight'), 0)
  t.equal(await figure(seawall, 'seawall_streams'), 3)
  t.equal(await figure(seawall, 'seawall_tunnels'), 3)
  for (const client of clients) client.destroy()
  await eventually('all of them are over', async () => await figure(seawall, 'seawall_streams') === 0)
  t.equal(await figure(seawall, 'seawall_attempts_total', { kind: 'first', outcome: 'tunnel' }), 3)
})

test('while a handshake waits for its answer it holds a permit', async (t) => {
  const waiting: Socket[] = []
  const origin = await rawOrigin(t, ({ socket }) => {
    waiting.push(socket)
    return undefined
  })
  const seawall = await startSeawall(t, inFrontOf(origin.url, { upstream: { bulkhead: { maxConcurrent: 1 } } }))
  const first = new RawClient(seawall.ports['public'] as number).write(handshake)
  t.teardown(() => { first.destroy() })
  await eventually('the first is under way', () => waiting.length === 1)
  t.equal(await codeOf(t, seawall), 'bulkhead.full')
  waiting[0]?.write(switching)
  await first.answer()
  const second = new RawClient(seawall.ports['public'] as number).write(handshake)
  t.teardown(() => { second.destroy() })
  await eventually('there is room again', () => waiting.length === 2)
})

test('of several endpoints the ill one is asked no more', async (t) => {
  const [well, ill] = [await rawOrigin(t, () => switching), await rawOrigin(t, () => failing)]
  const seawall = await startSeawall(t, inFrontOf(well.url, { upstream: { endpoints: [well.url, ill.url] } }))
  for (let i = 0; i < 40; i++) (await shake(t, seawall)).destroy()
  t.ok(ill.received.length < 12, `${ill.received.length} of 40`)
  t.ok(well.received.length >= 28)
})

test('the time of an attempt holds for a handshake, and the upstream is let go', async (t) => {
  const origin = await rawOrigin(t, () => undefined)
  const seawall = await startSeawall(t, inFrontOf(origin.url, { upstream: { timeouts: { attempt: '150ms' } } }))
  t.equal(await codeOf(t, seawall), 'upstream.timeout')
  await eventually('its connection is closed', () => origin.sockets.size === 0)
  await eventually('its permit is free', async () => await figure(seawall, 'seawall_in_flight') === 0)
})

test('each way of not getting a connection has its code', async (t) => {
  const cases = [
    ['http://127.0.0.1:1', 'upstream.refused'], ['http://nobody.invalid', 'upstream.dns'],
  ] as const
  for (const [url, code] of cases) {
    const seawall = await startSeawall(t, inFrontOf(url, { upstream: { startup: '1ms' } }))
    t.equal(await codeOf(t, seawall), code, url)
    t.equal(await figure(seawall, 'seawall_attempts_total', { code }), 1)
  }
})

interface Encrypted { readonly url: string; readonly seen: { name: unknown; client: string; alpn: unknown }[] }

/** Agrees to every handshake behind TLS, and gives back what comes after it. */
async function encrypted(t: Test, options: object = {}): Promise<Encrypted> {
  const seen: Encrypted['seen'] = []
  const server = createTlsServer({ key: testKey, cert: testCertificate, ...options }, (socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      const { CN } = socket.getPeerCertificate().subject ?? {}
      seen.push({ name: socket.servername, client: String(CN), alpn: socket.alpnProtocol })
      socket.write(switching)
      socket.on('data', (chunk) => { socket.write(chunk) })
    })
    t.teardown(() => { socket.destroy() })
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.close() })
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

test('a tunnel to an encrypted upstream is verified and introduced as its requests are', async (t) => {
  const folder = temporaryFolder(t)
  const files = { ca: testCertificate, cert: cnClientCertificate, key: clientKey }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const tls = {
    ca: join(folder, 'ca'), cert: join(folder, 'cert'), key: join(folder, 'key'), serverName: 'origin.test',
  }
  const origin = await encrypted(t, {
    requestCert: true, rejectUnauthorized: true, ca: testCa, ALPNProtocols: ['h2', 'http/1.1'],
  })
  for (const http2 of [false, true]) {
    const seawall = await startSeawall(t, inFrontOf(origin.url, { upstream: { tls, http2 } }))
    const client = await shake(t, seawall)
    t.match(client.received, /^HTTP\/1\.1 101 /)
    client.received = ''
    client.write('bytes \x00\xff of ours')
    t.equal(await client.until((received) => received.length >= 16), 'bytes \x00\xff of ours')
    client.destroy()
  }
  t.equal(origin.seen.length, 2)
  for (const { name, client, alpn } of origin.seen) {
    t.equal(name, 'origin.test')
    t.not(client, 'undefined')
    t.equal(alpn, 'http/1.1', 'an upgrade is a matter of HTTP/1.1')
  }
})

test('an encrypted upstream that nobody vouches for gets no byte of a handshake', async (t) => {
  const origin = await encrypted(t)
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  t.equal(await codeOf(t, seawall), 'upstream.tls')
  t.equal(origin.seen.length, 0)
  const plain = await rawOrigin(t, () => switching)
  const upstream = { startup: '1ms', timeouts: { connect: '200ms' } }
  const wrong = await startSeawall(t, inFrontOf(plain.url.replace('http:', 'https:'), { upstream }))
  t.equal(await codeOf(t, wrong), 'upstream.connect-timeout', 'whoever does not speak TLS never opens')
  t.equal(plain.received.length, 0)
})

test('an encrypted upstream that breaks a tunnel ends it both ways', async (t) => {
  const sockets: Socket[] = []
  const server = createTlsServer({ key: testKey, cert: testCertificate }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.once('data', () => { socket.write(switching) })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.close() })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const seawall = await startSeawall(t, inFrontOf(url, { upstream: { tls: { insecureSkipVerify: true } } }))
  const client = await shake(t, seawall)
  sockets[0]?.destroy()
  await client.closed()
  await eventually('nothing is left', async () => await figure(seawall, 'seawall_streams') === 0)
})
