// Rows F1 to F12 and F14: where one request ends and the next begins, and what may be said about it. Bytes on both
// wires.

import { test } from 'tap'
import { eventually } from '../support/asking.ts'
import { between, chunked, get, ok, partsOf, request, valuesOf } from './between.ts'

const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'

test('F1 a length and a coding together are 400 and the end, whichever comes first', async (t) => {
  const b = await between(t)
  for (const fields of [
    ['Content-Length: 5', 'Transfer-Encoding: chunked'], ['Transfer-Encoding: chunked', 'Content-Length: 5'],
    ['Content-Length: 0', 'Transfer-Encoding: identity'], ['transfer-encoding: CHUNKED', 'CONTENT-LENGTH: 0'],
  ]) await b.refuses(`${request('POST', '/', ...fields)}0\r\n\r\n${smuggled}`, 400, fields.join())
  await b.serves()
})

test('F2 a length is one line of digits that a number can hold', async (t) => {
  const b = await between(t)
  const wrong = [
    '+5', '-5', '0x5', '5_0', '5e1', '5.0', '5 5', '5, 5', '5,6', '', ' ', '"5"', '5;', '\xb25', 'five',
      '9007199254740992',
    '18446744073709551621', '99999999999999999999999999',
  ]
  for (const value of wrong) await b.refuses(`${request('POST', '/', `Content-Length: ${value}`)}hello${smuggled}`, 400)
  const twice: string[][] = [
    ['Content-Length: 5', 'Content-Length: 5'], ['Content-Length: 5', 'content-length: 6'],
    ['Content-Length: 0', 'Content-Length: 5'],
  ]
  for (const fields of twice) {
    await b.refuses(`${request('POST', '/', ...fields)}hello${smuggled}`, 400, fields.join())
  }
  t.match(await b.ask(`${request('POST', '/', 'Content-Length: 005')}hello`), /^HTTP\/1\.1 200 /)
  t.strictSame(valuesOf(b.origin.last, 'content-length'), ['5'], 'what goes out is a length of our own')
})

test('F3 the one coding of a request is chunked, said once and alone', async (t) => {
  const b = await between(t)
  const wrong: readonly (readonly [string[], number | RegExp])[] = [
    [['chunked, identity'], 400], [['identity, identity'], 400], [['chunked;q=1'], 400], [[',chunked'], 400],
    [['chunked,'], 400], [['chunked, chunked'], /400|501/], [['"chunked"'], 400], [[''], 400], [['chunked\xa0'], 400],
    [['chun ked'], 400], [['chunked', 'chunked'], 400], [['gzip', 'chunked'], 400], [['chunked', ''], 400],
    [['gzip, chunked'], 501], [['identity'], 400], [['xchunked'], 400], [['gzip'], 400], [['chunked\t;x'], 400],
  ]
  for (const [values, status] of wrong) {
    const fields = values.map((value) => `Transfer-Encoding: ${value}`)
    await b.refuses(`${request('POST', '/', ...fields)}0\r\n\r\n${smuggled}`, status, JSON.stringify(values))
  }
  for (const value of ['chunked', 'Chunked', 'CHUNKED', '\tchunked \t']) {
    t.match(await b.ask(request('POST', '/', `Transfer-Encoding: ${value}`) + chunked('hi')), /^HTTP\/1\.1 200 /, value)
    t.strictSame(valuesOf(b.origin.last, 'transfer-encoding'), ['chunked'], 'said in our own words')
  }
})

test('F4 a coding in HTTP/1.0 is 400 and the end', async (t) => {
  const b = await between(t)
  await b.refuses(`POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`, 400)
})

test('F5 a chunk is a hexadecimal size, its bytes and line ends, to the letter', async (t) => {
  const b = await between(t)
  const wrong = [
    '+2\r\nhi\r\n', '-2\r\nhi\r\n', '0x2\r\nhi\r\n', '2_\r\nhi\r\n', ' 2\r\nhi\r\n', '2 \r\nhi\r\n', '2\nhi\r\n',
    '2\r\nhi\n', '2\r\nhiX\r\n', '\r\n2\r\nhi\r\n', '2\rhi\r\n', '20000000000000\r\nhi\r\n',
      'fffffffffffffffff\r\nhi\r\n',
    'g\r\nhi\r\n', ';x\r\nhi\r\n', '2;a\nhi\r\n', '2;a\0\r\nhi\r\n', '2;a\rb\r\nhi\r\n', '2;"\r\n"\r\nhi\r\n',
    `2;${'e'.repeat(4097)}\r\nhi\r\n`, `2,a\r\nhi\r\n`, '2\r\nhi\rX', '2\r\nhi\r\r\n', '2\r\nhi\r\n0\r\n\rX',
    '0\r\r\n',
  ]
  for (const chunk of wrong) {
    const received = await b.askToTheEnd(
      `${request('POST', '/', 'Transfer-Encoding: chunked')}${chunk}0\r\n\r\n${smuggled}`)
    t.match(received, /^HTTP\/1\.1 400 [^\0]*connection: close/, JSON.stringify(chunk.slice(0, 20)))
  }
  t.strictSame(b.origin.received, [], 'none of them was ever complete at the origin')
})

test('F5 extensions end where their line ends, are bounded over all chunks, and do not travel', async (t) => {
  const b = await between(t)
  const head = request('POST', '/', 'Transfer-Encoding: chunked')
  await b.ask(`${head}2;a=b;c="d;e\\"f"\r\nhi\r\n000003;x\r\nyou\r\n0;last\r\n\r\n`)
  t.equal(unchunked(b.origin.last), 'hiyou')
  t.notMatch(b.origin.last, /a=b|;x|last/)
  const much = `1;${'e'.repeat(4000)}\r\nx\r\n`.repeat(5)
  t.match(await b.askToTheEnd(`${head}${much}0\r\n\r\n`), /^HTTP\/1\.1 400 /)
})

test('F5 a body that ends without its last line end is no whole request', async (t) => {
  const b = await between(t)
  const client = b.caller(`${request('POST', '/', 'Transfer-Encoding: chunked')}2\r\nhi\r\n0\r\n`)
  await eventually('it is under way', () => b.origin.sockets.size === 1)
  client.socket.end()
  await eventually('the origin is told', () => b.origin.sockets.size === 0)
  t.strictSame(b.origin.received, [])
})

test('F6 what goes out is framed by us, the same way for every method', async (t) => {
  const b = await between(t)
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'BREW']) {
    await b.ask(`${request(method, '/', 'Content-Length: 2', 'Connection: close')}hi`)
    t.strictSame(framingOf(b.origin.last), ['content-length: 2'], `${method} with a length`)
    t.equal(partsOf(b.origin.last).body, 'hi')
    await b.ask(request(method, '/', 'Transfer-Encoding: chunked', 'Connection: close') + chunked('h', 'i'))
    t.strictSame(framingOf(b.origin.last), ['transfer-encoding: chunked'], `${method} in chunks`)
    t.equal(unchunked(b.origin.last), 'hi')
    await b.ask(request(method, '/', 'Connection: close'))
    const bare = ['POST', 'PUT', 'PATCH'].includes(method) ? ['content-length: 0'] : []
    t.strictSame(framingOf(b.origin.last), bare, `${method} without a body`)
  }
})

test('F7 what Connection names cannot take away framing, host or what is ours', async (t) => {
  const b = await between(t)
  await b.ask(
    `${request('POST', '/', 'Connection: Content-Length, Host, Via, X-Forwarded-For, Traceparent, X-Request-Id',
    'Content-Length: 2')}hi`)
  t.strictSame(framingOf(b.origin.last), ['content-length: 2'])
  for (const name of ['host', 'via', 'x-forwarded-for', 'traceparent', 'x-request-id']) {
    t.equal(valuesOf(b.origin.last, name).length, 1, name)
  }
  await b.ask(request('POST', '/', 'Connection: transfer-encoding', 'Transfer-Encoding: chunked') + chunked('hi'))
  t.strictSame(framingOf(b.origin.last), ['transfer-encoding: chunked'])
})

test('F8 bytes behind the declared end are the next request, never more of this one', async (t) => {
  const b = await between(t, ({ text }) => /^\w+ (\S+)/.exec(text)?.[1] === '/one' ? ok : ok.replace('ok', 'no'))
  const client = b.caller(`${request('POST', '/one', 'Content-Length: 3')}abc${get('/two')}`)
  await client.until((received) => received.endsWith('no'))
  t.strictSame(b.origin.received.map(({ text }) => partsOf(text).body), ['abc', ''])
  t.match(b.origin.received[1]?.text, /^GET \/two HTTP/)
})

test('F8 an upstream connection is not used again before request and answer are both complete on it', async (t) => {
  const b = await between(t)
  const early = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly'
  b.origin.server.prependListener('connection', (socket) => {
    socket.once('data', (chunk) => { if (chunk.toString().startsWith('POST /early')) socket.write(early) })
  })
  const client = b.caller(`${request('POST', '/early', 'Content-Length: 1000000')}begun`)
  t.match(await client.closed(), /connection: close[^\0]*early$/)
  await b.serves()
  t.strictSame(b.origin.received.map(({ text }) => text.slice(0, 9)), ['GET /good'], 'on a connection of its own')
})

test('F9 a body that breaks off is never completed upstream', async (t) => {
  const b = await between(t)
  const broken: readonly (readonly [string, string])[] = [
    ['Content-Length: 10', 'only'], ['Transfer-Encoding: chunked', '5\r\nhello\r\n'],
    ['Transfer-Encoding: chunked', '5\r\nhel'], ['Transfer-Encoding: chunked', '5\r\nhello\r\nzz\r\n'],
  ]
  for (const [field, body] of broken) {
    const client = b.caller(request('POST', '/', field) + body)
    await eventually('the origin has seen it', () => b.origin.sockets.size > 0 || client.end !== null)
    client.socket.end()
    await client.closed()
    await eventually(`the origin's connection is closed after ${JSON.stringify(body)}`, () => b.origin.sockets.size ===
      0)
  }
  t.strictSame(b.origin.received, [])
  await b.serves()
})

test('F9 bad bytes in the middle of a body are 400 when nothing has been answered', async (t) => {
  const b = await between(t)
  const client = b.caller(`${request('POST', '/', 'Transfer-Encoding: chunked')}5\r\nhello\r\n`)
  await eventually('the origin has seen it', () => b.origin.sockets.size === 1)
  client.write('nonsense\r\n')
  t.match(await client.closed(), /^HTTP\/1\.1 400 [^\0]*connection: close/)
  await eventually('the origin is told', () => b.origin.sockets.size === 0)
})

test('F10 trailers travel apart from the head, and none that frames, routes or proves', async (t) => {
  const trailing = ['X-Sum: 1', 'Content-Length: 5', 'Transfer-Encoding: chunked', 'Host: evil', 'Authorization: x',
    'Set-Cookie: a=b', 'Connection: close', 'TE: gzip', 'Trailer: x', 'Content-Type: evil', 'Cookie: a=b']
  const b = await between(t, () => `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${
    trailing.join('\r\n')}\r\n\r\n`)
  const body = `2\r\nhi\r\n0\r\n${trailing.join('\r\n')}\r\n\r\n`
  const client = b.caller(request('POST', '/', 'Transfer-Encoding: chunked', 'TE: trailers') + body)
  const answer = await client.until((received) => /\r\n0\r\n(?:.+\r\n)*\r\n$/.test(received))
  for (const message of [b.origin.last, answer]) {
    t.notMatch(partsOf(message).lines.join(), /x-sum|evil/i, 'nothing of them is in the head')
    t.match(partsOf(message).body, /^2\r\n..\r\n0\r\nX-Sum: 1\r\n\r\n$/i)
  }
  t.notMatch(await b.ask(get('/')), /x-sum/i, 'who did not say that it takes them gets none')
})

test('F11 a head ends with two whole line ends and with nothing else', async (t) => {
  const b = await between(t)
  for (const end of ['\r\n\rX', '\r\n\r\r\n', '\r\r\n\n', '\n\n', '\r\n\n', '\r\r', '\r\n\r\0']) {
    await b.refuses(`GET / HTTP/1.1\r\nHost: a\r\nX: 1${end}${smuggled}`, 400)
  }
})

test('F12 pipelined requests are answered in order, one at the origin at a time', async (t) => {
  let inFlight = 0
  let most = 0
  const b = await between(t, ({ text, socket }, count) => {
    most = Math.max(most, ++inFlight)
    const name = /^GET (\S+)/.exec(text)?.[1] as string
    setImmediate(() => {
      inFlight--
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${name.length}\r\nx-count: ${count}\r\n\r\n${name}`)
    })
    return undefined
  })
  const names = Array.from({ length: 200 }, (_, i) => `/n${i}`)
  const client = b.caller(names.map((name) => get(name)).join(''))
  await client.until((received) => received.endsWith('/n199'))
  t.strictSame([...client.received.matchAll(/\r\n\r\n(\/n\d+)/g)].map(([, name]) => name), names)
  t.equal(most, 1)
})

test('F12 what is behind "connection: close", or behind what was refused, is not looked at', async (t) => {
  const b = await between(t)
  const received = await b.askToTheEnd(`${get('/last', 'Connection: close')}${smuggled}\0\0garbage`)
  t.equal(received.match(/HTTP\/1\.1 /g)?.length, 1)
  t.match(received, /^HTTP\/1\.1 200 [^\0]*ok$/)
  await b.askToTheEnd(`${get('/', 'X : 1')}${smuggled}`)
  t.strictSame(b.origin.received.map(({ text }) => text.slice(0, 9)), ['GET /last'])
})

test('F14 HTTP/2 is not smuggled in: no upgrade to it, no preface, no settings travel', async (t) => {
  const b = await between(t)
  await b.ask(get('/', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'))
  t.notMatch(b.origin.last, /upgrade|h2c|http2-settings/i)
  const received = await b.askToTheEnd('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  t.notMatch(received, /^HTTP\/1\.1 2/)
  t.equal(b.origin.received.length, 1)
})

/** The lines of a head that frame its body. */
function framingOf(message: string): string[] {
  return partsOf(message).lines.filter((line) => /^(content-length|transfer-encoding):/i.test(line))
}

/** The bytes of a chunked message's body. */
function unchunked(message: string): string {
  let { body } = partsOf(message)
  let data = ''
  for (;;) {
    const size = Number.parseInt(body, 16)
    const start = body.indexOf('\r\n') + 2
    if (!(size > 0)) return data
    data += body.slice(start, start + size)
    body = body.slice(start + size + 2)
  }
}
