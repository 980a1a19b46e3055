// The strict gate, from raw bytes on: what must never be routed, and what must be.

import { test } from 'tap'
import { Gate } from './gate.ts'
import { RawClient } from './fixtures/raw-client.ts'
import { reply, stubHouse } from './fixtures/stub-house.ts'

interface Case {
  readonly what: string
  readonly bytes: string
  /** Status of the one answer; 200: it was routed. */
  readonly status: number
}

const get = (target: string, ...fields: string[]): string =>
  [`GET ${target} HTTP/1.1`, ...(fields.length === 0 ? ['Host: x'] : fields), '', ''].join('\r\n')
const post = (body: string, ...fields: string[]): string =>
  ['POST / HTTP/1.1', 'Host: x', ...fields, '', body].join('\r\n')
/** Fields that make this many bytes with `Host: x`; the last has what is left, and none is half of 16 KiB. */
const fieldsOf = (bytes: number): string[] => {
  const fields = ['a', 'b', 'c'].map((name) => `${name}: ${'v'.repeat(5000)}`)
  return [...fields, `d: ${'v'.repeat(bytes - 9 - 3 * 5005 - 5)}`]
}
const many = Array.from({ length: 100 }, (_, i) => `a${i}: b`)

const cases: readonly Case[] = [
  { what: 'an ordinary request', bytes: get('/'), status: 200 },
  { what: 'a query', bytes: get('/a?b=c%20d&&'), status: 200 },
  { what: 'odd but legal bytes in the target', bytes: get('/..;/%2e//\\|"<>^`{}?'), status: 200 },
  { what: 'one empty line before the request', bytes: `\r\n${get('/')}`, status: 200 },
  // P3: versions.
  { what: 'HTTP/2.0', bytes: 'GET / HTTP/2.0\r\nHost: x\r\n\r\n', status: 505 },
  { what: 'HTTP/1.2', bytes: 'GET / HTTP/1.2\r\nHost: x\r\n\r\n', status: 200 },
  { what: 'HTTP/0.9 in words', bytes: 'GET / HTTP/0.9\r\nHost: x\r\n\r\n', status: 505 },
  { what: 'HTTP/1.0 without Host', bytes: 'GET / HTTP/1.0\r\n\r\n', status: 200 },
  { what: 'the preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: 505 },
  // P4: targets.
  { what: 'absolute-form', bytes: get('http://x/a'), status: 200 },
  { what: 'absolute-form with another case and the own port', bytes: get('HTTP://X:80/a'), status: 200 },
  { what: 'absolute-form with an empty port', bytes: get('https://x:/a', 'Host: x:443'), status: 200 },
  { what: 'absolute-form with the port of another scheme', bytes: get('https://x:80/a'), status: 400 },
  { what: 'absolute-form without a path', bytes: get('http://x?q'), status: 200 },
  { what: 'absolute-form for another host', bytes: get('http://y/a'), status: 400 },
  { what: 'absolute-form with userinfo', bytes: get('http://u@x/a'), status: 400 },
  { what: 'absolute-form without a host', bytes: get('http:///a'), status: 400 },
  { what: 'another scheme', bytes: get('ftp://x/a'), status: 400 },
  { what: 'authority-form without CONNECT', bytes: get('x:80'), status: 400 },
  { what: 'a bare word', bytes: get('index.html'), status: 400 },
  { what: 'GET *', bytes: get('*'), status: 400 },
  { what: 'OPTIONS *', bytes: 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', status: 200 },
  { what: 'a fragment', bytes: get('/a#b'), status: 400 },
  { what: 'a tab in the target', bytes: get('/a\tb'), status: 400 },
  { what: 'DEL in the target', bytes: get('/a\x7f'), status: 400 },
  { what: 'a byte above ASCII in the target', bytes: get('/\xe9'), status: 400 },
  { what: 'a space in the target', bytes: get('/a b'), status: 400 },
  // P5: sizes.
  { what: 'a target of 8,192 bytes', bytes: get(`/${'a'.repeat(8191)}`), status: 200 },
  { what: 'a target of 8,193 bytes', bytes: get(`/${'a'.repeat(8192)}`), status: 414 },
  { what: 'a target of 64 KiB', bytes: get(`/${'a'.repeat(65_536)}`), status: 414 },
  { what: '100 fields', bytes: get('/', 'Host: x', ...many.slice(0, 99)), status: 200 },
  { what: '101 fields', bytes: get('/', 'Host: x', ...many), status: 431 },
  { what: '3,000 fields with the length behind them', status: 431,
    bytes: get('/', 'Host: x', ...Array.from({ length: 3000 }, () => 'a: b'), 'Content-Length: 3') },
  { what: 'fields of 16,384 bytes',
    bytes: get('/', 'Host: x', ...fieldsOf(16_384)), status: 200 },
  { what: 'fields of 16,385 bytes',
    bytes: get('/', 'Host: x', ...fieldsOf(16_385)), status: 431 },
  { what: 'a field of half of what all may have',
    bytes: get('/', 'Host: x', `a: ${'b'.repeat(8192)}`), status: 431 },
  { what: 'a field of 64 KiB', bytes: get('/', 'Host: x', `a: ${'b'.repeat(65_536)}`), status: 431 },
  // P6, P7, P8: lines.
  { what: 'a space before the colon', bytes: get('/', 'Host : x'), status: 400 },
  { what: 'a line without a colon', bytes: get('/', 'Host: x', 'abc'), status: 400 },
  { what: 'an empty name', bytes: get('/', 'Host: x', ': y'), status: 400 },
  { what: 'a folded line', bytes: get('/', 'Host: x', 'a: b', ' c'), status: 400 },
  { what: 'a space before the first field', bytes: get('/', ' Host: x'), status: 400 },
  { what: 'NUL in a value', bytes: get('/', 'Host: x', 'a: b\0c'), status: 400 },
  { what: 'a bare CR in a value', bytes: get('/', 'Host: x', 'a: b\rc'), status: 400 },
  { what: 'bare LF line ends', bytes: 'GET / HTTP/1.1\nHost: x\n\n', status: 400 },
  { what: 'names that objects know', bytes: get('/', 'Host: x', '__proto__: a', 'constructor: b'), status: 200 },
  // H4: Host.
  { what: 'no Host', bytes: 'GET / HTTP/1.1\r\n\r\n', status: 400 },
  { what: 'an empty Host', bytes: get('/', 'Host:'), status: 400 },
  { what: 'two Hosts', bytes: get('/', 'Host: x', 'Host: x'), status: 400 },
  { what: 'two Hosts in HTTP/1.0', bytes: 'GET / HTTP/1.0\r\nHost: x\r\nhost: y\r\n\r\n', status: 400 },
  { what: 'a Host with a path', bytes: get('/', 'Host: a/b'), status: 400 },
  { what: 'a Host with a space', bytes: get('/', 'Host: a b'), status: 400 },
  { what: 'a Host with userinfo', bytes: get('/', 'Host: u@x'), status: 400 },
  { what: 'a Host with a port', bytes: get('/', 'Host: x_y.example:8080'), status: 200 },
  { what: 'a Host with a port beyond all', bytes: get('/', 'Host: x:65536'), status: 400 },
  { what: 'a Host with a word for a port', bytes: get('/', 'Host: x:http'), status: 400 },
  { what: 'an IPv6 Host', bytes: get('/', 'Host: [::1]:80'), status: 200 },
  { what: 'an IPv6 Host without brackets', bytes: get('/', 'Host: ::1'), status: 400 },
  { what: 'something else in brackets', bytes: get('/', 'Host: [:::1]'), status: 400 },
  // H5: methods.
  { what: 'CONNECT', bytes: 'CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n', status: 405 },
  { what: 'TRACE', bytes: 'TRACE / HTTP/1.1\r\nHost: x\r\n\r\n', status: 405 },
  { what: 'a method that nobody knows', bytes: 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n', status: 200 },
  // F1 to F4: framing.
  { what: 'a length', bytes: post('abc', 'Content-Length: 3'), status: 200 },
  { what: 'chunked', bytes: post('3\r\nabc\r\n0\r\n\r\n', 'Transfer-Encoding: Chunked'), status: 200 },
  { what: 'length and chunked', status: 400,
    bytes: post('0\r\n\r\n', 'Content-Length: 5', 'Transfer-Encoding: chunked') },
  { what: 'two equal lengths', bytes: post('abc', 'Content-Length: 3', 'Content-Length: 3'), status: 400 },
  { what: 'a list of lengths', bytes: post('abc', 'Content-Length: 3, 3'), status: 400 },
  ...['+3', '-3', '0x3', '3_0', '3.0', '3e0', '3 3', '', '9007199254740992', '18446744073709551619'].map((length) => ({
    what: `the length "${length}"`, bytes: post('abc', `Content-Length: ${length}`), status: 400,
  })),
  ...['chunked;q=1', ',chunked', 'chunked,', 'identity', 'chunked, identity', 'x', '"chunked"'].map((coding) => ({
    what: `the coding ${coding}`, bytes: post('0\r\n\r\n', `Transfer-Encoding: ${coding}`), status: 400,
  })),
  { what: 'stacked codings', bytes: post('0\r\n\r\n', 'Transfer-Encoding: gzip, chunked'), status: 501 },
  { what: 'two codings', status: 400,
    bytes: post('0\r\n\r\n', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked') },
  { what: 'chunked in HTTP/1.0', bytes: 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', status: 400 },
  // F7: Connection takes nothing out that frames or addresses a message.
  { what: 'a nominated length', bytes: post('abc', 'Content-Length: 3', 'Connection: Content-Length'), status: 200 },
  { what: 'a nominated coding', status: 200,
    bytes: post('0\r\n\r\n', 'Transfer-Encoding: chunked', 'Connection: close, transfer-encoding') },
  { what: 'a nominated Host', bytes: get('/', 'Host: x', 'Connection: host'), status: 200 },
  { what: 'an ordinary nomination', bytes: get('/', 'Host: x', 'Connection: x-host, keep-alive'), status: 200 },
  // F14 and I2.
  { what: 'h2c', bytes: get('/', 'Host: x', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c'), status: 200 },
  { what: 'another expectation', bytes: get('/', 'Host: x', 'Expect: 200-ok'), status: 417 },
  // H2: loops.
  { what: 'a Via of somebody else', bytes: get('/', 'Host: x', 'Via: 1.1 seawall-ffffffff'), status: 200 },
  { what: 'a Via that begins like ours', bytes: get('/', 'Host: x', 'Via: 1.1 seawall-000000012'), status: 200 },
  { what: 'our own Via', bytes: get('/', 'Host: x', 'Via: 1.1 a, 1.1 seawall-00000001'), status: 508 },
]

/** The statuses of everything that the server answered. */
function statuses(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]))
}

test(`every head gets the one answer that the gate's table gives it`, async (t) => {
  let routed = 0
  const house = await stubHouse({ handle: async () => {
    routed++
    return reply(200, 'ok')
  } })
  t.teardown(() => house.close())
  for (const c of cases) {
    const before = routed
    const client = new RawClient(house.url)
    client.send(c.bytes)
    const { status } = c
    const received = status === 200 ? await client.until(/ok$/) : await client.closed()
    client.destroy()
    t.same(statuses(received), [status], c.what)
    if (status !== 200) t.match(received, '\r\nidempotency-status: not-processed\r\n', c.what)
    t.equal(routed - before, status === 200 ? 1 : 0, `${c.what}: routed or not`)
    if (status !== 200) {
      t.match(received, /connection: close/i, `${c.what}: says that it closes`)
      t.match(received, /content-type: application\/problem\+json/i, `${c.what}: says why`)
    }
  }
  t.same(house.defects, [])
})

test(`nothing behind a refused head is processed`, async (t) => {
  let routed = 0
  const house = await stubHouse({ handle: async () => {
    routed++
    return reply(200, 'ok')
  } })
  t.teardown(() => house.close())
  for (const c of cases) {
    if (c.status === 200) continue
    const before = routed
    const client = new RawClient(house.url)
    client.send(c.bytes + get('/smuggled'))
    await client.closed()
    client.destroy()
    t.equal(routed, before, c.what)
  }
})

test('the gate counts what it refuses under the code that it says', async (t) => {
  const house = await stubHouse()
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get('*'))
  t.match(await client.closed(), /details="request\.malformed"/)
  t.same(house.unrouted, ['request.malformed'])
})

test('the gate hands on target, path and authority as they were meant', (t) => {
  const gate = new Gate({ headerBytes: 16_384, headerCount: 100, uriBytes: 8192 }, 'seawall-00000001')
  const examine = (method: string, url: string, ...rawHeaders: string[]): unknown =>
    gate.examine({ method, url, httpVersionMajor: 1, httpVersionMinor: 1, rawHeaders })
  t.match(examine('GET', '/a/../b?c?d', 'hOST', 'X:80'), {
    method: 'GET', target: '/a/../b?c?d', path: '/a/../b', authority: 'X:80', version: 1, expectsContinue: false,
  })
  t.match(examine('GET', 'http://x:81?q', 'Host', 'x:81'), { target: '/?q', path: '/', authority: 'x:81' })
  t.match(examine('OPTIONS', 'http://x', 'Host', 'x'), { target: '*', path: '*', authority: 'x' })
  t.match(examine('PUT', '/', 'Host', 'x', 'Expect', '100-Continue'), { expectsContinue: true })
  t.end()
})

test('names whose length is one of ours modulo 32 are not taken for ours', (t) => {
  const gate = new Gate({ headerBytes: 16_384, headerCount: 100, uriBytes: 8192 }, 'seawall-00000001')
  const name = 'a'.repeat(36)
  t.type(gate.examine({
    method: 'GET', url: '/', httpVersionMajor: 1, httpVersionMinor: 1, rawHeaders: [name, '1', name, '2', 'host', 'x'],
  }), 'object')
  t.end()
})
