// Rows H1 to H10: which fields go on, which end here, which are ours. Bytes on both wires.

import { test } from 'tap'
import { between, get, ok, partsOf, request, valuesOf } from './between.ts'

const hopByHop = ['Connection: X-Mine, X-Two', 'Connection: close', 'X-Mine: 1', 'x-two: 2', 'Keep-Alive: timeout=5',
  'Proxy-Connection: keep-alive', 'Upgrade: foo/2', 'Proxy-Authenticate: x', 'Proxy-Authorization: y']

test('H1 what ends at this hop ends here, in both directions, and what Connection names too', async (t) => {
  const b = await between(t, () => ['HTTP/1.1 200 OK', ...hopByHop, 'X-Stays: 1', 'content-length: 2', '',
    'ok'].join('\r\n'))
  const answer = await b.ask(get('/', ...hopByHop, 'HTTP2-Settings: AAAA', 'TE: gzip;q=0.1, trailers', 'X-Stays: 1'))
  for (const message of [b.origin.last, answer]) {
    for (const name of ['x-mine', 'x-two', 'keep-alive', 'proxy-connection', 'upgrade', 'http2-settings',
      'proxy-authenticate', 'proxy-authorization', 'transfer-encoding']) t.strictSame(valuesOf(message, name), [], name)
    t.strictSame(valuesOf(message, 'x-stays'), ['1'])
  }
  t.strictSame(valuesOf(b.origin.last, 'te'), ['trailers'], 'TE is said anew')
  t.strictSame(valuesOf(b.origin.last, 'connection'), ['te'])
  t.strictSame(valuesOf(answer, 'connection'), ['close'], 'the caller wanted that, not the origin')
})

test('H1 nobody can have a field of ours taken out by naming it, nor one that was set by the route', async (t) => {
  const b = await between(t, () => ok, { route: { requestHeaders: { set: { 'x-secret': 's' }, remove: [] } } })
  await b.ask(get('/', 'Connection: x-secret, via, forwarded, x-forwarded-proto, x-envoy-attempt-count',
    'X-Secret: theirs'))
  t.strictSame(valuesOf(b.origin.last, 'x-secret'), ['s'])
  for (const name of ['via', 'forwarded', 'x-forwarded-proto', 'x-envoy-attempt-count']) {
    t.equal(valuesOf(b.origin.last, name).length, 1, name)
  }
})

test('H2 every request says in Via that it came through here', async (t) => {
  const b = await between(t)
  await b.ask(get('/', 'Via: 1.0 fred, 1.1 p.example.net'))
  const [theirs, own] = valuesOf(b.origin.last, 'via')
  t.equal(theirs, '1.0 fred, 1.1 p.example.net')
  t.match(own, /^1\.1 seawall-[0-9a-f]+-public$/)
  await b.ask('GET / HTTP/1.0\r\nHost: a\r\n\r\n')
  t.match(valuesOf(b.origin.last, 'via')[0], /^1\.0 seawall-/, 'the version in which it came')
})

test('H2 a request that has come round is 508 and goes round no more', async (t) => {
  const b = await between(t)
  await b.ask(get('/'))
  const own = valuesOf(b.origin.last, 'via')[0] as string
  for (const via of [own, `1.1 other, ${own}`, `${own} (comment), 1.1 x`]) {
    const client = b.caller(get('/', `Via: ${via}`))
    t.match(await client.answer(), /^HTTP\/1\.1 508 [^\0]*"code":"request\.loop"/, via)
    client.destroy()
  }
  t.match(await b.ask(get('/', `Via: ${own}x`)), /^HTTP\/1\.1 200 /, 'another instance is no loop')
  t.equal(b.origin.received.length, 2)
})

test('H3 Max-Forwards counts down on OPTIONS, ends at zero here, and is nothing on other methods', async (t) => {
  const b = await between(t)
  await b.ask(request('OPTIONS', '*', 'Max-Forwards: 5', 'X-After: 1'))
  t.strictSame(valuesOf(b.origin.last, 'max-forwards'), ['4'])
  t.strictSame(valuesOf(b.origin.last, 'x-after'), ['1'])
  await b.ask(request('OPTIONS', '/', 'max-forwards: 1'))
  t.strictSame(valuesOf(b.origin.last, 'max-forwards'), ['0'])
  await b.ask(get('/', 'Max-Forwards: 0'))
  t.strictSame(valuesOf(b.origin.last, 'max-forwards'), ['0'])
  for (const value of ['x', '-1', '', '1, 2', '99999999999999999999']) {
    await b.ask(request('OPTIONS', '/', `Max-Forwards: ${value}`))
    t.strictSame(valuesOf(b.origin.last, 'max-forwards'), [value], `${value} is no number and left alone`)
  }
  const before = b.origin.received.length
  const answer = await b.ask(request('OPTIONS', '*', 'Max-Forwards: 0'))
  t.match(answer, /^HTTP\/1\.1 200 /)
  t.match(valuesOf(answer, 'allow')[0], /GET/)
  t.equal(b.origin.received.length, before, 'it went no further')
})

test('H4 a request names one host that can be one, or it is 400', async (t) => {
  const b = await between(t)
  await b.refuses('GET / HTTP/1.1\r\n\r\n', 400)
  for (const host of ['a/b', 'a b', 'a, b', 'user@a', 'a:b', 'a:99999', '[::1', '::1', '[zz]', 'a\\b', 'a"b', 'a?b', '',
    'a\tb', 'http://a', 'a:80:80', '[::1]x']) await b.refuses(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 400)
  await b.refuses('GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 400)
  await b.refuses('GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n', 400)
  await b.refuses('GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n', 400)
  for (const host of ['a', 'A.Test:80', '127.0.0.1:1', '[::1]:8080', 'xn--bcher-kva.example', 'a_b', 'a:']) {
    await b.ask(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    t.strictSame(valuesOf(b.origin.last, 'host'), [host])
  }
  t.match(await b.ask('GET http://a.test:80/ HTTP/1.1\r\nHost: A.test\r\n\r\n'), /^HTTP\/1\.1 200 /)
})

test('H4 the host that goes out is the caller\'s or the configured one; the address never theirs', async (t) => {
  const b = await between(t)
  await b.ask('GET http://169.254.169.254/latest HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n')
  t.match(b.origin.last, /^GET \/latest HTTP\/1\.1\r\nhost: 169\.254\.169\.254\r\n/, 'and yet it reached our origin')
})

test('H5 CONNECT and TRACE are not served, and nothing is reflected', async (t) => {
  const b = await between(t)
  for (const line of ['CONNECT a.test:443', 'CONNECT /', 'TRACE /', 'TRACE *']) {
    const received = await b.askToTheEnd(
      `${line} HTTP/1.1\r\nHost: a.test\r\nCookie: secret\r\nAuthorization: secret\r\n\r\n`)
    t.match(received, /^HTTP\/1\.1 (?:405|400) /, line)
    t.notMatch(received, /secret/)
  }
  t.strictSame(b.origin.received, [])
})

test('H6 forwarded fields of strangers are replaced, those of the trusted continued', async (t) => {
  const theirs = ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 7.7.7.7', 'X-Forwarded-Proto: https',
    'X-Forwarded-Host: b.test',
    'Forwarded: for="[2001:db8::1]:47011";proto=https', 'Forwarded: for=_hidden']
  const strange = await between(t)
  await strange.ask(get('/', ...theirs))
  t.strictSame(forwardedOf(strange.origin.last), [['127.0.0.1'], ['http'], ['a.test'],
    ['for=127.0.0.1;host=a.test;proto=http']])
  const trusting = await between(t, () => ok, { listener: { trust: ['127.0.0.0/8'] } })
  await trusting.ask(get('/', ...theirs))
  t.strictSame(forwardedOf(trusting.origin.last), [['6.6.6.6, 7.7.7.7, 127.0.0.1'], ['https'], ['b.test'], [
    'for="[2001:db8::1]:47011";proto=https, for=_hidden, for=127.0.0.1;host=a.test;proto=http']])
  await trusting.ask('GET / HTTP/1.1\r\nHost: a.test:8080\r\n\r\n')
  t.match(valuesOf(trusting.origin.last, 'forwarded')[0], /host="a\.test:8080"/, 'quoted where it is no token')
  // Ours says no port: what a stranger says of it is nobody's word.
  for (const [b, ports] of [[strange, []], [trusting, ['443']]] as const) {
    await b.ask(get('/', 'X-Forwarded-Port: 443'))
    t.strictSame(valuesOf(b.origin.last, 'x-forwarded-port'), ports)
  }
})

test('H7 a valid trace goes on under a parent of ours, anything else begins a new one', async (t) => {
  const b = await between(t)
  const trace = '0af7651916cd43dd8448eb211c80319c'
  await b.ask(get('/', `traceparent: 00-${trace}-b7ad6b7169203331-01`, 'tracestate: a=1', 'tracestate: b=2'))
  const [own] = valuesOf(b.origin.last, 'traceparent')
  t.match(own, new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`))
  t.notMatch(own, /b7ad6b7169203331/)
  t.strictSame(valuesOf(b.origin.last, 'tracestate'), ['a=1, b=2'])
  const invalid = [`00-${'0'.repeat(32)}-b7ad6b7169203331-01`, `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace}-b7ad-01`,
    `ff-${trace}-b7ad6b7169203331-01`, `00-${trace.toUpperCase()}-b7ad6b7169203331-01`, 'x', '',
    `00-${trace}-b7ad6b7169203331-01-extra`]
  for (const traceparent of invalid) {
    await b.ask(get('/', `traceparent: ${traceparent}`, 'tracestate: a=1'))
    const lines = valuesOf(b.origin.last, 'traceparent')
    t.equal(lines.length, 1)
    t.match(lines[0], /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/)
    t.notMatch(lines[0], new RegExp(trace), traceparent)
    t.strictSame(valuesOf(b.origin.last, 'tracestate'), [], 'a state without its trace')
  }
  await b.ask(get('/', `traceparent: 00-${trace}-b7ad6b7169203331-01`, `traceparent: 00-${trace}-b7ad6b7169203331-01`))
  t.equal(valuesOf(b.origin.last, 'traceparent').length, 1)
  for (const state of ['a'.repeat(600), Array.from({ length: 33 }, (_, i) => `k${i}=1`).join()]) {
    await b.ask(get('/', `traceparent: 00-${trace}-b7ad6b7169203331-01`, `tracestate: ${state}`))
    t.strictSame(valuesOf(b.origin.last, 'tracestate'), [])
  }
})

test('H8 an answer has a date, the origin\'s where it gave one, and keeps its server', async (t) => {
  const old = 'Tue, 15 Nov 1994 08:12:31 GMT'
  const b = await between(t, ({ text }) => text.startsWith('GET /dated')
    ? `HTTP/1.1 200 OK\r\ndate: ${old}\r\nserver: old/1\r\ncontent-length: 0\r\n\r\n` : ok)
  const dated = await b.ask(get('/dated'))
  t.strictSame([valuesOf(dated, 'date'), valuesOf(dated, 'server')], [[old], ['old/1']])
  const [made] = valuesOf(await b.ask(get('/')), 'date')
  t.equal(new Date(made as string).toUTCString(), made)
  t.ok(Math.abs(Date.parse(made as string) - Date.now()) < 5000)
})

test('H8 an answer of our own is complete in itself and tells nothing of the house', async (t) => {
  const b = await between(t)
  const own = [await b.askToTheEnd(get('/', 'X : 1')), await b.askToTheEnd(request('TRACE', '/')),
    await b.askToTheEnd('GET / HTTP/3.0\r\n\r\n')]
  for (const answer of own) {
    for (const name of ['date', 'content-type', 'content-length', 'connection', 'proxy-status']) {
      t.equal(valuesOf(answer, name).length, 1, name)
    }
    t.equal(partsOf(answer).body.length, Number(valuesOf(answer, 'content-length')[0]))
    t.notMatch(answer, /node|\bat \S+:\d+|\.ts\b|\/proxy\/|server:/i)
    t.type(JSON.parse(partsOf(answer).body), 'object')
  }
})

test('H9 path and query travel byte for byte, and so do bodies and their encodings', async (t) => {
  const targets = ['/a/../b', '/a/./b', '//a//b', '/%2e%2e/%2F', '/a%5Cb', '/a\\b', '/?', '/a?', '/a??b=c?d', '/a;b=c',
    '/%zz',
    '/a?b=%20+%2B', '/a?x=[1]{2}|^`', '/%', '/a%00b', '/%c3%28', '/~!$&\'()*+,;=:@', '/a?b#'.slice(0, -1), '/.', '/..',
      '/"<>"']
  const gzip = '\x1f\x8b\x08\0\0\0\0\0\0\x03not really gzip'
  const b = await between(t, () =>
    `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${gzip.length}\r\n\r\n${gzip}`)
  for (const target of targets) {
    const answer = await b.ask(get(target, 'Accept-Encoding: gzip'))
    t.equal(b.origin.last.split(' ')[1], target)
    t.equal(partsOf(answer).body, gzip)
    t.strictSame(valuesOf(b.origin.last, 'accept-encoding'), ['gzip'])
  }
})

test('H10 whatever is asked of it, it does not say 421', async (t) => {
  const b = await between(t)
  for (const host of ['nobody.test', '127.0.0.1:1', 'localhost']) {
    t.match(await b.ask(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`), /^HTTP\/1\.1 200 /)
  }
})

function forwardedOf(message: string): string[][] {
  return ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded'].map((name) => valuesOf(message,
    name))
}
