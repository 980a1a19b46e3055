// HTTP/2 as its callers see it: requests, answers and their ends, through node's client.

import { connect, constants } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import { test } from 'tap'
import type { Test } from 'tap'
import type { BodySink } from '../core/body.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import type { Work } from '../core/work.ts'
import { RawClient } from './fixtures/raw-client.ts'
import { readBody, reply, stubHouse, textBody } from './fixtures/stub-house.ts'
import type { StubHouse, StubOptions } from './fixtures/stub-house.ts'
import { seen, turn } from './fixtures/turn.ts'

interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly trailers: IncomingHttpHeaders
  readonly resetCode: number
  readonly interim: IncomingHttpHeaders[]
}

interface Pair { readonly house: StubHouse; readonly client: ClientHttp2Session }

async function pair(t: Test, options: StubOptions = {}): Promise<Pair> {
  const house = await stubHouse({ http2: true, ...options })
  const client = connect(house.url)
  client.on('error', () => {})
  t.teardown(() => {
    client.destroy()
    house.close()
  })
  return { house, client }
}

/** What came of a request that was sent, once its stream is closed. */
function answered(stream: ClientHttp2Stream): Promise<Answered> {
  let status = 0
  let text = ''
  let headers: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  const interim: IncomingHttpHeaders[] = []
  stream.setEncoding('latin1')
  stream.on('headers', (got) => { interim.push(got) })
  stream.on('response', (got) => {
    headers = got
    status = got[':status'] ?? 0
  })
  stream.on('trailers', (got) => { trailers = got })
  stream.on('data', (chunk: string) => { text += chunk })
  stream.on('error', () => {})
  return new Promise((resolve) => {
    stream.on('close', () => resolve({ status, headers, text, trailers, resetCode: stream.rstCode, interim }))
  })
}

function ask(client: ClientHttp2Session, headers: OutgoingHttpHeaders = {}, body?: string): Promise<Answered> {
  const stream = client.request({ ':path': '/', ...headers })
  stream.end(body)
  return answered(stream)
}

test('a request and its answer pass as they would over HTTP/1.1', async (t) => {
  let work: Work | null = null
  const { client, house } = await pair(t, {
    handle: async (given) => {
      work = given
      return reply(201, await readBody(given), ['X-Name', 'caf\xe9', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'])
    },
  })
  const answer = await ask(client, { ':method': 'POST', ':path': '/a?b', 'x-in': 'caf\xe9', 'cookie': ['a=1', 'b=2'] },
    'hello')
  t.match(answer, {
    status: 201, text: 'hello', resetCode: 0,
    headers: { 'x-name': 'caf\xe9', 'set-cookie': ['a=1', 'b=2'], 'content-length': '5', 'date': / GMT$/ },
  })
  const { head, identity, isSecure, remoteAddress } = (work as unknown as Work).exchange.caller
  t.match(head, {
    method: 'POST', target: '/a?b', path: '/a', authority: new URL(house.url).host, version: 2,
    headers: ['x-in', 'caf\xe9', 'cookie', 'a=1; b=2'],
  })
  t.strictSame({ identity, isSecure, remoteAddress }, { identity: null, isSecure: false, remoteAddress: '127.0.0.1' })
  await seen(() => house.ended[0])
  t.same(house.defects, [])
})

test('HTTP/1.1 and HTTP/2 are spoken on one port, however slowly the first bytes come', async (t) => {
  const { client, house } = await pair(t)
  t.equal((await ask(client)).text, 'hello')
  const slow = new RawClient(house.url)
  t.teardown(() => slow.destroy())
  for (const byte of 'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n') {
    slow.send(byte)
    await turn()
  }
  t.match(await slow.until(/hello/), /^HTTP\/1\.1 200 /)
  const preface = new RawClient(house.url)
  t.teardown(() => preface.destroy())
  for (const byte of 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0') {
    preface.send(byte)
    await turn()
  }
  await seen(() => preface.received.includes('\0\0\0\x04\x01\0\0\0\0') || null)
  t.equal(preface.received.charCodeAt(3), 4, 'SETTINGS, and theirs acknowledged')
})

test('a listener that does not speak it refuses the preface', async (t) => {
  const house = await stubHouse()
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  t.match(await client.closed(), /^HTTP\/1\.1 (400|505) /)
})

test('answers without a body end with their head, and HEAD keeps the length', async (t) => {
  const { client } = await pair(t, {
    handle: async ({ exchange }) => {
      const { method, path } = exchange.caller.head
      if (method === 'HEAD') return reply(200, 'hello', ['Content-Length', '5'])
      return path === '/none' ? reply(204, null) : reply(304, null, ['Content-Length', '99', 'ETag', '"a"'])
    },
  })
  t.match(await ask(client, { ':method': 'HEAD' }), { status: 200, text: '', headers: { 'content-length': '5' } })
  const none = await ask(client, { ':path': '/none' })
  t.match(none, { status: 204, text: '', resetCode: 0 })
  t.notOk('content-length' in none.headers)
  t.match(await ask(client, { ':path': '/same' }), { status: 304, headers: { 'content-length': '99', 'etag': '"a"' } })
})

test('trailers pass both ways, for who asked', async (t) => {
  let received: RawHeaders | null = null
  const { client } = await pair(t, {
    handle: ({ exchange }) => new Promise((resolve) => {
      const done = (): void => {
        resolve({ ...reply(200, ''), body: textBody('hello', -1, ['X-Sum', '1', 'Content-Length', '9', 'X-Sum', '2']) })
      }
      if (exchange.caller.body === null) return done()
      exchange.caller.body.flow({
        write: () => true, fail: () => {},
        end: (trailers) => {
          received = trailers
          done()
        },
      })
    }),
  })
  const stream = client.request({ ':method': 'POST', ':path': '/', 'te': 'trailers' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-in': '7' }))
  stream.end('body')
  const answer = await answered(stream)
  t.same(received, ['x-in', '7'])
  t.match(answer, { text: 'hello', resetCode: 0, trailers: { 'x-sum': '1, 2' } })
  t.notOk('content-length' in answer.trailers)
  const other = await ask(client)
  t.match(other, { text: 'hello', resetCode: 0 })
  t.notOk('x-sum' in other.trailers)
})

test('interim answers go before the final one', async (t) => {
  const { client } = await pair(t, {
    handle: async ({ exchange }) => {
      exchange.caller.inform(103, ['Link', '</a>', 'Link', '</b>', 'Connection', 'x-hop', 'X-Hop', '1'])
      return reply(200, 'hello')
    },
  })
  const { interim, status } = await ask(client)
  t.equal(status, 200)
  t.equal(interim.length, 1)
  t.match(interim[0], { ':status': 103, 'link': '</a>, </b>' })
  t.notOk('x-hop' in (interim[0] ?? {}))
})

test('refusals are answers, and the connection goes on', async (t) => {
  const { client, house } = await pair(t, { limits: { headerCount: 10, uriBytes: 100 } })
  const many = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`x-${i}`, 'y']))
  const headers = { 'idempotency-status': 'not-processed' }
  t.match(await ask(client, many), { status: 431, text: /request\.headers-too-large/, headers })
  t.match(await ask(client, { ':path': `/${'x'.repeat(100)}` }), { status: 414 })
  t.match(await ask(client, { ':method': 'TRACE' }), { status: 405 })
  t.match(await ask(client, { ':authority': 'a.test', 'host': 'other.test' }), { status: 400 })
  t.match(await ask(client, { ':path': '/nowhere', ':method': 'HEAD' }), { status: 404, text: '', resetCode: 0 })
  t.match(await ask(client), { status: 200 })
  t.same(house.unrouted, ['request.headers-too-large', 'request.uri-too-long', 'request.method', 'request.malformed',
    'route.none'])
})

test('an answer before the end of the upload is whole, and then the upload is called off without blame', async (t) => {
  const { client } = await pair(t, { handle: async () => reply(200, 'enough') })
  const stream = client.request({ ':method': 'POST', ':path': '/' })
  stream.write('some')
  const answer = await answered(stream)
  t.match(answer, { status: 200, text: 'enough', resetCode: constants.NGHTTP2_NO_ERROR })
  t.match(await ask(client), { status: 200 }, 'the connection goes on')
})

test('a body over its bound is 413, a declared one before it is read', async (t) => {
  const { client } = await pair(t, {
    plan: { maxBodyBytes: 10 }, handle: async (work) => reply(200, await readBody(work).catch(() => 'broken')),
  })
  t.match(await ask(client, { ':method': 'POST', 'content-length': '11' }, 'x'.repeat(11)), { status: 413 })
  t.match(await ask(client, { ':method': 'POST' }, 'x'.repeat(11)), { status: 413 })
  t.match(await ask(client, { ':method': 'POST' }, 'x'.repeat(10)), { status: 200 })
})

test('a caller that resets its stream has left, and others have not', async (t) => {
  const works: Work[] = []
  const { client, house } = await pair(t, {
    handle: (work) => {
      works.push(work)
      return new Promise(() => {})
    },
  })
  const stream = client.request({ ':path': '/' })
  stream.on('error', () => {})
  const other = client.request({ ':path': '/' })
  other.on('error', () => {})
  await seen(() => works[1])
  stream.close(constants.NGHTTP2_CANCEL)
  const ended = await seen(() => house.ended[0])
  t.equal(ended, works[0]?.exchange)
  t.equal(house.ended.length, 1)
  client.destroy()
  await seen(() => house.ended[1])
})

test('an answer that breaks off is reset, never ended', async (t) => {
  let sink: BodySink | null = null
  const { client } = await pair(t, {
    handle: async () => ({
      ...reply(200, ''),
      body: { length: -1, flow: (to) => { sink = to }, resume: () => {}, discard: () => {} },
    }),
  })
  const answer = ask(client)
  const begun = await seen(() => sink)
  begun.write(Buffer.from('half'))
  await turn()
  begun.fail('the origin broke off')
  t.match(await answer, { status: 200, resetCode: constants.NGHTTP2_INTERNAL_ERROR })
})

test('a status that HTTP/2 cannot say is a reset, and nothing else suffers', async (t) => {
  const { client, house } = await pair(t, {
    handle: async ({ exchange }) => reply(exchange.caller.head.path === '/odd' ? 799 : 200, 'hello'),
  })
  t.match(await ask(client, { ':path': '/odd' }), { status: 0, resetCode: constants.NGHTTP2_INTERNAL_ERROR })
  t.match(await ask(client), { status: 200 })
  t.same(house.defects, [])
})

test('a body that stops coming is 408', async (t) => {
  const { client } = await pair(t, {
    timeouts: { requestIdleMs: 60 }, handle: async (work) => reply(200, await readBody(work).catch(() => 'broken')),
  })
  const stream = client.request({ ':method': 'POST', ':path': '/' })
  stream.write('half')
  t.match(await answered(stream), { status: 408, text: /request\.timeout/ })
})

test('an idle connection is told and closed', async (t) => {
  const { client } = await pair(t, { timeouts: { keepAliveMs: 60 } })
  const goaway = new Promise((resolve) => { client.on('goaway', (code: number) => resolve(code)) })
  const closed = new Promise((resolve) => { client.on('close', () => resolve(true)) })
  t.match(await ask(client), { status: 200 })
  t.equal(await goaway, constants.NGHTTP2_NO_ERROR)
  t.ok(await closed)
})

test('connections of one caller are bounded whatever they speak', async (t) => {
  const { client, house } = await pair(t, { limits: { connectionsPerCaller: 1 } })
  t.match(await ask(client), { status: 200 })
  const second = connect(house.url)
  const refused = await new Promise((resolve) => {
    second.on('error', () => {})
    second.on('close', () => resolve(true))
  })
  t.ok(refused)
  t.match(house.server.inspect(), { connections: 1, refusedConnections: 1 })
})

test('a refusal says in its document what it knows, as over HTTP/1.1', async (t) => {
  const members = { reason: 'reset', ref: 'a:b' }
  const { client } = await pair(t, {
    handle: async () => ({
      kind: 'refused', by: 'recall', code: 'idempotency.outcome-unknown', status: 409, retryAfterMs: 0, members,
    }),
  })
  const { status, headers, text } = await ask(client, { ':method': 'POST' })
  t.equal(status, 409)
  t.equal(headers['content-length'], String(text.length))
  t.match(JSON.parse(text), { code: 'idempotency.outcome-unknown', retry: 'reconcile', ...members })
})
