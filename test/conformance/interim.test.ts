// Rows I1 to I6: answers before the answer, answers without a body, upgrades, streams. Bytes on both wires.

import type { Socket } from 'node:net'
import { test } from 'tap'
import { eventually } from '../support/asking.ts'
import { between, chunked, get, inFrontOfOrigin, ok, partsOf, request, valuesOf } from './between.ts'
import { scriptedOrigin } from './scripted-origin.ts'

const expecting = ['Expect: 100-continue', 'Content-Length: 5']

test('I1 who expects 100 gets the origin\'s, and the body waits for it', async (t) => {
  const origin = await scriptedOrigin(t)
  const b = await inFrontOfOrigin(t, origin)
  const client = b.caller(request('POST', '/', ...expecting))
  const [there] = await origin.connections(1)
  await there.until(/\r\n\r\n$/)
  t.strictSame(valuesOf(there.received, 'expect'), ['100-continue'])
  t.equal(client.received, '', 'nobody here says 100 on the origin\'s behalf')
  there.write('HTTP/1.1 100 Continue\r\n\r\n')
  await client.until((received) => received === 'HTTP/1.1 100 Continue\r\n\r\n')
  client.write('hello')
  await there.until(/\r\n\r\nhello$/)
  there.write(ok)
  t.match(await client.until((received) => received.endsWith('ok')), /^HTTP\/1\.1 100 [^\0]*HTTP\/1\.1 200 /)
})

test('I1 a final answer instead of 100 is passed on, and the connection closes, for the body may come or not',
  async (t) => {
  const b = await inFrontOfOrigin(t, await scriptedOrigin(t, (socket) => {
    socket.write('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno')
  }))
  const received = await b.askToTheEnd(request('POST', '/', ...expecting))
  t.match(received, /^HTTP\/1\.1 403 [^\0]*connection: close[^\0]*no$/)
})

test('I1 an origin that never says 100 gets the body after a second', async (t) => {
  const origin = await scriptedOrigin(t)
  const b = await inFrontOfOrigin(t, origin)
  const client = b.caller(request('POST', '/', ...expecting) + 'hello')
  const [there] = await origin.connections(1)
  await there.until(/\r\n\r\n$/)
  const askedAt = performance.now()
  await there.until(/hello$/)
  t.ok(performance.now() - askedAt >= 900, `after ${Math.round(performance.now() - askedAt)} ms`)
  there.write(ok)
  t.match(await client.answer(), /^HTTP\/1\.1 200 /)
})

test('I1 HTTP/1.0 gets no 100 and its expectation does not travel', async (t) => {
  const b = await between(t, () => `HTTP/1.1 100 Continue\r\n\r\n${ok}`)
  const received = await b.askToTheEnd(`POST / HTTP/1.0\r\nHost: a\r\n${expecting.join('\r\n')}\r\n\r\nhello`)
  t.match(received, /^HTTP\/1\.1 200 /)
  t.strictSame(valuesOf(b.origin.last, 'expect'), [])
})

test('I2 an expectation that is not 100-continue is 417', async (t) => {
  const b = await between(t)
  for (const value of ['200-ok', '100-continue, x', '']) await b.refuses(get('/', `Expect: ${value}`), 417)
  t.match(await b.ask(`${request('POST', '/', 'Expect: 100-CONTINUE', 'Content-Length: 2')}hi`), /200 /)
})

test('I3 interim answers travel in order, fields and all, but not to HTTP/1.0', async (t) => {
  const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nConnection: X-Hop\r\nX-Hop: 1\r\n'
    + 'Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n'
    + 'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 199 Odd\r\nX: 1\r\n\r\n'
  const b = await between(t, () => interim + ok)
  const client = b.caller(get('/'))
  const received = await client.until((text) => text.endsWith('ok'))
  t.strictSame([...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status), ['103', '102', '199', '200'])
  t.match(received, /Link: <\/a>; rel=preload\r\n\r\n/)
  t.notMatch(received, /hop|content-length: 9|transfer-encoding/i)
  t.match(await b.ask('GET / HTTP/1.0\r\nHost: a\r\n\r\n'), /^HTTP\/1\.1 200 /)
})

test('I3 an interim answer travels before the answer is there', async (t) => {
  const origin = await scriptedOrigin(t, (socket) => { socket.write('HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n') })
  const b = await inFrontOfOrigin(t, origin)
  const client = b.caller(get('/'))
  await client.until((received) => received.endsWith('Link: <x>\r\n\r\n'))
  for (const socket of origin.sockets) socket.write(ok)
  await client.until((received) => received.endsWith('ok'))
})

test('I3 a flood of interim answers, and a 101 nobody asked for, are 502', async (t) => {
  const many = 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(50)
  const large = `HTTP/1.1 103 Early Hints\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`.repeat(2)
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\nfoo'
  for (const bytes of [many, large, switching]) {
    const b = await between(t, () => bytes + ok)
    const client = b.caller(get('/'))
    await client.until((received) => received.includes('upstream.malformed'))
    t.match(client.received, /HTTP\/1\.1 502 [^\0]*$/)
    t.notMatch(client.received, /HTTP\/1\.1 (?:101|200)|foo/)
  }
})

test('I4 an answer that has no body by rule has none, and says of it what it may', async (t) => {
  const cases: readonly (readonly [method: string, head: string, kept: string[]])[] = [
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n', ['99']],
    ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n', []],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n', ['99']],
    ['GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n', []],
    ['GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n', []],
    ['GET', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n', []],
  ]
  for (const [method, head, kept] of cases) {
    const b = await between(t, () => `${head}\r\n`)
    const client = b.caller(request(method, '/'))
    await client.until((received) => received.includes('\r\n\r\n'))
    await client.write(get('/next')).until((received) => received.split('HTTP/1.1 ').length > 2)
    const [first = ''] = client.received.split(/(?<=\r\n\r\n)/)
    t.strictSame(valuesOf(first, 'content-length'), kept, `${method} ${head}`)
    t.strictSame(valuesOf(first, 'transfer-encoding'), [])
    t.equal(new Set(b.origin.received.map(({ socket }) => socket)).size, 1, 'nothing more is waited for at the origin')
  }
})

test('I4 what an origin wrongly sends behind such an answer reaches nobody', async (t) => {
  for (const [method, head] of [['HEAD', '200 OK'], ['GET', '304 Not Modified'], ['GET', '204 No Content']] as const) {
    const b = await between(t, ({ text }) =>
      text.includes(' /evil ') ? `HTTP/1.1 ${head}\r\ncontent-length: 4\r\n\r\nEVIL` : ok)
    const client = b.caller(request(method, '/evil') + get('/next'))
    await client.until((received) => received.endsWith('ok'))
    t.notMatch(client.received, /EVIL/, `${method} ${head}`)
    t.not(b.origin.received[1]?.socket, b.origin.received[0]?.socket, 'that connection serves nobody any more')
    await eventually('it is closed', () => b.origin.received[0]?.socket.destroyed === true)
  }
})

const handshake = get('/chat', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==')
const switching = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
  + 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'

test('I5 a tunnel begins with the origin\'s 101 and then hands on every byte', async (t) => {
  const origin = await scriptedOrigin(t)
  const b = await inFrontOfOrigin(t, origin)
  const client = b.caller(handshake)
  const [there] = await origin.connections(1)
  await there.until(/\r\n\r\n$/)
  t.match(there.received, /^GET \/chat HTTP\/1\.1\r\n[^\0]*upgrade: websocket\r\n/i)
  t.strictSame(valuesOf(there.received, 'sec-websocket-key'), ['dGhlIHNhbXBsZSBub25jZQ=='])
  there.write(`${switching}\x81\x02hi`)
  await client.until((received) => received.endsWith('\x81\x02hi'))
  const every = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('')
  client.write(every)
  await there.until(new RegExp(`${every.slice(-3).replace(/./g, (c) => `\\x${c.charCodeAt(0).toString(16)}`)}$`))
  t.ok(there.received.endsWith(every), 'the caller\'s bytes as they were')
  there.write(every)
  await client.until((received) => received.endsWith(every))
})

test('I5 an upgrade that the origin declines stays HTTP, whole', async (t) => {
  const b = await between(t, () => 'HTTP/1.1 426 Upgrade Required\r\ncontent-length: 4\r\n\r\nplea')
  t.match(await b.askToTheEnd(handshake), /^HTTP\/1\.1 426 [^\0]*plea$/)
})

test('I5 a 101 to another protocol than the one asked for is 502', async (t) => {
  const b = await between(t,
    () => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: irc\r\nConnection: Upgrade\r\n\r\nEVIL')
  const received = await b.askToTheEnd(handshake)
  t.match(received, /^HTTP\/1\.1 502 /)
  t.notMatch(received, /EVIL/)
})

test('I5 other upgrades, and handshakes with a body, are requests like any other', async (t) => {
  const b = await between(t)
  for (const fields of [['Connection: Upgrade', 'Upgrade: irc'], ['Upgrade: websocket, irc', 'Connection: upgrade']]) {
    t.match(await b.ask(get('/', ...fields)), /^HTTP\/1\.1 200 /)
    t.strictSame(valuesOf(b.origin.last, 'upgrade'), [])
  }
  const client =
    b.caller(`${get('/', 'Connection: Upgrade', 'Upgrade: websocket', 'Content-Length: 5')}hello${get('/n')}`)
  await client.until((received) => received.split('HTTP/1.1 200').length > 2)
  t.equal(partsOf(b.origin.received.at(-2)?.text as string).body, 'hello')
  t.notMatch(b.origin.received.map(({ text }) => text).join(), /upgrade/i)
})

test('I5 one side of a tunnel may end while the other goes on', async (t) => {
  for (const first of ['caller', 'origin'] as const) {
    const origin = await scriptedOrigin(t)
    const b = await inFrontOfOrigin(t, origin)
    const client = b.caller(handshake)
    const [there] = await origin.connections(1)
    there.write(switching)
    await client.until((received) => received.endsWith('\r\n\r\n'))
    const [ending, other] = first === 'caller' ? [client.socket, there.socket] : [there.socket, client.socket]
    let late = ''
    ending.on('data', (chunk: Buffer) => { late += chunk.toString() })
    let hasEnded = false
    other.on('end', () => { hasEnded = true })
    ending.end('last')
    await eventually(`the ${first}'s end travels`, () => hasEnded)
    other.write('and more')
    await eventually('what the other side still says arrives', () => late.endsWith('and more'))
    other.end()
    await eventually('both are closed', () => origin.sockets.size === 0 && client.end !== null)
  }
})

test('I5 a reset on one side of a tunnel is a reset on the other', async (t) => {
  for (const first of ['caller', 'origin'] as const) {
    const origin = await scriptedOrigin(t)
    const b = await inFrontOfOrigin(t, origin)
    const client = b.caller(handshake)
    const [there] = await origin.connections(1)
    there.write(switching)
    await client.until((received) => received.endsWith('\r\n\r\n'))
    let error = ''
    const other: Socket = first === 'caller' ? there.socket : client.socket
    other.on('error', (cause: NodeJS.ErrnoException) => { error = cause.code ?? '' })
    other.on('close', () => { error ||= 'closed in order' })
    if (first === 'caller') client.socket.resetAndDestroy()
    else there.socket.resetAndDestroy()
    await eventually('the other side hears of it', () => error !== '')
    t.equal(error, 'ECONNRESET', first)
  }
})

test('I5 a caller that leaves before the 101 takes its handshake with it', async (t) => {
  for (const how of ['fin', 'reset'] as const) {
    const origin = await scriptedOrigin(t)
    const b = await inFrontOfOrigin(t, origin)
    const client = b.caller(`${handshake}early frames`)
    const [there] = await origin.connections(1)
    await there.until(/\r\n\r\n/)
    if (how === 'fin') client.socket.destroy()
    else client.socket.resetAndDestroy()
    await eventually('the origin is told', () => there.hasEnded || there.isClosed, 1000)
    t.equal(b.record.exchanges[0]?.code, 'caller.gone', how)
  }
})

test('I6 each event of a stream arrives when it was sent, and so does the head', async (t) => {
  const origin = await scriptedOrigin(t)
  const b = await inFrontOfOrigin(t, origin)
  const client = b.caller(get('/events'))
  const [there] = await origin.connections(1)
  there.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n')
  await client.until((received) => received.endsWith('\r\n\r\n'))
  const took: number[] = []
  for (let i = 0; i < 50; i++) {
    const startedAt = performance.now()
    const event = `data: ${i}\n\n`
    there.write(chunked(event).slice(0, -5))
    await client.until((received) => received.endsWith(`${event}\r\n`))
    took.push(performance.now() - startedAt)
  }
  took.sort((a, b) => a - b)
  t.ok((took[25] as number) < 20, `half of the events took ${(took[25] as number).toFixed(1)} ms or less`)
})
