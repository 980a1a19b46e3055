// Encrypted listeners: what is agreed on, who is let in, and certificates that change while callers are served.

import { once } from 'node:events'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import type { ClientHttp2Session } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { X509Certificate } from 'node:crypto'
import { test } from 'tap'
import type { Test } from 'tap'
import type { Announcement } from '../core/announce.ts'
import type { BodySink, BodySource } from '../core/body.ts'
import { systemClock } from '../core/clock.ts'
import type { ListenerTls } from '../core/configuration.ts'
import type { Work } from '../core/work.ts'
import { CertificateFiles } from './certificate-files.ts'
import {
  clientKey, cnClientCertificate, dnsClientCertificate, expiredCertificate, secondCertificate, secondKey,
  serverCertificate, serverKey, strangerCertificate, testCa, uriClientCertificate,
} from './fixtures/test-certificates.ts'
import {
  ack, endStream, frame, framesOf, frameTypes, head, preface, request, settings, windowUpdate,
} from './fixtures/http2-frames.ts'
import { reply, stubHouse } from './fixtures/stub-house.ts'
import type { StubHouse, StubOptions } from './fixtures/stub-house.ts'
import { seen, turn } from './fixtures/turn.ts'
import { nameOf } from './peer-identity.ts'

/** A folder with these files, that goes with the test. */
function folderOf(t: Test, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'seawall-tls-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

function tlsIn(folder: string, rest: Partial<ListenerTls> = {}): ListenerTls {
  return { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key'), clientCa: null, minVersion: 'TLSv1.2', ...rest }
}

const pairFiles = { 'tls.crt': serverCertificate, 'tls.key': serverKey, 'ca.crt': testCa }

async function secureHouse(t: Test, rest: Partial<ListenerTls> = {}, options: StubOptions = {}): Promise<StubHouse> {
  const folder = folderOf(t, pairFiles)
  const house = await stubHouse({
    tls: tlsIn(folder, rest.clientCa === undefined ? rest : { ...rest, clientCa: join(folder, 'ca.crt') }), ...options,
  })
  t.teardown(() => house.close())
  return house
}

function optionsFor(house: StubHouse, rest: ConnectionOptions = {}): ConnectionOptions {
  return { host: '127.0.0.1', port: Number(new URL(house.url).port), ca: testCa, servername: 'edge.test', ...rest }
}

/** The answer to one HTTP/1.1 request; '' when there is none. */
async function ask(house: StubHouse, rest: ConnectionOptions = {}): Promise<string> {
  const socket = connect(optionsFor(house, rest))
  let text = ''
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => { text += chunk.toString('latin1') })
  socket.write('GET / HTTP/1.1\r\nHost: edge.test\r\nConnection: close\r\n\r\n')
  await closed(socket)
  return text
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => { socket.on('close', () => resolve()) })
}

async function secured(t: Test, house: StubHouse, rest: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect(optionsFor(house, rest))
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

function http2To(t: Test, house: StubHouse, rest: ConnectionOptions = {}): ClientHttp2Session {
  const { ca, servername, cert, key } = optionsFor(house, rest)
  const client = connectHttp2(house.url, { ca, servername, cert, key } as never)
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  return client
}

async function statusOver(client: ClientHttp2Session): Promise<number> {
  const stream = client.request({ ':path': '/' })
  stream.on('error', () => {})
  stream.resume()
  return new Promise((resolve) => {
    let status = 0
    stream.on('response', (headers) => { status = headers[':status'] ?? 0 })
    stream.on('close', () => resolve(status))
  })
}

test('both protocols are spoken over TLS, by what ALPN agrees on', async (t) => {
  const works: Work[] = []
  const house = await secureHouse(t, {}, {
    handle: async (work) => { works.push(work); return reply(200, 'hello') },
  })
  t.match(house.url, /^https:\/\/127\.0\.0\.1:\d+$/)
  t.match(await ask(house), /^HTTP\/1\.1 200 .*hello$/s)
  t.equal(await statusOver(http2To(t, house)), 200)
  t.equal((await secured(t, house, { ALPNProtocols: ['http/1.1', 'h2'] })).alpnProtocol, 'h2')
  t.equal((await secured(t, house, { ALPNProtocols: ['http/1.1'] })).alpnProtocol, 'http/1.1')
  t.strictSame(works.map(({ exchange }) => exchange.caller.isSecure), [true, true])
  t.strictSame(works.map(({ exchange }) => exchange.caller.head.version), [1, 2])
  t.strictSame(works.map(({ exchange }) => exchange.caller.identity), [null, null])
})

test('whether HTTP/2 is offered changes while it is open', async (t) => {
  const house = await secureHouse(t, {}, { http2: true })
  const spoken = async (): Promise<string | false | null> =>
    (await secured(t, house, { ALPNProtocols: ['h2', 'http/1.1'] })).alpnProtocol
  t.equal(await spoken(), 'h2')
  for (const http2 of [false, true]) {
    const { listener, limits, timeouts } = house.options
    house.server.reconfigure({ ...listener, http2 }, { limits, timeouts })
    t.equal(await spoken(), http2 ? 'h2' : 'http/1.1')
  }
})

test('HTTP/2 is not offered where it is off', async (t) => {
  const house = await secureHouse(t, {}, { http2: false })
  t.equal((await secured(t, house, { ALPNProtocols: ['h2', 'http/1.1'] })).alpnProtocol, 'http/1.1')
})

test('old versions of TLS, plain text and half handshakes are nobody else\'s trouble', async (t) => {
  const house = await secureHouse(t, { minVersion: 'TLSv1.3' }, { timeouts: { headMs: 1000 } })
  t.equal(await ask(house, { maxVersion: 'TLSv1.2' }), '')
  const plain = connectTcp(Number(new URL(house.url).port), '127.0.0.1')
  plain.on('error', () => {})
  plain.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  const mute = Array.from({ length: 50 }, () => connectTcp(Number(new URL(house.url).port), '127.0.0.1'))
  mute.forEach((socket) => socket.on('error', () => {}).write('\x16\x03\x01'))
  t.match(await ask(house), /^HTTP\/1\.1 200 /)
  await Promise.all(mute.map(closed))
  await seen(() => house.server.connections() === 0 || null)
  t.ok(Number(house.server.inspect()['failedHandshakes']) >= 51)
})

test('a second handshake on a connection is its end', { timeout: 5000 }, async (t) => {
  const house = await secureHouse(t, {}, { timeouts: { headMs: 60_000 } })
  const socket = await secured(t, house, { maxVersion: 'TLSv1.2' })
  socket.on('error', () => {})
  socket.renegotiate({}, () => {})
  await closed(socket)
  t.match(await ask(house, { maxVersion: 'TLSv1.2' }), /^HTTP\/1\.1 200 /)
})

test('connections of one caller are bounded from their first byte', async (t) => {
  const house = await secureHouse(t, {}, { limits: { connectionsPerCaller: 2 } })
  const port = Number(new URL(house.url).port)
  const mute = [connectTcp(port, '127.0.0.1'), connectTcp(port, '127.0.0.1')]
  t.teardown(() => mute.forEach((socket) => socket.destroy()))
  await seen(() => house.server.connections() === 2 || null)
  t.equal(await ask(house), '')
})

test('who has no certificate of ours is not let in, who has one is known by its name', async (t) => {
  const names: (string | null)[] = []
  const house = await secureHouse(t, { clientCa: '' }, {
    handle: async ({ exchange }) => { names.push(exchange.caller.identity); return reply(200, 'hello') },
  })
  t.equal(await ask(house), '', 'none')
  t.equal(await ask(house, { cert: strangerCertificate, key: secondKey }), '', 'one of a stranger')
  t.equal(await statusOver(http2To(t, house)), 0)
  t.strictSame(names, [])
  for (const cert of [uriClientCertificate, dnsClientCertificate, cnClientCertificate]) {
    t.match(await ask(house, { cert, key: clientKey }), /^HTTP\/1\.1 200 /)
    t.equal(await statusOver(http2To(t, house, { cert, key: clientKey })), 200)
  }
  const each = ['spiffe://test/orders', 'orders.test', 'orders']
  t.strictSame(names, each.flatMap((name) => [name, name]))
})

test('a certificate without a name that can be used is known by its fingerprint', async (t) => {
  const certificate = new X509Certificate(serverCertificate)
  t.equal(nameOf(certificate), 'edge.test')
  const odd = (subjectAltName: string | undefined, CN?: string): string => nameOf({
    subjectAltName, fingerprint256: 'AA:BB', toLegacyObject: () => ({ subject: { CN } }),
  } as unknown as X509Certificate)
  t.equal(odd('IP Address:1.2.3.4', 'a b'), 'sha256:AA:BB')
  t.equal(odd(undefined), 'sha256:AA:BB')
  t.equal(odd('DNS:"evil, URI:spiffe://other"', 'orders'), 'orders', 'a quoted name is none')
  t.equal(odd('DNS:a.test, URI:spiffe://b/c, URI:spiffe://d'), 'spiffe://b/c')
})

test('a pair that cannot be used keeps the listener from starting, with one line', async (t) => {
  const folder = folderOf(t, { ...pairFiles, 'tls.key': secondKey })
  await t.rejects(stubHouse({ tls: tlsIn(folder) }), {
    message: `Cannot encrypt listener "public": ${join(folder, 'tls.key')}: the key is not that of the certificate `
      + '(CN=edge.test)',
  })
  await t.rejects(stubHouse({ tls: tlsIn(join(folder, 'none')) }), { message: /^Cannot encrypt .*ENOENT/ })
})

/** Files that are watched, and what is said of them. */
async function watched(t: Test, tls: ListenerTls): Promise<{ said: Announcement[]; used: string[] }> {
  const said: Announcement[] = []
  const used: string[] = []
  const files = new CertificateFiles({
    listener: 'public', tls, clock: systemClock, lookEveryMs: 5, announce: (what) => { said.push(what) },
    use: ({ cert }) => { used.push(cert) },
  })
  await files.open()
  t.teardown(() => files.close())
  return { said, used }
}

test('a new pair is taken; one that does not fit is told once, and the old one kept', async (t) => {
  const folder = folderOf(t, pairFiles)
  const { said, used } = await watched(t, tlsIn(folder))
  t.strictSame(used, [serverCertificate])
  writeFileSync(join(folder, 'tls.crt'), secondCertificate)
  await seen(() => said[0])
  t.match(said, [{ what: 'certificate-rejected', listener: 'public', reason: /tls\.key: the key is not that/ }])
  writeFileSync(join(folder, 'tls.key'), secondKey)
  await seen(() => said[1])
  t.match(said[1], { what: 'certificate-reloaded', validTo: /2126/ })
  t.strictSame(used, [serverCertificate, secondCertificate])
  rmSync(join(folder, 'tls.crt'))
  await seen(() => said[2])
  t.match(said[2], { what: 'certificate-rejected', reason: /ENOENT/ })
  writeFileSync(join(folder, 'tls.key'), serverKey)
  writeFileSync(join(folder, 'tls.crt'), expiredCertificate)
  await seen(() => said.at(-1) !== said[2] || null)
  await seen(() => JSON.stringify(said.at(-1)).includes('it is over') || null)
  t.equal(used.length, 2)
})

test('a directory of links that is swapped as a whole is a change like any other', async (t) => {
  const folder = folderOf(t, {})
  const versions = [['1', serverCertificate, serverKey], ['2', secondCertificate, secondKey]] as const
  for (const [version, cert, key] of versions) {
    mkdirSync(join(folder, version))
    writeFileSync(join(folder, version, 'tls.crt'), cert)
    writeFileSync(join(folder, version, 'tls.key'), key)
  }
  symlinkSync('1', join(folder, '..data'))
  symlinkSync('..data/tls.crt', join(folder, 'tls.crt'))
  symlinkSync('..data/tls.key', join(folder, 'tls.key'))
  const { said, used } = await watched(t, tlsIn(folder))
  symlinkSync('2', join(folder, '..next'))
  renameSync(join(folder, '..next'), join(folder, '..data'))
  await seen(() => said[0])
  t.match(said, [{ what: 'certificate-reloaded' }])
  t.strictSame(used, [serverCertificate, secondCertificate])
})

const begun = '\x16\x03\x01\x02\x00\x01'
const endings = [['before a byte of it', ''], ['in the middle of its first record', begun]] as const

for (const [what, bytes] of endings) {
  test(`who ends ${what} holds no place until the time of the handshake is over`, { timeout: 5000 }, async (t) => {
    const house = await secureHouse(t)
    const peer = connectTcp({ host: '127.0.0.1', port: Number(new URL(house.url).port), allowHalfOpen: true })
    t.teardown(() => peer.destroy())
    peer.resume()
    await once(peer, 'connect')
    peer.end(bytes, 'latin1')
    await once(peer, 'end')
    await seen(() => house.server.connections() === 0 || null)
    t.equal(house.server.inspect()['failedHandshakes'], 1)
  })
}

test('after the handshake a half-closed caller is served where the listener serves such', async (t) => {
  const house = await secureHouse(t, {}, {
    halfClose: 'serve',
    handle: async () => {
      await seen(() => hasEnded || null)
      // Its end is read by then.
      for (let i = 0; i < 20; i++) await turn()
      return reply(200, 'late')
    },
  })
  let hasEnded = false
  const options: ConnectionOptions & { allowHalfOpen: boolean } = { ...optionsFor(house), allowHalfOpen: true }
  const socket = connect(options)
  t.teardown(() => socket.destroy())
  let text = ''
  socket.on('data', (chunk: Buffer) => { text += chunk.toString('latin1') })
  socket.end('GET / HTTP/1.1\r\nHost: edge.test\r\n\r\n', () => { hasEnded = true })
  await closed(socket)
  t.match(text, /^HTTP\/1\.1 200 .*late$/s)
})

/** An answer of this many times 64 KiB, as fast as it is taken. */
class Pouring implements BodySource {
  readonly length = -1
  left: number
  #sink: BodySink | null = null
  constructor(times: number) { this.left = times }
  flow(sink: BodySink): void {
    this.#sink = sink
    this.resume()
  }
  resume(): void {
    const chunk = Buffer.alloc(64 * 1024, 97)
    while (this.left-- > 0) if (this.#sink?.write(chunk) !== true) return
    this.#sink?.end(null)
  }
  discard(): void { this.left = 0 }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn()
}

test('the end of a connection that is read slowly costs neither its answer nor the process', async (t) => {
  let isDraining = false
  let asked = 0
  const body = new Pouring(800)
  const house = await secureHouse(t, {}, {
    http2: true, timeouts: { keepAliveMs: 40 },
    isDraining: () => {
      asked++
      return isDraining
    },
    handle: async () => ({ ...reply(200, ''), body }),
  })
  const socket = await secured(t, house, { ALPNProtocols: ['h2'] })
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => { chunks.push(chunk) })
  socket.write(Buffer.concat([
    Buffer.from(preface, 'latin1'), settings([4, 2 ** 31 - 1]), windowUpdate(0, 2 ** 31 - 65536),
    frame(frameTypes.settings, ack, 0), request(1, endStream, ...head({ ':scheme': 'https' })),
  ]))
  await seen(() => body.left < 790 || null)
  socket.pause()
  for (let before = -1; before !== body.left; await turns(50)) before = body.left
  t.ok(body.left > 0, 'bytes wait')
  isDraining = true
  asked = 0
  await seen(() => asked > 2 || null)
  socket.resume()
  await closed(socket)
  const { frames } = framesOf(Buffer.concat(chunks))
  const data = frames.filter(({ type }) => type === frameTypes.data)
  t.equal(data.reduce((sum, { payload }) => sum + payload.length, 0), 800 * 64 * 1024)
  t.equal((data.at(-1)?.flags ?? 0) & endStream, endStream)
})
