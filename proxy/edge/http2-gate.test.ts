import { test } from 'tap'
import { Http2Gate } from './http2-gate.ts'

const gate = new Http2Gate({ headerBytes: 1000, headerCount: 10, uriBytes: 100 }, 'seawall-0001')

const get = [':method', 'GET', ':scheme', 'https', ':authority', 'a.test', ':path', '/x?y=1'] as const

function examine(fields: readonly string[], endsHere = true): ReturnType<Http2Gate['examine']> {
  return gate.examine(fields, endsHere, true)
}

/** A request with one of the four replaced, or absent. */
function replaced(name: string, value: string | null): string[] {
  const fields: string[] = []
  for (let i = 0; i < get.length; i += 2) {
    if (get[i] !== name) fields.push(get[i] as string, get[i + 1] as string)
    else if (value !== null) fields.push(name, value)
  }
  return fields
}

test('a good head is what HTTP/1.1 would have said', async (t) => {
  t.strictSame(examine([...get, 'accept', '*/*', 'te', 'trailers']), {
    method: 'GET', target: '/x?y=1', path: '/x', authority: 'a.test', headers: ['accept', '*/*', 'te', 'trailers'],
    version: 2, expectsContinue: false,
  })
  t.match(examine([':method', 'OPTIONS', ':scheme', 'http', ':path', '*', 'host', 'b.test']), {
    target: '*', authority: 'b.test',
  })
  t.match(examine([...get, 'expect', '100-Continue'], false), { expectsContinue: true })
})

test('crumbs of a cookie are one field again, at the place of the first', async (t) => {
  t.match(examine([...get, 'cookie', 'a=1', 'x', 'y', 'cookie', 'b=2', 'cookie', 'c=3']), {
    headers: ['cookie', 'a=1; b=2; c=3', 'x', 'y'],
  })
})

test('a length is kept, and must be that of what follows', async (t) => {
  t.match(examine([...get, 'content-length', '5'], false), { version: 2 })
  t.equal(gate.contentLength, 5)
  t.match(examine([...get], false), { version: 2 })
  t.equal(gate.contentLength, -1)
  t.match(examine([...get, 'content-length', '0']), { version: 2 })
  t.equal(examine([...get, 'content-length', '5']), 'request.malformed', 'a head that ends here has no body')
})

test('what would mean something else in HTTP/1.1 is refused', async (t) => {
  const extra: readonly (readonly string[])[] = [
    ['connection', 'close'], ['connection', 'x-a'], ['keep-alive', '5'], ['proxy-connection', 'close'],
    ['transfer-encoding', 'chunked'], ['upgrade', 'websocket'], ['te', 'gzip'], ['te', 'trailers, gzip'],
    ['Accept', '*/*'], ['x:y', 'a'], ['x y', 'a'], ['x\r\n', 'a'], ['', 'a'], ['x\0', 'a'], ['\xe9', 'a'],
    ['x', 'a\r\nb: c'], ['x', 'a\nb'], ['x', 'a\0b'], ['x', '\x7f'], ['x', ' a'], ['x', 'a\t'],
    ['content-length', '1', 'content-length', '1'], ['content-length', '+1'], ['content-length', '1,1'],
    ['content-length', ''], ['content-length', '0x1'], ['content-length', '99999999999999999'],
    ['host', 'b.test'], ['host', 'a.test', 'host', 'a.test'], ['x', 'a', ':path', '/'], [':path', '/'],
    [':method', 'GET'], [':scheme', 'http'], [':authority', 'a.test'], [':protocol', 'websocket'], [':status', '200'],
  ]
  for (const fields of extra) t.equal(examine([...get, ...fields], false), 'request.malformed', JSON.stringify(fields))
})

test('the four that every request has are there, once, and in their grammar', async (t) => {
  const rows: readonly (readonly [string, string | null, string])[] = [
    [':method', null, 'malformed'], [':method', '', 'malformed'], [':method', 'GE T', 'malformed'],
    [':method', 'GET / HTTP/1.1\r\nx:', 'malformed'], [':method', 'PRI', 'malformed'], [':method', 'CONNECT', 'method'],
    [':method', 'TRACE', 'method'],
    [':scheme', null, 'malformed'], [':scheme', 'ftp', 'malformed'], [':scheme', 'https://evil/', 'malformed'],
    [':path', null, 'malformed'], [':path', '', 'malformed'], [':path', 'x', 'malformed'], [':path', '*', 'malformed'],
    [':path', 'http://b.test/', 'malformed'], [':path', '/a b', 'malformed'], [':path', '/#a', 'malformed'],
    [':path', '/\r\nx: y', 'malformed'], [':path', '/\xe9', 'malformed'],
    [':path', `/${'x'.repeat(100)}`, 'uri-too-long'],
    [':authority', null, 'malformed'], [':authority', '', 'malformed'], [':authority', 'a b', 'malformed'],
    [':authority', 'u@a.test', 'malformed'], [':authority', 'a.test/x', 'malformed'],
    [':authority', 'a.test:99999', 'malformed'],
  ]
  for (const [name, value, code] of rows) {
    t.equal(examine(replaced(name, value)), `request.${code}`, `${name} ${JSON.stringify(value)}`)
  }
})

test('host may say again what authority says, and nothing else', async (t) => {
  t.match(examine([...get, 'host', 'A.test:443']), { authority: 'a.test' })
  t.equal(examine([...get, 'host', 'a.test:80']), 'request.malformed')
})

test('limits of bytes and of fields are exact', async (t) => {
  const fields = (count: number): string[] => Array.from({ length: count }, (_, i) => [`x${i}`, 'y']).flat()
  t.match(examine([...get, ...fields(10)]), { version: 2 })
  t.equal(examine([...get, ...fields(11)]), 'request.headers-too-large')
  t.match(examine([...get, 'x', 'y'.repeat(495)]), { version: 2 })
  t.equal(examine([...get, 'x', 'y'.repeat(496)]), 'request.headers-too-large', 'one field is half of all at most')
  t.match(examine([...get, 'x', 'y'.repeat(495), 'z', 'y'.repeat(495)]), { version: 2 })
  t.equal(examine([...get, 'x', 'y'.repeat(495), 'z', 'y'.repeat(491), 'a', 'b']), 'request.headers-too-large')
})

test('what has gone round and what cannot be met is told apart', async (t) => {
  t.equal(examine([...get, 'via', '1.1 other, 2 seawall-0001']), 'request.loop')
  t.match(examine([...get, 'via', '2 seawall-00012']), { version: 2 })
  t.equal(examine([...get, 'expect', 'miracles']), 'request.expectation')
})
