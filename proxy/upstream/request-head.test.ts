// The outgoing head to the byte: what passes, what ends here, what is ours, and what no caller or route can talk us
// into.

import { test } from 'tap'
import { RequestHeads } from './request-head.ts'
import { bodyOf } from './fixtures/leaf-bodies.ts'
import { Sent } from './fixtures/leaf-fixture.ts'
import type { RequestShape } from './fixtures/leaf-fixture.ts'

const trace = '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01'
/** What a die that always shows one half makes of a parent-id. */
const parent = '8000000080000000'

function built(shape: RequestShape): string {
  const sent = new Sent(shape)
  const now = sent.attempt.work.exchange.startedAt
  return new RequestHeads(() => 0.5).build(sent.attempt, 'origin.example:81', now)
}

/** The lines of the head, the request line first, without those that every head has. */
function lines(shape: RequestShape): string[] {
  const head = built(shape)
  if (!head.endsWith('\r\n\r\n')) throw new Error(`no empty line at the end: ${head}`)
  const always = /^(host|via|x-forwarded-\w+|forwarded|x-request-id|traceparent|x-envoy-attempt-count):/
  return head.slice(0, -4).split('\r\n').filter((line) => !always.test(line))
}

/** The values of one field, as sent. */
function values(shape: RequestShape, name: string): string[] {
  return built(shape).split('\r\n').filter((line) => line.toLowerCase().startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 2))
}

await test('a plain request goes out as exactly these bytes', (t) => {
  t.equal(built({ target: '/a?b', headers: ['User-Agent', 'x', 'HOST', 'shop.example', 'accept', '*/*'] }), [
    'GET /a?b HTTP/1.1',
    'host: shop.example',
    'User-Agent: x',
    'accept: */*',
    'via: 1.1 seawall-test',
    'x-forwarded-for: 192.0.2.7',
    'x-forwarded-proto: http',
    'x-forwarded-host: shop.example',
    'forwarded: for=192.0.2.7;host=shop.example;proto=http',
    'x-request-id: 0123456789abcdef0123456789abcdef',
    `traceparent: 00-0123456789abcdef0123456789abcdef-${parent}-01`,
    'x-envoy-attempt-count: 1',
    '\r\n',
  ].join('\r\n').replace(/\r\n\r\n\r\n$/, '\r\n\r\n'))
  t.end()
})

await test('fields that end at this hop do, whoever nominated them, and ours cannot be nominated', (t) => {
  const headers = [
    'Connection', 'keep-alive, X-Secret', 'X-Secret', '1', 'connection', 'via, X-Forwarded-For, host, X-Two',
    'x-two', '2', 'Keep-Alive', 'timeout=5', 'Proxy-Connection', 'a', 'TE', 'gzip', 'Transfer-Encoding', 'chunked',
    'Upgrade', 'websocket', 'HTTP2-Settings', 'a', 'Proxy-Authorization', 'b', 'X-Kept', '3', 'Content-Length', '9',
    'Expect', '100-continue',
  ]
  t.same(lines({ headers }), ['GET / HTTP/1.1', 'X-Kept: 3'])
  t.equal(values({ headers }, 'via').length, 1)
  t.equal(values({ headers }, 'x-forwarded-for').length, 1)
  t.equal(values({ headers }, 'host').length, 1)
  t.end()
})

await test('te: trailers is the one wish of this kind that goes on', (t) => {
  const asked = ['GET / HTTP/1.1', 'te: trailers', 'connection: te']
  t.same(lines({ headers: ['TE', 'trailers', 'Connection', 'te'] }), asked)
  t.same(lines({ headers: ['TE', 'gzip;q=0.5 , Trailers'] }), asked)
  t.same(lines({ headers: ['TE', 'x-trailers'] }), ['GET / HTTP/1.1'])
  t.end()
})

await test('the host is the configured one, else the caller\'s, else the endpoint\'s', (t) => {
  t.same(values({ authority: 'a.example' }, 'host'), ['a.example'])
  t.same(values({ authority: 'a.example', forwarding: { host: 'b.example' } }, 'host'), ['b.example'])
  t.same(values({ authority: '', version: 0, headers: [] }, 'host'), ['origin.example:81'])
  t.match(built({ forwarding: { host: 'b.example' } }), 'x-forwarded-host: shop.example')
  t.end()
})

await test('path and query bytes stay as they are', (t) => {
  for (const target of ['/a/../b//c/%2e%2E/;x?y=%zz&&', '/?', '/\\{}"<>|^`', '*']) {
    t.equal(lines({ target })[0], `GET ${target} HTTP/1.1`)
  }
  t.end()
})

await test('a prefix is stripped at the end of a segment only', (t) => {
  const table: [string, string, string][] = [
    ['/api', '/api/a?b', '/a?b'], ['/api', '/api', '/'], ['/api', '/api?x', '/?x'], ['/api', '/apis', '/apis'],
    ['/api', '/api//a', '//a'], ['/api/', '/api/a', '/a'], ['/api', '/b/api', '/b/api'], ['/', '/a', '/a'],
    ['/api', '/API/a', '/API/a'],
  ]
  for (const [stripPrefix, target, expected] of table) {
    const [line] = lines({ target, forwarding: { stripPrefix } })
    t.equal(line, `GET ${expected} HTTP/1.1`, `${stripPrefix} of ${target}`)
  }
  t.end()
})

await test('a route removes and sets fields, ours among them, but never framing', (t) => {
  const forwarding = {
    requestRemove: new Set(['cookie', 'x-tenant', 'x-forwarded-for', 'traceparent', 'x-request-id', 'via']),
    requestSet: ['X-Tenant', 'a', 'Content-Length', '7', 'Transfer-Encoding', 'chunked', 'Host', 'evil'],
  }
  const headers = [
    'Cookie', 'a', 'x-TENANT', 'b', 'Accept', '*/*', 'cookie', 'b', 'traceparent', trace, 'tracestate', 'a=b',
  ]
  t.same(lines({ headers, forwarding }), ['GET / HTTP/1.1', 'Accept: */*', 'X-Tenant: a'])
  t.same(values({ forwarding }, 'x-forwarded-for'), [])
  t.same(values({ headers, forwarding }, 'traceparent'), [])
  t.same(values({ forwarding }, 'x-request-id'), [])
  t.same(values({ forwarding }, 'via'), ['1.1 seawall-test'], 'a hop must name itself')
  t.end()
})

await test('configured fields that would split a head are refused when the recipe is made', (t) => {
  for (const value of ['a\r\nEvil: b', 'a\0', 'a\n']) {
    t.throws(() => built({ forwarding: { requestSet: ['X-A', value] } }), /Cannot set request header "X-A"/)
    t.throws(() => built({ forwarding: { host: value } }), /Cannot set request header "host"/)
  }
  t.throws(() => built({ forwarding: { requestSet: ['X A', 'b'] } }), /expected a field name/)
  t.end()
})

await test('Via is appended behind those that came, under the version that was received', (t) => {
  t.same(values({ headers: ['Via', '1.0 a', 'VIA', '1.1 b'] }, 'via'), ['1.0 a', '1.1 b', '1.1 seawall-test'])
  t.same(values({ version: 0 }, 'via'), ['1.0 seawall-test'])
  t.same(values({ version: 2 }, 'via'), ['2 seawall-test'])
  t.end()
})

await test('what a stranger says of where it comes from is replaced', (t) => {
  const headers = [
    'X-Forwarded-For', '1.1.1.1', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'evil', 'Forwarded', 'for=1.1.1.1',
  ]
  t.same(values({ headers }, 'x-forwarded-for'), ['192.0.2.7'])
  t.same(values({ headers }, 'x-forwarded-proto'), ['http'])
  t.same(values({ headers }, 'x-forwarded-host'), ['shop.example'])
  t.same(values({ headers }, 'forwarded'), ['for=192.0.2.7;host=shop.example;proto=http'])
  t.end()
})

await test('what a trusted peer says of it is continued', (t) => {
  const headers = [
    'X-Forwarded-For', '1.1.1.1', 'x-forwarded-for', '2.2.2.2', 'X-Forwarded-Proto', 'https',
    'X-Forwarded-Host', 'first',
    'Forwarded', 'for=1.1.1.1', 'forwarded', 'for=2.2.2.2',
  ]
  const shape = { headers, forwarding: { trusts: (address: string) => address === '192.0.2.7' } }
  t.same(values(shape, 'x-forwarded-for'), ['1.1.1.1, 2.2.2.2, 192.0.2.7'])
  t.same(values(shape, 'x-forwarded-proto'), ['https'])
  t.same(values(shape, 'x-forwarded-host'), ['first'])
  t.same(values(shape, 'forwarded'), ['for=1.1.1.1, for=2.2.2.2, for=192.0.2.7;host=shop.example;proto=http'])
  t.end()
})

await test('addresses are written as each field wants them', (t) => {
  const table: [string, string, string][] = [
    ['2001:db8::1', '2001:db8::1', 'for="[2001:db8::1]"'], ['::ffff:10.0.0.1', '10.0.0.1', 'for=10.0.0.1'],
  ]
  for (const [remoteAddress, list, element] of table) {
    t.same(values({ remoteAddress }, 'x-forwarded-for'), [list])
    t.same(values({ remoteAddress }, 'forwarded'), [`${element};host=shop.example;proto=http`])
  }
  t.same(values({ remoteAddress: '' }, 'x-forwarded-for'), [])
  t.same(values({ remoteAddress: '', isSecure: true, authority: 'a:81' }, 'forwarded'), [
    'for=unknown;host="a:81";proto=https',
  ])
  t.end()
})

await test('lines kept from the last request are never another caller\'s', (t) => {
  const heads = new RequestHeads(() => 0.5)
  const shapes: RequestShape[] = [
    {}, {}, { remoteAddress: '10.0.0.1' }, {}, { authority: 'other' }, {}, { isSecure: true }, {},
    { remoteAddress: '' },
    { headers: ['X-Forwarded-For', 'a'], forwarding: { trusts: () => true } }, {},
  ]
  for (const shape of shapes) {
    const { attempt } = new Sent(shape)
    t.equal(heads.build(attempt, 'x', attempt.startedAt), built(shape))
  }
  t.end()
})

await test('a valid trace goes on under a new parent, anything else begins one', (t) => {
  const fresh = `00-0123456789abcdef0123456789abcdef-${parent}-01`
  const id = 'f'.repeat(32)
  const table: [string[], string][] = [
    [['traceparent', `00-${id}-${'1'.repeat(16)}-01`], `00-${id}-${parent}-01`],
    [['TraceParent', `00-${id}-${'1'.repeat(16)}-03`], `00-${id}-${parent}-03`],
    [['traceparent', `cc-${id}-${'1'.repeat(16)}-03-what-ever`], `00-${id}-${parent}-01`],
    [[], fresh],
    [['traceparent', trace, 'traceparent', trace], fresh],
    [['traceparent', `00-${id}-${'1'.repeat(16)}-01-more`], fresh],
    [['traceparent', `cc-${id}-${'1'.repeat(16)}-01more`], fresh],
    [['traceparent', `ff-${id}-${'1'.repeat(16)}-01`], fresh],
    [['traceparent', `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`], fresh],
    [['traceparent', `00-${id}-${'0'.repeat(16)}-01`], fresh],
    [['traceparent', `00-${id.toUpperCase()}-${'1'.repeat(16)}-01`], fresh],
    [['traceparent', `00-${id}-${'1'.repeat(16)}-1`], fresh],
    [['traceparent', ''], fresh],
  ]
  for (const [headers, expected] of table) {
    t.same(values({ headers }, 'traceparent'), [expected], JSON.stringify(headers))
    const state = values({ headers: [...headers, 'tracestate', 'a=b', 'Tracestate', 'c=d'] }, 'tracestate')
    t.same(state, expected === fresh ? [] : ['a=b, c=d'])
  }
  t.same(values({ requestId: 'not-a-trace' }, 'traceparent'), [`00-${parent}${parent}-${parent}-01`])
  t.end()
})

function kept(state: string): boolean {
  return values({ headers: ['traceparent', trace, 'tracestate', state] }, 'tracestate').length === 1
}

await test('a trace state that is too long or too wide is dropped', (t) => {
  t.ok(kept(`a=${'x'.repeat(510)}`))
  t.notOk(kept(`a=${'x'.repeat(511)}`))
  t.ok(kept(Array.from({ length: 32 }, (_, i) => `a${i}=b`).join()))
  t.notOk(kept(Array.from({ length: 33 }, (_, i) => `a${i}=b`).join()))
  t.end()
})

await test('what is left of the time is told in both fields, in place of what came in them', (t) => {
  const headers = [
    'X-Request-Timeout-Ms', '99999', 'x-envoy-expected-rq-timeout-ms', '99999', 'X-Envoy-Attempt-Count', '9',
  ]
  t.same(lines({ headers }), [
    'GET / HTTP/1.1', 'X-Request-Timeout-Ms: 99999', 'x-envoy-expected-rq-timeout-ms: 99999',
  ], 'without a deadline of ours it goes on as it came')
  t.same(lines({ headers, deadlineMs: 1234.9 }), [
    'GET / HTTP/1.1', 'x-request-timeout-ms: 1234', 'x-envoy-expected-rq-timeout-ms: 1234',
  ])
  t.same(lines({ deadlineMs: -5 })[1], 'x-request-timeout-ms: 1')
  const sent = new Sent({ headers })
  sent.attempt.work.attempts = 3
  t.match(new RequestHeads(() => 0.5).build(sent.attempt, 'x', 0), 'x-envoy-attempt-count: 3\r\n')
  t.end()
})

await test('framing is made anew for every method', (t) => {
  const headers = ['Content-Length', '99', 'Transfer-Encoding', 'gzip', 'content-length', '3']
  const framing = (method: string, length: number | null): string[] =>
    lines({ method, headers, body: length === null ? null : bodyOf([], length) }).slice(1)
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'FROB']) t.same(framing(method, null), [])
  for (const method of ['POST', 'PUT', 'PATCH']) t.same(framing(method, null), ['content-length: 0'])
  for (const method of ['GET', 'DELETE', 'POST', 'FROB']) {
    t.same(framing(method, 0), ['content-length: 0'])
    t.same(framing(method, 7), ['content-length: 7'])
    t.same(framing(method, -1), ['transfer-encoding: chunked'])
  }
  t.end()
})

await test('expect goes on with a body only', (t) => {
  const shape = { method: 'POST', expectsContinue: true, headers: ['Expect', '100-continue'] }
  t.same(lines(shape), ['POST / HTTP/1.1', 'content-length: 0'])
  t.same(lines({ ...shape, body: bodyOf([], 5) }), ['POST / HTTP/1.1', 'expect: 100-continue', 'content-length: 5'])
  t.end()
})
