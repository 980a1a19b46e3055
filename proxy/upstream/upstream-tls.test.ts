// TLS towards upstreams: who is believed, what is asked for, what is shown, and that nothing is sent before that.

import { createServer } from 'node:tls'
import type { TlsOptions } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { test } from 'tap'
import type { Test } from 'tap'
import {
  clientKey, cnClientCertificate, serverCertificate, serverKey, testCa,
} from '../edge/fixtures/test-certificates.ts'
import type { Upstream } from '../core/upstream.ts'
import { createHttp1Upstream } from './http1-upstream.ts'
import type { Http1UpstreamOptions } from './http1-upstream.ts'
import { answer, sendOver } from './fixtures/leaf-bench.ts'
import { leafOptions } from './fixtures/leaf-fixture.ts'
import type { Sent } from './fixtures/leaf-fixture.ts'
import { testCertificate, testKey } from './fixtures/test-certificate.ts'

/** What the origin saw of each connection that sent something. */
interface Seen { readonly servername: unknown; readonly alpn: unknown; readonly client: string }

interface Secured { readonly sent: Sent; readonly seen: readonly Seen[]; readonly upstream: Upstream }

/** An origin behind TLS, and an attempt over an upstream in front of it. */
async function secured(
  t: Test, tls: Http1UpstreamOptions['tls'], server: TlsOptions = {}, host = '127.0.0.1',
): Promise<Secured> {
  const seen: Seen[] = []
  const origin = createServer({ key: testKey, cert: testCertificate, ...server }, (socket) => {
    socket.on('error', () => {})
    socket.on('data', () => {
      const { CN } = socket.getPeerCertificate().subject ?? {}
      seen.push({ servername: socket.servername, alpn: socket.alpnProtocol, client: String(CN) })
      socket.write(answer('hi'))
    })
  })
  origin.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => { origin.listen(0, '127.0.0.1', resolve) })
  const { port } = origin.address() as AddressInfo
  const upstream = createHttp1Upstream({
    ...leafOptions([], { endpoints: [{ url: `https://${host}:${port}`, host, port, isSecure: true }] }), tls,
    lookup: (_name, answered) => { answered(null, [{ address: '127.0.0.1', family: 4 }]) },
  })
  t.teardown(() => {
    upstream.close()
    origin.close()
  })
  const sent = sendOver(upstream)
  t.teardown(() => sent.attempt.leaf?.cut())
  return { sent, seen, upstream }
}

/** It failed before anything was sent. */
async function isRefusedByUs(t: Test, { sent, seen }: Secured): Promise<void> {
  t.equal(await sent.fault(), 'upstream.tls')
  t.equal(sent.attempt.work.delivered, 'no')
  t.equal(seen.length, 0)
}

test('an address is verified as an address, and no name is asked for', async (t) => {
  const { sent, seen } = await secured(t, { ca: testCertificate }, { ALPNProtocols: ['http/1.1'] })
  t.equal((await sent.body()).text, 'hi')
  t.match(seen, [{ servername: false, alpn: 'http/1.1' }])
})

test('the name of the endpoint is asked for and verified', async (t) => {
  const { sent, seen } = await secured(t, { ca: testCertificate }, {}, 'origin.test')
  t.equal((await sent.body()).text, 'hi')
  t.match(seen, [{ servername: 'origin.test' }])
})

test('another name can be asked for and verified in its place', async (t) => {
  for (const host of ['127.0.0.1', 'inner.test']) {
    const { sent, seen } = await secured(t, { ca: testCertificate, serverName: 'origin.test' }, {}, host)
    t.equal((await sent.body()).text, 'hi')
    t.match(seen, [{ servername: 'origin.test' }])
  }
})

test('an authority that nobody named is not believed', async (t) => {
  for (const tls of [undefined, {}, { ca: testCa }]) await isRefusedByUs(t, await secured(t, tls))
})

test('who is not believed is there all the same: nobody waits for him to start', async (t) => {
  const { upstream } = await secured(t, {})
  t.equal(await upstream.probe(1000), null)
})

test('a certificate for another name is not believed', async (t) => {
  await isRefusedByUs(t, await secured(t, { ca: testCertificate }, {}, 'other.test'))
  await isRefusedByUs(t, await secured(t, { ca: testCertificate, serverName: 'other.test' }))
  const edge = { key: serverKey, cert: serverCertificate }
  await isRefusedByUs(t, await secured(t, { ca: testCa }, edge, 'origin.test'))
})

test('anybody is believed where that is written', async (t) => {
  const { sent } = await secured(t, { verifies: false }, {}, 'other.test')
  t.equal((await sent.body()).text, 'hi')
})

test('a client certificate is shown to who asks for it', async (t) => {
  const asks = { requestCert: true, rejectUnauthorized: true, ca: testCa }
  const tls = { ca: testCertificate, cert: cnClientCertificate, key: clientKey }
  const { sent, seen } = await secured(t, tls, asks)
  t.equal((await sent.body()).text, 'hi')
  t.not(seen[0]?.client, 'undefined')
})

test('an origin that asks for a certificate in vain is a failure of TLS', async (t) => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const asks = { requestCert: true, rejectUnauthorized: true, ca: testCa, maxVersion }
    const { sent, seen } = await secured(t, { ca: testCertificate }, asks)
    t.equal(await sent.fault(), 'upstream.tls', maxVersion)
    t.equal(seen.length, 0)
  }
})

test('what is older than TLS 1.2 is not spoken', async (t) => {
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  await isRefusedByUs(t, await secured(t, { ca: testCertificate }, old))
})

test('files that cannot be used are found when the upstream is made', (t) => {
  const endpoints = [{ url: 'https://a.test', host: 'a.test', port: 443, isSecure: true }]
  t.throws(() => createHttp1Upstream({ ...leafOptions([], { endpoints }), tls: { cert: 'no PEM', key: 'neither' } }))
  t.end()
})
