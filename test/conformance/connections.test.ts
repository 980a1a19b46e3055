// Rows C1 to C8, C10 and C11: how connections live, wait and end. Bytes on both wires. C9 is in
// test/e2e/draining.test.ts.

import { test } from 'tap'
import { eventually } from '../support/asking.ts'
import { between, get, inFrontOfOrigin, ok, request } from './between.ts'
import { scriptedOrigin } from './scripted-origin.ts'

test('C1 a connection of HTTP/1.1 goes on, one of HTTP/1.0 ends, whatever it asks for', async (t) => {
  const b = await between(t)
  const client = b.caller(get('/1'))
  for (let i = 2; i <= 20; i++) {
    await client.until((received) => received.split('ok').length === i)
    client.write(get(`/${i}`))
  }
  await client.until((received) => received.split('ok').length === 21)
  t.notMatch(client.received, /connection: close/)
  for (const fields of ['', 'Connection: keep-alive\r\n']) {
    const received = await b.askToTheEnd(`GET / HTTP/1.0\r\nHost: a\r\n${fields}\r\n`)
    t.match(received, /^HTTP\/1\.1 200 [^\0]*connection: close[^\0]*ok$/)
  }
})

test('C2 a kept connection is left before the origin leaves it', async (t) => {
  const origin = await scriptedOrigin(t, (socket) => {
    const answer = 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\ncontent-length: 2\r\n\r\nok'
    socket.write(answer)
    socket.on('data', () => socket.write(answer))
  })
  const b = await inFrontOfOrigin(t, origin)
  await b.ask(get('/1'))
  await b.ask(get('/2'))
  t.equal(origin.accepted.length, 2, 'one second less a margin is no time at all: it was not used again')
})

test('C2 callers find their connection open for longer than balancers keep theirs', async (t) => {
  const b = await between(t, () => ok, { timeouts: { keepAliveMs: 400 } })
  const client = b.caller(get('/1'))
  await client.answer()
  await new Promise((resolve) => { setTimeout(resolve, 200) })
  t.equal(client.end, null)
  client.write(get('/2'))
  await client.until((received) => received.split('ok').length === 3)
  const idleAt = performance.now()
  await client.closed()
  t.ok(performance.now() - idleAt >= 390, 'and closed without a word when its time was over')
  t.notMatch(client.received, /408/)
})

const dies: readonly (readonly [string, string, boolean])[] = [
  ['GET', '', true], ['HEAD', '', true], ['OPTIONS', '', true], ['PUT', '', true], ['DELETE', '', true],
  ['POST', '', false], ['PATCH', '', false], ['BREW', '', false], ['PUT', 'body', false], ['POST', 'body', false],
]

test('C3 a kept connection that dies before its answer is repeated once, where that is harmless', async (t) => {
  for (const [method, body, isRepeated] of dies) {
    const origin = await scriptedOrigin(t, (socket) => {
      socket.write(method === 'HEAD' && !isFirst(socket) ? 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n' : ok)
      socket.on('data', () => socket.destroy())
    })
    const isFirst = (socket: unknown): boolean => origin.accepted[0]?.socket === socket
    const b = await inFrontOfOrigin(t, origin)
    await b.ask(get('/warm'))
    const what = `${method}${body === '' ? '' : ' with a body'}`
    const client = b.caller(request(method, '/', ...(body === '' ? [] : ['Content-Length: 4'])) + body)
    await client.until((received) => received.includes('\r\n\r\n'))
    t.match(client.received, isRepeated ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 502 /, what)
    t.equal(origin.accepted.length, isRepeated ? 2 : 1, `${what}: connections`)
    client.destroy()
  }
})

test('C3 it is repeated once and no more, and a new connection that dies not at all', async (t) => {
  let requests = 0
  const origin = await scriptedOrigin(t, (socket) => {
    if (++requests === 1) socket.write(ok)
    else socket.destroy()
    socket.on('data', () => {
      requests++
      socket.destroy()
    })
  })
  const b = await inFrontOfOrigin(t, origin)
  await b.ask(get('/warm'))
  t.match(await b.ask(get('/')), /^HTTP\/1\.1 502 /)
  t.equal(requests, 3, 'the warm one, the kept one that died, the new one that died')
  t.match(await b.ask(get('/')), /^HTTP\/1\.1 502 /)
  t.equal(requests, 4)
})

test('C4 an answer that comes during the upload arrives whole, and the connection then ends', async (t) => {
  const long = 'x'.repeat(200_000)
  const origin = await scriptedOrigin(t, (socket) => {
    socket.write(`HTTP/1.1 413 Content Too Large\r\ncontent-length: ${long.length}\r\n\r\n${long}`)
  })
  const b = await inFrontOfOrigin(t, origin)
  const client = b.caller(request('POST', '/', 'Content-Length: 50000000'))
  const chunk = Buffer.alloc(64 * 1024)
  let sent = 0
  const pour = (): void => {
    while (client.end === null && sent < 50_000_000 && client.socket.write(chunk)) sent += chunk.length
  }
  client.socket.on('drain', pour)
  pour()
  await client.closed()
  t.match(client.received, /^HTTP\/1\.1 413 [^\0]*connection: close/)
  t.ok(client.received.endsWith(`\r\n\r\n${long}`), 'all of it')
  t.equal(client.end, 'fin')
  t.ok(sent < 50_000_000)
})

test('C5 a body over its limit is 413, before the origin hears of it where the length is known', async (t) => {
  const b = await between(t, () => ok, { route: { maxBodyBytes: 1000 } })
  let connections = 0
  b.origin.server.on('connection', () => { connections++ })
  await b.refuses(request('POST', '/', 'Content-Length: 1001'), 413)
  await b.refuses(request('POST', '/', 'Content-Length: 1001', 'Expect: 100-continue'), 413)
  t.equal(connections, 0)
  t.match(await b.ask(request('POST', '/', 'Content-Length: 1000') + 'x'.repeat(1000)), /^HTTP\/1\.1 200 /)
  const streamed = `${request('POST', '/', 'Transfer-Encoding: chunked')}${`100\r\n${'x'.repeat(256)}\r\n`.repeat(5)}`
  t.match(await b.askToTheEnd(streamed), /^HTTP\/1\.1 413 [^\0]*connection: close/)
  t.equal(b.origin.received.length, 1, 'what was cut is no request')
})

test('C6 a FIN before the answer means that the caller left; where halves are served it does not', async (t) => {
  for (const halfClose of ['leave', 'serve'] as const) {
    const origin = await scriptedOrigin(t)
    const b = await inFrontOfOrigin(t, origin, { listener: { halfClose } })
    const client = b.caller(get('/'))
    const [there] = await origin.connections(1)
    await there.until(/\r\n\r\n$/)
    client.socket.end()
    if (halfClose === 'leave') {
      await eventually('the origin is told', () => there.hasEnded || there.isClosed, 1000)
      t.equal((await client.closed()), '')
      t.equal(b.record.exchanges[0]?.code, 'caller.gone')
    } else {
      there.write(ok)
      t.match(await client.closed(), /^HTTP\/1\.1 200 [^\0]*ok$/)
    }
  }
})

test('C6 a reset means that the caller left, also behind more of its requests than are kept', async (t) => {
  for (const bytes of ['', get('/next').repeat(10), get('/next', `X-Fill: ${'x'.repeat(7000)}`).repeat(40)]) {
    const origin = await scriptedOrigin(t)
    const b = await inFrontOfOrigin(t, origin, { listener: { halfClose: 'serve' }, timeouts: { requestIdleMs: 100 } })
    const client = b.caller(get('/') + bytes)
    const [there] = await origin.connections(1)
    await there.until(/\r\n\r\n/)
    await eventually('all of it has left the caller', () => client.socket.writableLength === 0)
    client.socket.resetAndDestroy()
    await eventually(`the origin is told, ${bytes.length} bytes behind`, () => there.hasEnded || there.isClosed, 2000)
    t.equal(origin.accepted.length, 1, 'nothing of what lay behind was asked')
  }
})

test('C6 a reset means that the caller left, also behind a FIN', async (t) => {
  const origin = await scriptedOrigin(t)
  const b = await inFrontOfOrigin(t, origin, { listener: { halfClose: 'serve' }, timeouts: { requestIdleMs: 100 } })
  const client = b.caller(get('/'))
  const [there] = await origin.connections(1)
  await there.until(/\r\n\r\n/)
  client.socket.end()
  // Another caller's whole exchange later the FIN has come.
  const other = b.caller(get('/other'))
  const [, behind] = await origin.connections(2)
  behind?.write(ok)
  t.match(await other.answer(), / 200 /)
  t.notOk(there.hasEnded, 'the FIN alone means nothing')
  client.socket.resetAndDestroy()
  await eventually('the origin is told', () => there.hasEnded || there.isClosed, 2000)
  t.equal(b.record.exchanges.at(-1)?.code, 'caller.gone')
})

test('C6 where more is pipelined than is kept, the answer still comes and the connection ends', async (t) => {
  const origin = await scriptedOrigin(t)
  const b = await inFrontOfOrigin(t, origin, { timeouts: { requestIdleMs: 50, headMs: 250 } })
  const client = b.caller(get('/') + get('/next', `X-Fill: ${'x'.repeat(7000)}`).repeat(40))
  const [there] = await origin.connections(1)
  await there.until(/\r\n\r\n/)
  // A head that does not come to its end is noticed by the same looks, and later.
  t.match(await b.askToTheEnd('GET'), /^HTTP\/1\.1 408 /)
  there.write(ok)
  t.match(await client.closed(), /^HTTP\/1\.1 200 [^\0]*connection: close[^\0]*ok$/)
})

test('C7 each time limit ends what it is for: 408 where a request had begun, silence where none had', async (t) => {
  const b = await inFrontOfOrigin(t, await scriptedOrigin(t), {
    timeouts: { headMs: 100, requestIdleMs: 100, keepAliveMs: 100 },
  })
  const timed = async (bytes: string): Promise<readonly [string, number]> => {
    const startedAt = performance.now()
    return [await b.askToTheEnd(bytes), performance.now() - startedAt]
  }
  for (const [bytes, expected] of [
    ['', /^$/], ['GET / HTTP/1.1\r\n', /^HTTP\/1\.1 408 [^\0]*connection: close/],
    ['\r\n', /^(?:HTTP\/1\.1 408 [^\0]*)?$/],
    [request('POST', '/', 'Content-Length: 5'), /^HTTP\/1\.1 408 /],
    [request('POST', '/', 'Transfer-Encoding: chunked') + '5\r\nhel', /^HTTP\/1\.1 408 /],
  ] as const) {
    const [received, tookMs] = await timed(bytes)
    t.match(received, expected, JSON.stringify(bytes))
    t.ok(tookMs >= 90 && tookMs < 1500, `after ${Math.round(tookMs)} ms`)
  }
})

test('C7 the time to the head is counted from its beginning, not from its last byte', async (t) => {
  const b = await between(t, () => ok, { timeouts: { headMs: 300 } })
  const client = b.caller('GET / HTTP/1.1\r\nHost: a\r\nX: ')
  const drip = setInterval(() => client.write('x'), 20)
  t.match(await client.closed(2000), /^HTTP\/1\.1 408 /)
  clearInterval(drip)
})

test('C7 an origin that halts within its answer is cut; one that does not begin it is O7\'s', async (t) => {
  const halting = await scriptedOrigin(t, (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'))
  const b = await inFrontOfOrigin(t, halting, { upstream: { timeouts: { idle: 100 } } })
  t.match(await b.askToTheEnd(get('/')), /half$/)
})

test('C7 an origin that does not take the upload is not the fault of its caller', async (t) => {
  const origin = await scriptedOrigin(t)
  origin.server.on('connection', (socket) => { setImmediate(() => socket.pause()) })
  const b = await inFrontOfOrigin(t, origin, { timeouts: { requestIdleMs: 150 } })
  const client = b.caller(request('POST', '/', 'Content-Length: 50000000'))
  client.write(Buffer.alloc(20_000_000))
  await new Promise((resolve) => { setTimeout(resolve, 700) })
  t.equal(client.received, '', 'no 408 to a caller that would send')
  t.equal(client.end, null)
})

test('C7 a body that trickles is 408, though each byte comes in time', async (t) => {
  const b = await between(t, () => ok, { timeouts: { requestIdleMs: 300 } })
  const client = b.caller(request('POST', '/', 'Content-Length: 1000'))
  const drip = setInterval(() => client.write('x'), 20)
  t.match(await client.closed(3000), /^HTTP\/1\.1 408 [^\0]*connection: close/)
  clearInterval(drip)
  await eventually('the origin is told', () => b.origin.sockets.size === 0)
  t.strictSame(b.origin.received, [])
})

test('C7 a body that is slow but steady enough is taken', async (t) => {
  const b = await between(t, () => ok, { timeouts: { requestIdleMs: 200 }, limits: { bodyBytesPerSecond: 240 } })
  const client = b.caller(request('POST', '/', 'Content-Length: 2000'))
  const drip = setInterval(() => client.write('x'.repeat(50)), 25)
  t.match(await client.answer(5000), /^HTTP\/1\.1 200 /)
  clearInterval(drip)
})

test('C10 a connection ends with its last request, and that request is answered', async (t) => {
  const b = await between(t, () => ok, { limits: { requestsPerConnection: 3 } })
  const received = await b.askToTheEnd(get('/a') + get('/b') + get('/c') + get('/d'))
  t.strictSame(received.split('HTTP/1.1 200').slice(1).map((answer) => /connection: close/.test(answer)),
    [false, false, true])
  t.strictSame(b.origin.received.map(({ text }) => text.split(' ')[1]), ['/a', '/b', '/c'])
})

test('C10 a connection that has reached its age ends with the next answer', async (t) => {
  const b = await between(t, () => ok, { timeouts: { connectionAgeMs: 60 } })
  const client = b.caller(get('/young'))
  t.notMatch(await client.answer(), /connection: close/)
  await new Promise((resolve) => { setTimeout(resolve, 80) })
  client.write(get('/old'))
  t.match((await client.closed()).split('ok')[1], /connection: close/)
})

test('C11 no socket of anybody ends the process, however it breaks', async (t) => {
  const b = await between(t, ({ socket }, count) => {
    if (count % 3 === 0) socket.resetAndDestroy()
    return count % 3 === 1 ? ok : 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'
  })
  const starts = [get('/'), 'GET', '\0', request('POST', '/', 'Content-Length: 9') + 'x', get('/', 'X : 1'), '',
    get('/', 'Connection: upgrade', 'Upgrade: websocket')]
  for (let i = 0; i < 140; i++) {
    const client = b.caller(starts[i % starts.length])
    if (i % 2 === 0) client.socket.once('connect', () => client.socket.resetAndDestroy())
    else setTimeout(() => client.socket.resetAndDestroy(), i % 10)
  }
  await eventually('all of them are gone', () => b.server.connections() === 0)
  t.strictSame(b.defects, [])
})
