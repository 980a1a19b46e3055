// HTTP/2 towards upstreams as they should be: what travels and how, how many sessions there are and until when, who is
// spoken to in which protocol. Those that break the rules are in http2-frames.test.ts.

import { constants, createSecureServer, createServer } from 'node:http2'
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream, ServerOptions } from 'node:http2'
import { createServer as createHttp1Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { test } from 'tap'
import type { Test } from 'tap'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { systemClock } from '../core/clock.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import type { Upstream } from '../core/upstream.ts'
import { sendOver, turn } from './fixtures/leaf-bench.ts'
import { bodyOf, Collected, PushedBody } from './fixtures/leaf-bodies.ts'
import { leafOptions } from './fixtures/leaf-fixture.ts'
import type { RequestShape, Sent } from './fixtures/leaf-fixture.ts'
import { createHttp1Upstream } from './http1-upstream.ts'
import type { Http1UpstreamOptions } from './http1-upstream.ts'
import { testCertificate, testKey } from './fixtures/test-certificate.ts'

interface Asked {
  readonly stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
  readonly raw: RawHeaders
  readonly endsHere: boolean
}

type Script = (asked: Asked) => void

interface Origin {
  readonly port: number
  readonly asked: Asked[]
  readonly sessions: ServerHttp2Session[]
  readonly server: Http2Server
}

async function originOf(t: Test, script: Script, options: ServerOptions = {}, isSecure = false): Promise<Origin> {
  const asked: Asked[] = []
  const sessions: ServerHttp2Session[] = []
  const server = isSecure
    ? createSecureServer({ key: testKey, cert: testCertificate, ...options })
    : createServer(options)
  server.on('session', (session) => {
    sessions.push(session)
    session.on('error', () => {})
  })
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, raw: RawHeaders) => {
    stream.on('error', () => {})
    const one = { stream, headers, raw, endsHere: (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0 }
    asked.push(one)
    script(one)
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, asked, sessions, server }
}

interface Near { readonly upstream: Upstream; send(shape?: RequestShape): Sent }

function inFrontOf(t: Test, port: number, options: Partial<Http1UpstreamOptions> = {}, isSecure = false): Near {
  const scheme = isSecure ? 'https' : 'http'
  const endpoints = [{ url: `${scheme}://127.0.0.1:${port}`, host: '127.0.0.1', port, isSecure }]
  const upstream = createHttp1Upstream({
    ...leafOptions([], { endpoints }), http2: true, ...(isSecure ? { tls: { ca: testCertificate } } : {}), ...options,
  })
  t.teardown(() => { upstream.close() })
  return { upstream, send: (shape) => sendOver(upstream, shape) }
}

const hi: Script = ({ stream }) => {
  stream.respond({ ':status': 200, 'content-length': '2' })
  stream.end('hi')
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 20_000; i++) {
    if (holds()) return
    await turn()
  }
  throw new Error(`it never came that ${what}`)
}

test('a head goes out as fields of HTTP/2, with what we add and without what ends here', async (t) => {
  const { port, asked } = await originOf(t, hi)
  const { send } = inFrontOf(t, port)
  const headers = [
    'Host', 'shop.example', 'X-Name', 'a', 'x-name', 'b', 'Connection', 'close, X-Hop', 'X-Hop', '1', 'Keep-Alive', '5',
    'Upgrade', 'h2c', 'TE', 'trailers, gzip', 'Proxy-Authorization', 'x', 'Cookie', 'a=1; b=2',
  ]
  await send({ method: 'DELETE', target: '/a%2Fb?c=d', headers }).body()
  const [{ raw, endsHere }] = asked as [Asked]
  t.strictSame(raw.slice(0, 8), [
    ':method', 'DELETE', ':scheme', 'http', ':authority', 'shop.example', ':path', '/a%2Fb?c=d',
  ])
  t.ok(endsHere)
  const names = raw.filter((_, i) => i % 2 === 0)
  t.ok(names.every((name) => name === name.toLowerCase()))
  t.strictSame(names.filter((name) => name === 'x-name').length, 2)
  const ended = ['host', 'connection', 'x-hop', 'keep-alive', 'upgrade', 'proxy-authorization', 'content-length']
  for (const name of ended) t.notOk(names.includes(name), name)
  const at = (name: string): string | undefined => raw[raw.indexOf(name) + 1]
  t.equal(at('te'), 'trailers')
  t.equal(at('via'), '1.1 seawall-test')
  t.equal(at('cookie'), 'a=1; b=2')
  for (const name of ['x-request-id', 'traceparent', 'x-forwarded-for', 'forwarded', 'x-envoy-attempt-count']) {
    t.ok(names.includes(name), name)
  }
})

test('a configured host is the authority', async (t) => {
  const { port, asked } = await originOf(t, hi)
  await inFrontOf(t, port).send({ forwarding: { host: 'api.provider.example' } }).body()
  t.equal(asked[0]?.headers[':authority'], 'api.provider.example')
})

test('an answer keeps its status, order and repetition, and has its length', async (t) => {
  const fields = ['x-b', 'two words', 'set-cookie', 'a', 'set-cookie', 'b', 'content-length', '2', 'x-e', '\xe9']
  const { port } = await originOf(t, ({ stream }) => {
    stream.respond([':status', '203', ...fields], { sendDate: false } as object)
    stream.end('hi')
  })
  const sent = inFrontOf(t, port).send()
  const reply = await sent.reply()
  t.equal(reply.status, 203)
  t.strictSame(reply.headers, fields)
  t.equal(reply.body?.length, 2)
  t.equal((await sent.body()).text, 'hi')
  await sent.closed
  t.equal(sent.attempt.work.delivered, 'yes')
})

test('bodies of both directions keep their trailers', async (t) => {
  let trailers: RawHeaders = []
  const { port } = await originOf(t, ({ stream }) => {
    let text = ''
    stream.on('trailers', (_fields: object, _flags: number, raw: RawHeaders) => { trailers = raw })
    stream.on('data', (chunk: Buffer) => { text += chunk.toString() })
    stream.on('end', () => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true })
      stream.on('wantTrailers', () => { stream.sendTrailers({ 'x-sum': ['1', '2'] }) })
      stream.end(text)
    })
  })
  const given = ['X-Check', '42', 'Content-Length', '3', 'Connection', 'close', 'x-check', '43']
  const sent = inFrontOf(t, port).send({ method: 'POST', body: bodyOf(['hel', '', 'lo'], -1, given) })
  const sink = await sent.body()
  t.equal(sink.text, 'hello')
  t.strictSame(sink.trailers, ['x-sum', '1', 'x-sum', '2'])
  await until('the trailers came', () => trailers.length > 0)
  t.strictSame(trailers, ['x-check', '42', 'x-check', '43'])
})

test('a body of known length says it, one of unknown length does not, and none ends with the head', async (t) => {
  const { port, asked } = await originOf(t, ({ stream }) => {
    stream.resume()
    stream.on('end', () => { stream.respond({ ':status': 204 }, { endStream: true }) })
  })
  const { send } = inFrontOf(t, port)
  await send({ method: 'POST', body: bodyOf(['hello'], 5) }).body()
  await send({ method: 'POST', body: bodyOf(['hello'], -1) }).body()
  await send({ method: 'GET' }).body()
  await send({ method: 'POST' }).body()
  t.strictSame(asked.map(({ headers, endsHere }) => [headers['content-length'], endsHere]), [
    ['5', false], [undefined, false], [undefined, true], ['0', true],
  ])
})

test('interim answers are told, 100 only to a body that waits for it', async (t) => {
  const { port } = await originOf(t, ({ stream, headers }) => {
    stream.additionalHeaders({ ':status': 103, 'link': '</a>' })
    stream.additionalHeaders({ ':status': 100 })
    stream.resume()
    t.equal(headers.expect, headers[':method'] === 'PUT' ? '100-continue' : undefined)
    stream.on('end', () => { stream.respond({ ':status': 200 }, { endStream: true }) })
  })
  const { send } = inFrontOf(t, port)
  const plain = send()
  await plain.reply()
  t.match(plain.interim, [{ status: 103, headers: ['link', '</a>'] }])
  t.equal(plain.interim.length, 1)
  const waiting = send({ method: 'PUT', expectsContinue: true, body: bodyOf(['hello'], 5) })
  await waiting.reply()
  t.strictSame(waiting.interim.map(({ status }) => status), [103, 100])
})

test('a final answer instead of the 100 leaves the body where it is', async (t) => {
  const { port } = await originOf(t, ({ stream }) => {
    stream.respond({ ':status': 417 }, { endStream: true })
  })
  const body = bodyOf(['hello'], 5)
  const sent = inFrontOf(t, port).send({ method: 'PUT', expectsContinue: true, body })
  t.equal((await sent.reply()).status, 417)
  await sent.closed
  t.equal(body.sink, null)
})

test('answers without a body have none, with whatever length', async (t) => {
  const { port } = await originOf(t, ({ stream, headers }) => {
    const status = Number(headers['x-status'])
    stream.respond({ ':status': status, ...(status === 204 ? {} : { 'content-length': '99' }) }, { endStream: true })
  })
  const { send } = inFrontOf(t, port)
  for (const [method, status] of [['HEAD', '200'], ['GET', '304'], ['GET', '204']] as const) {
    const sent = send({ method, headers: ['host', 'a', 'x-status', status] })
    const reply = await sent.reply()
    t.equal(reply.body, null)
    if (status !== '204') t.ok(reply.headers.includes('99'))
    await sent.closed
  }
})

test('an origin that does not read slows the upload, and reading takes it up again', async (t) => {
  const size = 8 * 1024 * 1024
  const { promise: reading, resolve: read } = Promise.withResolvers<void>()
  const { port } = await originOf(t, ({ stream }) => {
    let received = 0
    void reading.then(() => stream.on('data', (chunk: Buffer) => { received += chunk.length }))
    stream.on('end', () => { stream.respond({ ':status': received === size ? 200 : 500 }, { endStream: true }) })
  })
  const body = new PushedBody(size)
  const sent = inFrontOf(t, port).send({ method: 'POST', body })
  await body.flowing
  const block = 'x'.repeat(64 * 1024)
  const pump = { pushed: 0, isWaiting: false }
  const turnOn = async (): Promise<void> => {
    if (body.resumes > 0) [body.resumes, pump.isWaiting] = [0, false]
    while (!pump.isWaiting && pump.pushed < size) {
      pump.pushed += block.length
      pump.isWaiting = !body.push(block)
    }
    await turn()
  }
  for (let i = 0; i < 100; i++) await turnOn()
  t.ok(pump.pushed < size / 2, `${pump.pushed} bytes were taken while nobody read`)
  read()
  await until('all of it is taken', () => {
    void turnOn()
    return pump.pushed >= size
  })
  body.sink?.end(null)
  t.equal((await sent.reply()).status, 200)
})

test('a body that nobody reads stops its origin and not its neighbours', async (t) => {
  const size = 16 * 1024 * 1024
  let written = 0
  const { port, sessions } = await originOf(t, ({ stream, headers }) => {
    if (headers[':path'] !== '/large') return hi({ stream, headers, raw: [], endsHere: true })
    stream.respond({ ':status': 200, 'content-length': String(size) })
    const block = Buffer.alloc(64 * 1024, 'x')
    const next = (): void => {
      if (written === size) return void stream.end()
      written += block.length
      stream.write(block, next)
    }
    next()
  })
  const { send } = inFrontOf(t, port)
  const sent = send({ target: '/large' })
  const reply = await sent.reply()
  const sink = new Collected()
  sink.isStopped = true
  reply.body?.flow(sink)
  for (let i = 0; i < 300; i++) await turn()
  t.ok(sink.bytes <= 128 * 1024, `a stopped sink was given ${sink.bytes} bytes`)
  t.ok(written < size / 4, `the origin could write ${written} bytes`)
  t.equal((await send().body()).text, 'hi')
  sink.isStopped = false
  reply.body?.resume()
  await sink.over
  t.equal(sink.bytes, size)
  t.equal(sessions.length, 1)
})

test('attempts share one session, up to what the peer takes, and then another one', async (t) => {
  const { promise: going, resolve: go } = Promise.withResolvers<void>()
  const most: number[] = []
  const { port, asked, sessions } = await originOf(t, ({ stream }) => {
    const open = new Map<unknown, number>()
    for (const { stream: one } of asked) if (!one.destroyed) open.set(one.session, (open.get(one.session) ?? 0) + 1)
    most.push(...open.values())
    void going.then(() => { hi({ stream, headers: {}, raw: [], endsHere: true }) })
  }, { settings: { maxConcurrentStreams: 10 } })
  const { upstream, send } = inFrontOf(t, port)
  const all = Array.from({ length: 35 }, () => send())
  await until('all have come', () => asked.length === 35)
  t.equal(sessions.length, 4)
  t.equal(Math.max(...most), 10)
  t.match(upstream.inspect(), { connections: 4, idle: 0, busy: 4 })
  go()
  for (const sent of all) t.equal((await sent.body()).text, 'hi')
  for (let i = 0; i < 20; i++) t.equal((await send().body()).text, 'hi')
  t.equal(sessions.length, 4)
})

test('as many sessions are opened at once as are needed, once it is known how much one takes', async (t) => {
  const { port } = await originOf(t, hi, { settings: { maxConcurrentStreams: 10 } })
  const { upstream, send } = inFrontOf(t, port)
  await send().body()
  await until('it is free', () => upstream.inspect()['idle'] === 1)
  const all = Array.from({ length: 35 }, () => send())
  t.match(upstream.inspect(), { connectionsOpened: 4, connectionsReused: 10 })
  for (const sent of all) t.equal((await sent.body()).text, 'hi')
})

test('an unused session ends, and so does one that is too old for its name', async (t) => {
  const clock = new VirtualClock()
  const { port, sessions } = await originOf(t, hi)
  const { upstream, send } = inFrontOf(t, port, { clock })
  await send().body()
  await until('it is free', () => upstream.inspect()['idle'] === 1)
  await clock.run(3900)
  t.match(upstream.inspect(), { connections: 1 })
  await clock.run(5100)
  t.match(upstream.inspect(), { connections: 0 })
  await until('the peer hears of it', () => sessions[0]?.destroyed === true)

  const endpoints = [{ url: `http://a.test:${port}`, host: 'a.test', port, isSecure: false }]
  const named = inFrontOf(t, port, {
    clock, endpoints, random: () => 0.5, timeouts: { connectMs: 1000, idleMs: 60_000, keepAliveMs: 600_000 },
    lookup: (_name, answered) => { answered(null, [{ address: '127.0.0.1', family: 4 }]) },
  })
  const start = clock.now()
  await named.send().body()
  await clock.run(start + 59_000)
  t.match(named.upstream.inspect(), { connections: 1 })
  await clock.run(start + 61_100)
  t.match(named.upstream.inspect(), { connections: 0 })
})

test('over TLS HTTP/2 is spoken where it is offered, and told how long a connection took', async (t) => {
  const waits: number[] = []
  const { port, asked } = await originOf(t, hi, {}, true)
  const { send } = inFrontOf(t, port, { onConnectionWait: (ms) => { waits.push(ms) } }, true)
  t.equal((await send().body()).text, 'hi')
  t.equal((await send().body()).text, 'hi')
  t.equal(asked[0]?.headers[':scheme'], 'https')
  t.equal(waits.length, 1)
})

test('an endpoint that offers HTTP/1.1 alone is spoken to in that, and asked once', async (t) => {
  let handshakes = 0
  const server = createTlsServer({ key: testKey, cert: testCertificate, ALPNProtocols: ['http/1.1'] })
  const http1 = createHttp1Server((request, response) => { response.end(request.httpVersion) })
  server.on('secureConnection', (socket) => {
    handshakes++
    http1.emit('connection', socket)
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.close() })
  const { upstream, send } = inFrontOf(t, (server.address() as AddressInfo).port, {}, true)
  const first = Array.from({ length: 5 }, () => send())
  for (const sent of first) t.equal((await sent.body()).text, '1.1')
  for (const sent of first) await sent.closed
  t.equal((await send().body()).text, '1.1')
  // Ours may have gone before the server took note of it.
  t.ok(handshakes <= 6, `${handshakes} handshakes`)
  t.equal(await upstream.probe(1000), null)
  t.equal(await upstream.check(upstream.endpoints[0] as never, '/health', 1000), 200)
})

test('an origin that asks for HTTP/1.1 for a request gets it there', async (t) => {
  const { port, server, asked } = await originOf(t, ({ stream }) => {
    stream.close(constants.NGHTTP2_HTTP_1_1_REQUIRED)
  }, { allowHTTP1: true } as object, true)
  server.on('request', ({ httpVersion }, response) => { if (httpVersion === '1.1') response.end('over 1.1') })
  const { send } = inFrontOf(t, port, {}, true)
  t.equal((await send({ method: 'POST' }).body()).text, 'over 1.1')
  t.equal((await send().body()).text, 'over 1.1')
  t.equal(asked.length, 1)
})

test('who is not believed is not spoken to in HTTP/2 either', async (t) => {
  const { port, asked } = await originOf(t, hi, {}, true)
  for (const tls of [{}, { ca: testCertificate, serverName: 'other.test' }]) {
    const sent = inFrontOf(t, port, { tls }, true).send()
    t.equal(await sent.fault(), 'upstream.tls')
    t.equal(sent.attempt.work.delivered, 'no')
  }
  t.equal(asked.length, 0)
})

test('connections that cannot be had are told as over HTTP/1.1', async (t) => {
  const { port, server } = await originOf(t, hi)
  await new Promise<void>((resolve) => { server.close(() => { resolve() }) })
  t.equal(await inFrontOf(t, port).send().fault(), 'upstream.refused')
  const endpoints = [{ url: 'http://nobody.invalid', host: 'nobody.invalid', port: 80, isSecure: false }]
  t.equal(await inFrontOf(t, port, { endpoints }).send().fault(), 'upstream.dns')
})

test('an attempt that is cut while it waits for a session is not sent', async (t) => {
  const { port, asked } = await originOf(t, hi)
  const { send } = inFrontOf(t, port)
  const sent = send()
  sent.attempt.cut({ kind: 'abandoned', by: 'caller', elapsedMs: 1 }, systemClock.now())
  await sent.closed
  t.equal(sent.attempt.work.delivered, 'no')
  t.equal((await send().body()).text, 'hi')
  t.equal(asked.length, 1)
})

test('checks and probes speak the protocol of the endpoint', async (t) => {
  const { port, asked, server } = await originOf(t, ({ stream }) => {
    stream.respond({ ':status': 503 }, { endStream: true })
  })
  const { upstream } = inFrontOf(t, port, { host: 'api.example' })
  const [endpoint] = upstream.endpoints
  t.equal(await upstream.check(endpoint as never, '/health?a=b', 1000), 503)
  t.match(asked[0]?.headers, { ':path': '/health?a=b', ':authority': 'api.example', ':method': 'GET' })
  t.equal(await upstream.probe(1000), null)
  await new Promise<void>((resolve) => { server.close(() => { resolve() }) })
  t.equal(await upstream.check(endpoint as never, '/health', 1000), 'upstream.refused')
})

test('a check that is not answered, or is reset, has its fault', async (t) => {
  const { port } = await originOf(t, ({ stream, headers }) => {
    if (headers[':path'] === '/reset') stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  })
  const { upstream } = inFrontOf(t, port)
  const [endpoint] = upstream.endpoints
  t.equal(await upstream.check(endpoint as never, '/silent', 50), 'upstream.timeout')
  t.equal(await upstream.check(endpoint as never, '/reset', 1000), 'upstream.reset')
})

test('closing lets what runs come to its end, and nothing stay', async (t) => {
  const { promise: going, resolve: go } = Promise.withResolvers<void>()
  const { port, sessions } = await originOf(t, ({ stream, headers }) => {
    void going.then(() => { hi({ stream, headers, raw: [], endsHere: true }) })
  })
  const { upstream, send } = inFrontOf(t, port)
  const sent = send()
  await until('it was sent', () => sent.attempt.sentAt >= 0)
  upstream.close()
  go()
  t.equal((await sent.body()).text, 'hi')
  await until('nothing is open', () => upstream.inspect()['connections'] === 0 && sessions[0]?.destroyed === true)
})
