// Who has proved by a certificate who it is, is that caller everywhere: a rate limit of its own, and keys of its own,
// over either protocol, whatever it says of itself in fields.

import { writeFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { request } from 'node:https'
import { join } from 'node:path'
import { test } from 'tap'
import type { Test } from 'tap'
import {
  clientKey, dnsClientCertificate, serverCertificate, serverKey, testCa, uriClientCertificate,
} from '../../proxy/edge/fixtures/test-certificates.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import type { RawOrigin } from '../support/raw-origin.ts'
import { inFrontOf, startSeawall, temporaryFolder } from '../support/seawall.ts'
import type { SeawallProcess } from '../support/seawall.ts'

const orders = { cert: uriClientCertificate, key: clientKey }
const shop = { cert: dnsClientCertificate, key: clientKey }

/** In front of an origin that numbers its answers, and lets in only who has a certificate of ours. */
async function behindCertificates(t: Test, route: object, top: object = {}): Promise<[SeawallProcess, RawOrigin]> {
  const folder = temporaryFolder(t)
  const pem = { 'tls.crt': serverCertificate, 'tls.key': serverKey, 'ca.crt': testCa }
  for (const [name, text] of Object.entries(pem)) writeFileSync(join(folder, name), text)
  const tls = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key'), clientCa: join(folder, 'ca.crt') }
  const origin = await rawOrigin(t, (_, count) => `HTTP/1.1 201 Created\r\ncontent-length: 1\r\n\r\n${count % 10}`)
  const seawall = await startSeawall(t, {
    ...inFrontOf(origin.url, { route, top }),
    listeners: { public: { kind: 'ingress', listen: '127.0.0.1:PORT:public', tls } },
  })
  return [seawall, origin]
}

interface Heard { readonly status: number; readonly body: string; readonly idempotency: unknown }

function overHttp1(seawall: SeawallProcess, who: typeof orders, headers: Record<string, string> = {}): Promise<Heard> {
  return new Promise((resolve, reject) => {
    const sent = request({
      ...who, ca: testCa, servername: 'edge.test', host: '127.0.0.1', port: seawall.ports['public'], method: 'POST',
      headers, agent: false,
    }, (answer) => {
      let body = ''
      answer.on('data', (chunk: Buffer) => { body += chunk.toString() })
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, body, idempotency: answer.headers['idempotency-status'] })
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}

function overHttp2(seawall: SeawallProcess, who: typeof orders, headers: Record<string, string> = {}): Promise<Heard> {
  const client = connectHttp2(`https://127.0.0.1:${seawall.ports['public']}`, {
    ...who, ca: testCa, servername: 'edge.test',
  })
  return new Promise((resolve, reject) => {
    client.on('error', reject)
    const stream = client.request({ ':method': 'POST', ':path': '/', ...headers })
    const heard = { status: 0, body: '', idempotency: undefined as unknown }
    stream.on('response', (got) => {
      heard.status = got[':status'] ?? 0
      heard.idempotency = got['idempotency-status']
    })
    stream.on('data', (chunk: Buffer) => { heard.body += chunk.toString() })
    stream.on('end', () => {
      client.close()
      resolve(heard)
    })
    stream.end()
  })
}

test('each certificate has a rate limit of its own, over both protocols together', async (t) => {
  const [seawall] = await behindCertificates(t, { rateLimit: [{ key: 'identity', rate: '1/h', burst: 2 }] })
  const feigned = { 'x-forwarded-for': '6.6.6.6', 'x-client-cert': 'shop' }
  t.equal((await overHttp1(seawall, orders)).status, 201)
  t.equal((await overHttp2(seawall, orders)).status, 201)
  t.equal((await overHttp1(seawall, orders, feigned)).status, 429)
  t.equal((await overHttp2(seawall, orders, feigned)).status, 429)
  t.equal((await overHttp1(seawall, shop)).status, 201, 'another certificate is another caller')
})

test('each certificate has keys of its own, over both protocols together', async (t) => {
  const [seawall, origin] = await behindCertificates(t, { idempotency: { scope: 'mtls' } },
    { stores: { idempotency: { type: 'memory' } } })
  const key = { 'idempotency-key': 'order-42' }
  const first = await overHttp1(seawall, orders, key)
  t.match(first, { status: 201, idempotency: 'executed' })
  t.match(await overHttp2(seawall, orders, key), { status: 201, body: first.body, idempotency: 'replayed' })
  const other = await overHttp2(seawall, shop, key)
  t.match(other, { status: 201, idempotency: 'executed' })
  t.not(other.body, first.body, 'nobody hears what another caller was told')
  t.match(await overHttp1(seawall, shop, key), { body: other.body, idempotency: 'replayed' })
  t.equal(origin.received.length, 2)
})
