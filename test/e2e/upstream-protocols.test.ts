// A running Seawall in front of encrypted services: whom it believes, what it shows, files that are renewed, and HTTP/2
// where it is offered.

import { writeFileSync } from 'node:fs'
import { createSecureServer } from 'node:http2'
import { createServer } from 'node:https'
import type { ServerOptions } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { test } from 'tap'
import type { Test } from 'tap'
import {
  clientKey, cnClientCertificate, secondCertificate, secondKey, serverCertificate, serverKey, testCa,
} from '../../proxy/edge/fixtures/test-certificates.ts'
import { testCertificate, testKey } from '../../proxy/upstream/fixtures/test-certificate.ts'
import { endStream, resetStream } from '../../proxy/edge/fixtures/http2-frames.ts'
import { eventually } from '../support/asking.ts'
import { dataFrame, FrameOrigin, headFrame } from '../support/frame-origin.ts'
import { inFrontOf, startSeawall, temporaryFolder } from '../support/seawall.ts'
import type { SeawallProcess } from '../support/seawall.ts'

async function listening(t: Test, server: Server): Promise<string> {
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.close() })
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Answers with the name it was asked for and the name that its caller showed. */
async function encrypted(t: Test, options: ServerOptions): Promise<string> {
  const pair = { key: testKey, cert: testCertificate }
  const server = createServer({ ...pair, ...options }, ({ socket, httpVersion }, answer) => {
    const { servername, getPeerCertificate } = socket as TLSSocket
    const shown = getPeerCertificate.call(socket).subject?.CN
    answer.end(JSON.stringify({ servername, shown, httpVersion }))
  })
  t.teardown(() => { server.closeAllConnections() })
  return listening(t, server)
}

/** Beside the configuration: paths in it would be relative to its folder. */
function filesOf(t: Test, texts: Readonly<Record<string, string>>): (name: string) => string {
  const folder = temporaryFolder(t)
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text)
  return (name) => join(folder, name)
}

interface Seen { readonly status: number; readonly text: string; readonly json: Record<string, unknown> }

async function ask(seawall: SeawallProcess, path = '/', init: RequestInit = {}): Promise<Seen> {
  const answer = await fetch(`http://127.0.0.1:${seawall.ports['public']}${path}`, init)
  const text = await answer.text()
  let json: Record<string, unknown> = {}
  try {
    json = JSON.parse(text) as Record<string, unknown>
  } catch { /* Not every answer is JSON. */ }
  return { status: answer.status, text, json }
}

async function started(t: Test, url: string, upstream: object): Promise<SeawallProcess> {
  return startSeawall(t, inFrontOf(url, { upstream: { breaker: 'off', ...upstream }, route: { shed: 'off' } }))
}

test('an encrypted service is believed by its authority, asked for by its name and shown who we are', async (t) => {
  const asks = { requestCert: true, rejectUnauthorized: true, ca: testCa }
  const url = await encrypted(t, asks)
  const file = filesOf(t, { 'ca.crt': testCertificate, 'me.crt': cnClientCertificate, 'me.key': clientKey })
  const seawall = await started(t, url, {
    tls: { ca: file('ca.crt'), cert: file('me.crt'), key: file('me.key'), serverName: 'origin.test' },
  })
  const { status, json } = await ask(seawall)
  t.equal(status, 200)
  t.match(json, { servername: 'origin.test', shown: String, httpVersion: '1.1' })
  const metrics = await (await fetch(`http://127.0.0.1:${seawall.ports['admin']}/metrics`)).text()
  t.match(metrics, /^seawall_connection_wait_seconds_count\{upstream="service"\} 1$/m)
})

test('a service that nobody vouches for is 502 upstream.tls', async (t) => {
  const url = await encrypted(t, {})
  const seawall = await started(t, url, {})
  const { status, json } = await ask(seawall)
  t.equal(status, 502)
  t.equal(json['code'], 'upstream.tls')
})

test('an authority that is renewed is believed without anybody asking for it', async (t) => {
  const first = await encrypted(t, {})
  const file = filesOf(t, { 'ca.crt': testCertificate })
  const seawall = await started(t, first, { tls: { ca: file('ca.crt') } })
  t.equal((await ask(seawall)).status, 200)
  writeFileSync(file('ca.crt'), testCa)
  await eventually('the old authority is believed no more', async () => (await ask(seawall)).status === 502)
  await eventually('it is told why', () => /ca\.crt has changed/.test(seawall.stderr + seawall.stdout))
  writeFileSync(file('ca.crt'), `${testCa}\n${testCertificate}`)
  await eventually('both are', async () => (await ask(seawall)).status === 200)
  writeFileSync(file('ca.crt'), 'nonsense')
  await eventually('a bad file is told', () => /tls-malformed/.test(seawall.stderr + seawall.stdout))
  t.equal((await ask(seawall)).status, 200, 'and not taken')
})

test('HTTP/2 is spoken where it is asked for and offered, HTTP/1.1 where it is not', async (t) => {
  const server = createSecureServer({ key: testKey, cert: testCertificate, allowHTTP1: true }, (request, answer) => {
    let length = 0
    request.on('data', (chunk: Buffer) => { length += chunk.length })
    request.on('end', () => { answer.end(`${request.httpVersion} ${length}`) })
  })
  const url = await listening(t, server)
  const file = filesOf(t, { 'ca.crt': testCertificate })
  const tls = { ca: file('ca.crt') }
  const two = await started(t, url, { tls, http2: true, limit: 'off' })
  t.equal((await ask(two)).text, '2.0 0')
  const large = 'x'.repeat(3 * 1024 * 1024)
  t.equal((await ask(two, '/', { method: 'POST', body: large })).text, `2.0 ${large.length}`)
  const many = await Promise.all(Array.from({ length: 100 }, () => ask(two)))
  t.strictSame(many.filter(({ text }) => text !== '2.0 0'), [])
  const one = await started(t, url, { tls })
  t.equal((await ask(one)).text, '1.1 0')
})

test('an answer over HTTP/2 that breaks in its middle looks broken to the caller', async (t) => {
  let answered = 0
  const origin = await FrameOrigin.listen((peer, stream) => {
    answered++
    const body = dataFrame(stream, answered > 20 ? endStream : 0, answered > 20 ? 'whole' : 'half')
    peer.write(headFrame(stream, 0, [':status', '200']), body)
    // With NO_ERROR, the reset that says the least.
    if (answered <= 20) peer.write(resetStream(stream, 0))
  })
  t.teardown(() => origin.close())
  const upstream = { http2: true, breaker: 'off', bulkhead: { maxConcurrent: 1, maxWait: '1s' } }
  const seawall = await startSeawall(t, inFrontOf(`http://127.0.0.1:${origin.port}`, { upstream }))
  for (let i = 0; i < 20; i++) await t.rejects(ask(seawall, '/half'), `half ${i}`)
  t.equal((await ask(seawall, '/whole')).text, 'whole', 'the one permit came back each time')
  t.equal(origin.peers.filter(({ socket }) => !socket.destroyed).length, 1)
})

test('a certificate of another name is not believed', async (t) => {
  const url = await encrypted(t, { key: serverKey, cert: serverCertificate })
  const file = filesOf(t, { 'ca.crt': testCa })
  const seawall = await started(t, url, { tls: { ca: file('ca.crt'), serverName: 'other.test' } })
  t.equal((await ask(seawall)).json['code'], 'upstream.tls')
  const right = await started(t, url, { tls: { ca: file('ca.crt'), serverName: 'edge.test' } })
  t.equal((await ask(right)).status, 200)
  const renewed = await encrypted(t, { key: secondKey, cert: secondCertificate })
  t.equal((await ask(await started(t, renewed, { tls: { insecureSkipVerify: true } }))).status, 200)
})
