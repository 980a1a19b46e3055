// Encrypted and multiplexed callers of a running Seawall: what its upstream sees of them, certificates that change
// under load, and a stop that loses none of their requests.

import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2, constants } from 'node:http2'
import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { test } from 'tap'
import type { Test } from 'tap'
import {
  clientKey, secondCertificate, secondKey, serverCertificate, serverKey, testCa, uriClientCertificate,
} from '../../proxy/edge/fixtures/test-certificates.ts'
import { eventually } from '../support/asking.ts'
import { RawClient } from '../support/raw-client.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { inFrontOf, startSeawall, temporaryFolder } from '../support/seawall.ts'
import type { SeawallProcess } from '../support/seawall.ts'

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

interface Answer { readonly status: number; readonly text: string; readonly resetCode: number }

function ask(client: ClientHttp2Session, headers: OutgoingHttpHeaders = {}, body?: string): Promise<Answer> {
  return new Promise((resolve) => {
    const stream = client.request({ ':path': '/', ...headers })
    let status = 0
    let text = ''
    stream.setEncoding('latin1')
    stream.on('response', (got) => { status = got[':status'] ?? 0 })
    stream.on('data', (chunk: string) => { text += chunk })
    stream.on('error', () => {})
    stream.on('close', () => resolve({ status, text, resetCode: stream.rstCode }))
    stream.end(body)
  })
}

function clientOf(t: Test, url: string, options: object = {}): ClientHttp2Session {
  const client = connectHttp2(url, { maxSessionMemory: 100, ...options })
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  return client
}

/** A listener whose certificate lies where Kubernetes would put it: behind two links. */
function withCertificate(t: Test, rest: object = {}): { listener: object; swap: (cert: string, key: string) => void } {
  const folder = temporaryFolder(t)
  let version = 0
  const swap = (cert: string, key: string): void => {
    const name = `v${++version}`
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'tls.crt'), cert)
    writeFileSync(join(folder, name, 'tls.key'), key)
    symlinkSync(name, join(folder, '..next'))
    renameSync(join(folder, '..next'), join(folder, '..data'))
  }
  swap(serverCertificate, serverKey)
  for (const file of ['tls.crt', 'tls.key']) symlinkSync(`..data/${file}`, join(folder, file))
  writeFileSync(join(folder, 'ca.crt'), testCa)
  const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') }
  const tls = 'clientCa' in rest ? { ...files, clientCa: join(folder, 'ca.crt') } : files
  return { listener: { kind: 'ingress', listen: '127.0.0.1:PORT:public', tls }, swap }
}

function configured(origin: string, listener: object, rest: object = {}): object {
  // How many at once is not what is asked here.
  return { ...inFrontOf(origin, { route: { shed: 'off' }, top: rest }), listeners: { public: listener } }
}

const trusted = { ca: testCa, servername: 'edge.test' }
const urlOf = (seawall: SeawallProcess, scheme: string): string => `${scheme}://127.0.0.1:${seawall.ports['public']}`

test('HTTP/2 without encryption becomes HTTP/1.1 upstream, beside HTTP/1.1 on the same port', async (t) => {
  const origin = await rawOrigin(t, () => ok)
  const listener = { kind: 'ingress', listen: '127.0.0.1:PORT:public', http2: true }
  const seawall = await startSeawall(t, configured(origin.url, listener))
  const client = clientOf(t, urlOf(seawall, 'http'))
  const posted = { ':method': 'POST', ':path': '/a?b', 'cookie': ['a=1', 'b=2'], 'te': 'trailers' }
  t.match(await ask(client, posted, 'hello'), { status: 200, text: 'ok', resetCode: 0 })
  t.match(origin.last, /^POST \/a\?b HTTP\/1\.1\r\n/)
  t.match(origin.last, /\r\nhost: 127\.0\.0\.1:\d+\r\n/i)
  t.match(origin.last, /\r\ncookie: a=1; b=2\r\n/)
  t.match(origin.last, /\r\nvia: 2 seawall-/)
  t.match(origin.last, /\r\nx-forwarded-proto: http\r\n/)
  t.match(origin.last, /\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/)
  t.match(await ask(client, { ':method': 'POST', 'content-length': '5' }, 'hello'), { status: 200 })
  t.match(origin.last, /\r\ncontent-length: 5\r\n\r\nhello$/)
  t.notMatch(origin.last, /transfer-encoding|:path|:authority/i)
  // No byte of a body, and yet its end comes in a frame of its own.
  for (let i = 0; i < 3; i++) t.match(await ask(client, { ':method': 'POST' }), { status: 200, resetCode: 0 })
  t.match(origin.last, /\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n$/)
  const plain = new RawClient(seawall.ports['public'] as number)
  t.match(await plain.write('GET /1 HTTP/1.1\r\nhost: a\r\n\r\n').answer(), /^HTTP\/1\.1 200 /)
  t.match(origin.last, /\r\nvia: 1\.1 seawall-/)
  plain.destroy()
})

test('over TLS both protocols are spoken, and upstream hears of it', async (t) => {
  const origin = await rawOrigin(t, () => ok)
  const { listener } = withCertificate(t)
  const seawall = await startSeawall(t, configured(origin.url, listener))
  t.match(await ask(clientOf(t, urlOf(seawall, 'https'), trusted)), { status: 200, text: 'ok' })
  t.match(origin.last, /\r\nx-forwarded-proto: https\r\n/)
  t.match(origin.last, /\r\nforwarded: [^\r]*;proto=https\r\n/)
  const socket = connectTls({ ...trusted, port: seawall.ports['public'], host: '127.0.0.1' })
  t.teardown(() => socket.destroy())
  let text = ''
  socket.on('data', (chunk: Buffer) => { text += chunk.toString() })
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await eventually('HTTP/1.1 is answered', () => text.endsWith('ok'))
  t.match(origin.last, /\r\nvia: 1\.1 [^]*\r\nx-forwarded-proto: https\r\n/)
})

test('a WebSocket goes through an encrypted listener', async (t) => {
  const origin = await rawOrigin(t, ({ socket, text }) => {
    if (!text.includes('Upgrade: websocket') && !text.includes('upgrade: websocket')) return ok
    socket.on('data', (chunk: Buffer) => { if (!chunk.includes('HTTP/1.1')) socket.write(chunk) })
    return 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  })
  const { listener } = withCertificate(t)
  const seawall = await startSeawall(t, configured(origin.url, listener))
  const socket = connectTls({ ...trusted, port: seawall.ports['public'], host: '127.0.0.1' })
  t.teardown(() => socket.destroy())
  let text = ''
  socket.on('data', (chunk: Buffer) => { text += chunk.toString() })
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
    + 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
  await eventually('the tunnel is open', () => /^HTTP\/1\.1 101 [^]*\r\n\r\n$/.test(text))
  socket.write('ping')
  await eventually('bytes come back', () => text.endsWith('ping'))
})

test('who has no certificate of ours reaches nothing', async (t) => {
  const origin = await rawOrigin(t, () => ok)
  const { listener } = withCertificate(t, { clientCa: true })
  const seawall = await startSeawall(t, configured(origin.url, listener))
  t.match(await ask(clientOf(t, urlOf(seawall, 'https'), trusted)), { status: 0 })
  t.equal(origin.received.length, 0)
  const known = { ...trusted, cert: uriClientCertificate, key: clientKey }
  t.match(await ask(clientOf(t, urlOf(seawall, 'https'), known)), { status: 200 })
})

test('a certificate that changes under load costs no request; a bad one is told and not taken', async (t) => {
  const origin = await rawOrigin(t, () => ok)
  const { listener, swap } = withCertificate(t)
  const seawall = await startSeawall(t, configured(origin.url, listener))
  const kept = clientOf(t, urlOf(seawall, 'https'), trusted)
  const load = { isOver: false }
  const lost: Answer[] = []
  let served = 0
  const count = (answer: Answer): void => {
    if (answer.status === 200 && answer.resetCode === 0) served++
    else lost.push(answer)
  }
  const onTheKept = async (): Promise<void> => { while (!load.isOver) count(await ask(kept)) }
  const onNewOnes = async (): Promise<void> => {
    while (!load.isOver) {
      const client = clientOf(t, urlOf(seawall, 'https'), trusted)
      count(await ask(client))
      client.close()
    }
  }
  const loads = [onTheKept(), onTheKept(), onNewOnes()]
  const shown = (): Promise<string> => new Promise((resolve) => {
    const socket = connectTls({ ...trusted, port: seawall.ports['public'], host: '127.0.0.1' }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
  })
  t.equal(await shown(), 'edge.test')
  swap(secondCertificate, secondKey)
  await eventually('the new certificate is shown', async () => await shown() === 'second.test')
  swap(serverCertificate, secondKey)
  await eventually('the bad pair is told', () => seawall.stderr.includes('the old one is kept'))
  t.match(seawall.stderr, /certificate reloaded/)
  t.equal(await shown(), 'second.test')
  load.isOver = true
  await Promise.all(loads)
  t.strictSame(lost, [])
  t.ok(served > 50, `${served} were served`)
})

for (const scheme of ['http', 'https']) test(`a stop loses no request of HTTP/2 callers over ${scheme}`, async (t) => {
  const origin = await rawOrigin(t, ({ socket }) => {
    setTimeout(() => { if (!socket.destroyed) socket.write(ok) }, 20)
    return undefined
  })
  const plain = { kind: 'ingress', listen: '127.0.0.1:PORT:public', http2: true }
  const listener = scheme === 'http' ? plain : withCertificate(t).listener
  const seawall = await startSeawall(t, configured(origin.url, listener, { drain: { delay: '1s', timeout: '10s' } }))
  const client = clientOf(t, urlOf(seawall, scheme), trusted)
  const goaways: number[] = []
  client.on('goaway', (_code: number, last: number) => { goaways.push(last) })
  const lost: Answer[] = []
  let served = 0
  const each = async (): Promise<void> => {
    while (!client.closed) {
      const answer = await ask(client)
      if (answer.status === 200 && answer.resetCode === constants.NGHTTP2_NO_ERROR) served++
      // Refused: nothing was done, and clients send it again on another connection (RFC 9113 section 8.7).
      else if (answer.resetCode !== constants.NGHTTP2_REFUSED_STREAM) lost.push(answer)
    }
  }
  const loads = Array.from({ length: 30 }, each)
  await eventually('it is under load', () => served > 100)
  const stopped = seawall.stop()
  await Promise.all(loads)
  if (scheme === 'http') t.equal(goaways[0], 2 ** 31 - 1)
  t.strictSame(lost, [])
  t.strictSame(await stopped, { code: 0, signal: null })
})

test('forty large answers at once flow to a slow reader at bounded memory', async (t) => {
  const megabyte = 'x'.repeat(1024 * 1024)
  const origin = await rawOrigin(t, ({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4194304\r\n\r\n')
    for (let i = 0; i < 4; i++) socket.write(megabyte)
    return undefined
  })
  const listener = { kind: 'ingress', listen: '127.0.0.1:PORT:public', http2: true }
  const seawall = await startSeawall(t, configured(origin.url, listener, {}))
  const client = clientOf(t, urlOf(seawall, 'http'))
  const rss = (): number =>
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${seawall.child.pid}/status`, 'utf8'))?.[1]) / 1024
  t.match(await ask(client), { status: 200 })
  const before = rss()
  let peak = 0
  let heads = 0
  const streams = Array.from({ length: 40 }, () => client.request({ ':path': '/' }))
  const sizes = streams.map((stream) => new Promise<number>((resolve) => {
    let size = 0
    stream.on('response', () => { heads++ })
    stream.on('error', () => resolve(-1))
    stream.pause()
    stream.on('data', (chunk: Buffer) => { size += chunk.length })
    stream.on('end', () => resolve(size))
  }))
  await eventually('all of them have begun', () => {
    peak = Math.max(peak, rss())
    return heads === streams.length
  })
  const until = performance.now() + 500
  await eventually('nobody has read for a while', () => {
    peak = Math.max(peak, rss())
    return performance.now() > until
  })
  t.ok(peak - before < 80, `${Math.round(peak - before)} MiB more for 160 MiB of answers`)
  for (const stream of streams) stream.resume()
  t.ok((await Promise.all(sizes)).every((size) => size === 4_194_304))
})
