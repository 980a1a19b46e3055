// Row I5 once more: which requests are handshakes, and what their callers hear when the origin says something else than
// yes, or says yes in an odd way. Bytes on both wires.

import { test } from 'tap'
import { eventually } from '../support/asking.ts'
import { between, get, inFrontOfOrigin, ok, partsOf, valuesOf } from './between.ts'
import { scriptedOrigin } from './scripted-origin.ts'

const handshake = (...fields: string[]): string => get('/chat', ...fields, 'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==')
const asking = handshake('Connection: Upgrade', 'Upgrade: websocket')
const head = (status: string, ...fields: string[]): string => [`HTTP/1.1 ${status}`, ...fields, '', ''].join('\r\n')
const agreed = ['Upgrade: websocket', 'Connection: Upgrade']

test('I5 only one Upgrade that Connection names too is a handshake', async (t) => {
  const b = await between(t)
  for (const fields of [
    ['Upgrade: websocket'], ['Upgrade: websocket', 'Connection: keep-alive'], ['Upgrade: websocket', 'Connection: up'],
    ['Upgrade: websocket', 'Upgrade: h2c', 'Connection: Upgrade'],
    ['Upgrade: websocket', 'Upgrade: websocket', 'Connection: Upgrade'],
  ]) {
    t.match(await b.ask(handshake(...fields)), /^HTTP\/1\.1 200 /, fields.join())
    t.strictSame(valuesOf(b.origin.last, 'upgrade'), [], fields.join())
  }
  for (const fields of [
    ['Connection: keep-alive, Upgrade', 'Upgrade: WebSocket'], ['Upgrade: websocket', 'Connection: a',
      'connection: b ,\tUPGRADE'],
  ]) {
    await b.ask(handshake(...fields))
    t.strictSame(valuesOf(b.origin.last, 'upgrade'), ['websocket'], fields.join())
  }
})

test('I5 H1 H8 an answer that declines is an answer like any other, and the last of its connection', async (t) => {
  const fields = ['X-One: 1', 'Set-Cookie: a=1', 'x-one: 2', 'Set-Cookie: b=2', 'Connection: X-Hop, keep-alive',
    'X-Hop: 1', 'Keep-Alive: timeout=5']
  const bodies: readonly (readonly [string[], string])[] = [
    [['Content-Length: 2'], 'no'], [['Transfer-Encoding: chunked'], '2\r\nno\r\n0\r\n\r\n'], [[], 'no'],
  ]
  for (const [framing, body] of bodies) {
    const origin = await scriptedOrigin(t, (socket) => {
      socket.write(head('403 Forbidden', ...fields, ...framing) + body)
      if (framing.length === 0) socket.end()
    })
    const b = await inFrontOfOrigin(t, origin)
    const received = await b.askToTheEnd(asking)
    t.match(received, /^HTTP\/1\.1 403 Forbidden\r\nX-One: 1\r\nSet-Cookie: a=1\r\nx-one: 2\r\nSet-Cookie: b=2\r\n/)
    t.notMatch(received, /x-hop|keep-alive|upgrade/i, 'what ends at this hop ended here')
    t.strictSame(valuesOf(received, 'connection'), ['close'])
    t.equal(valuesOf(received, 'date').length, 1)
    t.strictSame(valuesOf(received, 'transfer-encoding'), [], 'its end is that of the connection')
    t.equal(partsOf(received).body, 'no', framing.join())
    t.match(b.record.exchanges, [{ status: 403, code: null }])
    await eventually('the origin is rid of it', () => origin.sockets.size === 0)
  }
})

test('I5 I4 an answer that declines and has no body by rule has none', async (t) => {
  for (const [status, framing, kept] of [
    ['204 No Content', [], []], ['204 No Content', ['Content-Length: 0'], []],
    ['304 Not Modified', ['Content-Length: 99'], ['99']],
  ] as const) {
    const b = await between(t, () => head(status, ...framing))
    const received = await b.askToTheEnd(asking)
    t.equal(partsOf(received).body, '', status)
    t.strictSame(valuesOf(received, 'content-length'), kept)
    t.strictSame(valuesOf(received, 'transfer-encoding'), [])
  }
})

test('I5 O2 an answer that declines and breaks off is seen to have broken off', async (t) => {
  for (const framing of ['Content-Length: 10', 'Transfer-Encoding: chunked']) {
    for (const how of ['fin', 'reset'] as const) {
      const origin = await scriptedOrigin(t)
      const b = await inFrontOfOrigin(t, origin)
      const client = b.caller(asking)
      const [there] = await origin.connections(1)
      await there.until(/\r\n\r\n$/)
      there.write(head('403 Forbidden', framing) + (framing.startsWith('C') ? 'only' : '4\r\nonly\r\n'))
      await client.until((received) => received.endsWith('only'))
      if (how === 'fin') there.socket.end()
      else there.socket.resetAndDestroy()
      await client.closed()
      t.equal(client.end, 'reset', `${framing}, ${how}`)
    }
  }
})

test('I5 O1 a 101 that agrees to nothing, or says so by halves, is 502', async (t) => {
  for (const fields of [[], ['Upgrade: websocket'], ['Connection: Upgrade'], ['Upgrade: irc', 'Connection: Upgrade'],
    ['Upgrade: websocket', 'Upgrade: irc', 'Connection: Upgrade']]) {
    const b = await between(t, () => head('101 Switching Protocols', ...fields))
    const received = await b.askToTheEnd(asking)
    t.match(received, /^HTTP\/1\.1 502 [^\0]*"code":"upstream\.malformed"[^\0]*\}\n$/, fields.join())
    t.notMatch(received, / 101 /)
  }
})

test('I5 H1 of the 101 only what concerns the tunnel travels', async (t) => {
  const fields = [...agreed, 'Connection: X-Hop', 'X-Hop: 1', 'Keep-Alive: timeout=5', 'Content-Length: 5',
    'Set-Cookie: a=1', 'Set-Cookie: b=2', 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=']
  const b = await between(t, () => head('101 Switching Protocols', ...fields) + 'bytes')
  const client = b.caller(asking)
  const received = await client.until((text) => text.endsWith('\r\n\r\nbytes'))
  t.match(received, /^HTTP\/1\.1 101 Switching Protocols\r\n/)
  t.notMatch(received, /hop|keep-alive|content-length/i)
  t.strictSame(valuesOf(received, 'set-cookie'), ['a=1', 'b=2'])
  t.strictSame(valuesOf(received, 'upgrade').map((value) => value.toLowerCase()), ['websocket'])
  t.strictSame(valuesOf(received, 'connection').map((value) => value.toLowerCase()), ['upgrade'])
  t.match(received, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/)
})

test('I5 I3 interim answers before the 101 travel, up to a flood of them', async (t) => {
  const early = head('103 Early Hints', 'Link: </a>', 'Connection: X-Hop', 'X-Hop: 1')
  const b = await between(t, () => early + head('101 Switching Protocols', ...agreed) + 'bytes')
  const client = b.caller(asking)
  const received = await client.until((text) => text.endsWith('bytes'))
  t.match(received, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1\.1 101 /)
  const flood = await between(t, () => early.repeat(50) + head('101 Switching Protocols', ...agreed))
  t.match(await flood.askToTheEnd(asking), /HTTP\/1\.1 502 [^\0]*upstream\.malformed/)
})

test('I5 what lies behind an answer that declines reaches nobody', async (t) => {
  const b = await between(t, ({ text }) => text.includes('/chat')
    ? head('403 Forbidden', 'Content-Length: 2') + `no${head('200 OK', 'Content-Length: 4')}EVIL` : ok)
  t.notMatch(await b.askToTheEnd(asking + get('/next')), /EVIL/)
  await b.serves()
})

test('I5 C8 an answer that declines is held back by who does not read it, and whole when it is read', async (t) => {
  const total = 32 * 2 ** 20
  let written = 0
  const origin = await scriptedOrigin(t, (socket) => {
    const chunk = Buffer.alloc(64 * 1024, 97)
    const pour = (): void => {
      while (written < total) {
        written += chunk.length
        if (!socket.write(chunk)) return
      }
    }
    socket.write(head('403 Forbidden', `Content-Length: ${total}`))
    socket.on('drain', pour)
    pour()
  })
  const b = await inFrontOfOrigin(t, origin)
  const { socket } = b.caller(asking)
  socket.removeAllListeners('data')
  let received = 0
  socket.once('data', () => { socket.pause() })
  socket.on('data', (bytes: Buffer) => { received += bytes.length })
  let before = -1
  await eventually('it stands still', async () => {
    const isStill = received > 0 && before === written
    before = written
    await new Promise((resolve) => { setTimeout(resolve, 50) })
    return isStill
  })
  t.ok(written < total / 2, `after ${(written / 2 ** 20).toFixed(1)} MiB, which the kernels hold`)
  socket.resume()
  await eventually('all of it has come', () => received > total, 20_000)
})
