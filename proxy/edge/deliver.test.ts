// How answers reach a caller: heads, framing, interim answers, trailers, streams, slow readers and breaks.

import { test } from 'tap'
import type { BodySink, BodySource } from '../core/body.ts'
import type { Reply } from '../core/outcome.ts'
import { RawClient } from './fixtures/raw-client.ts'
import { readBody, reply, stubHouse, textBody } from './fixtures/stub-house.ts'
import { nothing, turn } from './fixtures/turn.ts'

const get = (target: string, ...fields: string[]): string =>
  [`GET ${target} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')

/** A body that its test writes by hand. */
class HandBody implements BodySource {
  readonly length: number
  sink: BodySink | null = null
  resumed = 0
  isDiscarded = false
  constructor(length: number) { this.length = length }
  flow(sink: BodySink): void { this.sink = sink }
  resume(): void { this.resumed++ }
  discard(): void { this.isDiscarded = true }
}

const streamed = (body: BodySource, ...headers: string[]): Reply => ({ ...reply(200, null, headers), body })

test(`what ends at this hop stays here, all else keeps order, case and repetition`, async (t) => {
  const house = await stubHouse({ handle: async () => reply(200, 'x', [
    'Set-Cookie', 'a=1', 'Server', 'origin', 'Connection', 'X-Secret, close', 'Keep-Alive', 'timeout=1',
    'X-Secret', '1', 'Transfer-Encoding', 'chunked', 'Set-Cookie', 'b=2', 'Date', 'Thu, 01 Jan 1970 00:00:00 GMT',
    'Content-Length', '99', 'X-Latin', 'caf\xe9', 'Upgrade', 'h2c', 'Trailer', 'x', 'X-Remove', '1',
  ]), plan: { forwarding: {
    host: null, via: 'seawall-test', stripPrefix: '', requestRemove: new Set(), requestSet: [],
    responseRemove: new Set(['x-remove']), responseSet: ['X-Added', '2'], tellsTiming: false, trusts: () => false,
  } } })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get('/'))
  const received = await client.until(/\r\n\r\nx/)
  t.match(received, /Set-Cookie: a=1\r\nServer: origin\r\nSet-Cookie: b=2\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n/)
  t.match(received, /X-Latin: caf\xe9\r\nX-Added: 2\r\n/)
  t.match(received, /content-length: 1\r\n/i)
  t.notMatch(received, /secret|transfer-encoding|upgrade|trailer|x-remove|timeout=1\r|: 99|date:.*date:/is)
  client.destroy()
})

test(`answers without a body by rule have none, and keep a length that means one`, async (t) => {
  const cases = [
    { method: 'HEAD', status: 200, keeps: true }, { method: 'GET', status: 304, keeps: true },
    { method: 'GET', status: 204, keeps: false }, { method: 'HEAD', status: 404, keeps: true },
  ]
  let status = 200
  const house = await stubHouse({ handle: async () => reply(status, null, ['Content-Length', '99']) })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  for (const c of cases) {
    status = c.status
    client.received = ''
    client.send(`${c.method} / HTTP/1.1\r\nHost: x\r\n\r\n`)
    const received = await client.until(/\r\n\r\n/)
    t.match(received, new RegExp(`^HTTP/1\\.1 ${c.status} [^]*\\r\\n\\r\\n$`))
    t.equal(/content-length: 99/i.test(received), c.keeps, `${c.method} ${c.status}`)
    t.notMatch(received, /transfer-encoding/i)
  }
  // The connection is in step: a body that was not announced would show here.
  status = 200
  client.received = ''
  client.send(get('/'))
  t.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 200 .*content-length: 0/si)
  client.destroy()
})

test(`an unknown length is chunked for HTTP/1.1, and ends by closing for 1.0`, async (t) => {
  const house = await stubHouse({ handle: async () => streamed(textBody('hello', -1)) })
  t.teardown(() => house.close())
  const modern = new RawClient(house.url)
  modern.send(get('/'))
  t.match(await modern.until(/0\r\n\r\n$/), /transfer-encoding: chunked.*\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/si)
  const old = new RawClient(house.url)
  old.send('GET / HTTP/1.0\r\n\r\n')
  const received = await old.closed()
  t.match(received, /\r\n\r\nhello$/)
  t.notMatch(received, /transfer-encoding/i)
  for (const client of [modern, old]) client.destroy()
})

test(`trailers reach only callers that said they take them, without dangerous ones`, async (t) => {
  const trailers = ['X-Sum', '1', 'Content-Length', '5', 'Set-Cookie', 'a', 'Grpc-Status', '0']
  const house = await stubHouse({
    handle: async () => streamed(textBody('hello', -1, trailers), 'Trailer', 'X-Sum'),
  })
  t.teardown(() => house.close())
  const [taking, other] = [new RawClient(house.url), new RawClient(house.url)]
  taking.send(get('/', 'TE: trailers', 'Connection: TE'))
  t.match(await taking.until(/\r\n0\r\n.*\r\n\r\n$/s), /hello\r\n0\r\nX-Sum: 1\r\nGrpc-Status: 0\r\n\r\n$/)
  other.send(get('/'))
  t.match(await other.until(/\r\n0\r\n/), /hello\r\n0\r\n\r\n$/)
  for (const client of [taking, other]) client.destroy()
})

test(`interim answers travel at once, but not to HTTP/1.0`, async (t) => {
  const house = await stubHouse({ handle: async (work) => {
    work.inform(103, ['Link', '</a>; rel=preload', 'Connection', 'x-hop', 'X-Hop', '1', 'Content-Length', '3'])
    work.inform(142, ['X-Odd', 'yes'])
    work.inform(100, [])
    return reply(200, 'done')
  } })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get('/'))
  const received = await client.until(/done/)
  const [hints, odd, final] = received.split('\r\n\r\n')
  t.equal(hints, 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload')
  t.match(odd, /^HTTP\/1\.1 142 [^\r]*\r\nX-Odd: yes$/)
  t.match(final, /^HTTP\/1\.1 200 /)
  const old = new RawClient(house.url)
  old.send('GET / HTTP/1.0\r\n\r\n')
  t.match(await old.closed(), /^HTTP\/1\.1 200 /)
  for (const c of [client, old]) c.destroy()
})

test(`100 Continue comes from the origin, not from us`, async (t) => {
  let allow: () => void = nothing
  const house = await stubHouse({ handle: async (work) => {
    t.equal(work.exchange.caller.head.expectsContinue, true)
    await new Promise<void>((resolve) => { allow = resolve })
    work.inform(100, [])
    return reply(200, `[${await readBody(work)}]`)
  } })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send('POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n')
  for (let i = 0; i < 20; i++) await turn()
  t.equal(client.received, '')
  allow()
  await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
  client.send('abc')
  t.match(await client.until(/\[abc\]/), /HTTP\/1\.1 200 /)
  client.send(get('/'))
  client.destroy()
})

test(`a refused expectation closes, since the body may come or not`, async (t) => {
  const house = await stubHouse({ handle: async () => reply(403, 'no') })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send('POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n')
  t.match(await client.closed(), /^HTTP\/1\.1 403 .*connection: close.*no$/si)
  client.destroy()
})

test(`the head of a stream is seen before its first byte`, async (t) => {
  const body = new HandBody(-1)
  const house = await stubHouse({ handle: async () => streamed(body, 'Content-Type', 'text/event-stream') })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get('/'))
  await client.until(/\r\n\r\n$/)
  body.sink?.write(Buffer.from('data: 1\n\n'))
  await client.until(/data: 1\n\n/)
  t.equal(house.ended.length, 0)
  client.destroy()
  while (house.ended.length === 0) await turn()
  t.equal(house.ended[0]?.isStream, true)
  t.equal(house.ended[0]?.status, 200)
})

test(`a slow reader stops the source and starts it again`, async (t) => {
  const body = new HandBody(-1)
  const house = await stubHouse({ handle: async () => streamed(body) })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.socket.pause()
  client.send(get('/'))
  while (body.sink === null) await turn()
  const chunk = Buffer.alloc(65_536, 'x')
  let written = 0
  while (body.sink.write(chunk)) {
    written += chunk.length
    t.ok(written < 64 * 1024 * 1024, 'somebody says enough')
    await turn()
  }
  t.equal(body.resumed, 0)
  client.socket.resume()
  while (body.resumed === 0) await turn()
  body.sink.end(null)
  await client.until(/\r\n0\r\n\r\n$/)
  t.equal((client.received.match(/x/g) ?? []).length, written + chunk.length)
  client.destroy()
})

test(`an answer that breaks never looks complete`, async (t) => {
  const cases: { what: string, length: number, request: string, isReset?: boolean }[] = [
    { what: 'with a length', length: 100, request: get('/') },
    { what: 'chunked', length: -1, request: get('/') },
    { what: 'ended by the connection', length: -1, request: 'GET / HTTP/1.0\r\n\r\n', isReset: true },
  ]
  let body = new HandBody(0)
  const house = await stubHouse({ handle: async () => streamed(body) })
  t.teardown(() => house.close())
  for (const c of cases) {
    body = new HandBody(c.length)
    const client = new RawClient(house.url)
    client.send(c.request)
    while (body.sink === null) await turn()
    body.sink.write(Buffer.from('part'))
    await client.until(/part/)
    body.sink.fail('upstream closed')
    const received = await client.closed()
    t.notMatch(received, /0\r\n\r\n$/, c.what)
    if (c.isReset === true) t.equal(client.error?.code, 'ECONNRESET', c.what)
    client.destroy()
  }
  while (house.ended.length < cases.length) await turn()
})

test(`a body that is not as long as promised is a break`, async (t) => {
  for (const text of ['four', 'sixsix']) {
    const house = await stubHouse({ handle: async () => streamed(textBody(text, 5)) })
    const client = new RawClient(house.url)
    client.send(get('/') + get('/next'))
    const received = await client.closed()
    t.notMatch(received, /\r\n\r\n.{5}HTTP/s, text)
    client.destroy()
    house.close()
  }
})
