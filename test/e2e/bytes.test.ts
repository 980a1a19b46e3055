// What goes through goes through as it is: raw bytes on both sides of a real process.

import { test } from 'tap'
import { RawClient } from '../support/raw-client.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { inFrontOf, startSeawall } from '../support/seawall.ts'

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

test('fields keep order, case and repetition in both directions', async (t) => {
  const origin = await rawOrigin(t, () => 'HTTP/1.1 200 Fine\r\nX-Zed: 1\r\nSet-Cookie: a=1; Path=/\r\n'
    + 'x-abc: 2\r\nSET-COOKIE: b=2\r\nX-Zed: 3\r\nServer: origin/1\r\nContent-Encoding: gzip\r\n'
    + 'Content-Length: 3\r\n\r\n\x1f\x8b\x00')
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  const client = new RawClient(seawall.ports['public'] as number)
  client.write('GET /%2e%2E/a//b?x=%41&&y=\'"[]{}|\\^` HTTP/1.1\r\nHOST: shop.example:8443\r\nX-Two: b\r\nx-two: a\r\n'
    + 'Accept: */*\r\nX-One: \xe9\r\n\r\n')
  const answer = await client.answer()
  client.destroy()
  t.match(answer, /^HTTP\/1\.1 200 Fine\r\n/)
  t.strictSame(answer.split('\r\n').slice(1, 9), ['X-Zed: 1', 'Set-Cookie: a=1; Path=/', 'x-abc: 2', 'SET-COOKIE: b=2',
    'X-Zed: 3', 'Server: origin/1', 'Content-Encoding: gzip', 'Content-Length: 3'])
  t.ok(answer.endsWith('\x1f\x8b\x00'), 'coded bytes are not touched')
  t.match(answer, /\r\ndate: /i, 'a Date is added where there was none')
  const [line, ...head] = origin.last.split('\r\n')
  t.equal(line, 'GET /%2e%2E/a//b?x=%41&&y=\'"[]{}|\\^` HTTP/1.1')
  t.strictSame(head.filter((field) => /^(x-two|accept|x-one|host)/i.test(field)),
    ['host: shop.example:8443', 'X-Two: b', 'x-two: a', 'Accept: */*', 'X-One: \xe9'])
})

test('what belongs to this hop is said by this hop', async (t) => {
  const origin = await rawOrigin(t, () => 'HTTP/1.1 200 OK\r\nconnection: x-secret\r\nx-secret: 1\r\n'
    + 'keep-alive: timeout=5\r\ncontent-length: 2\r\n\r\nok')
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  const client = new RawClient(seawall.ports['public'] as number)
  client.write('GET / HTTP/1.1\r\nhost: a.example\r\nconnection: X-Mine, keep-alive\r\nx-mine: 1\r\nkeep-alive: 3\r\n'
    + 'te: gzip\r\nupgrade: h2c\r\nhttp2-settings: AAA\r\nproxy-authorization: x\r\nx-forwarded-for: 6.6.6.6\r\n'
    + 'forwarded: for=6.6.6.6\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n')
  const answer = await client.answer()
  client.destroy()
  t.notMatch(answer, /x-secret|keep-alive/i)
  const head = origin.last
  t.notMatch(head, /x-mine|keep-alive|upgrade|http2-settings|proxy-authorization|6\.6\.6\.6|^te:/im)
  t.match(head, /\r\nvia: 1\.1 seawall/i)
  t.match(head, /\r\nx-forwarded-for: 127\.0\.0\.1\r\n/i)
  t.match(head, /\r\nx-forwarded-proto: http\r\n/i)
  t.match(head, /\r\nx-forwarded-host: a\.example\r\n/i)
  t.match(head, /\r\nforwarded: .*for=127\.0\.0\.1/i)
  t.match(head, /\r\nx-request-id: [0-9a-f]{32}\r\n/i)
  const trace = /\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-([0-9a-f]{16})-01\r\n/i.exec(head)
  t.ok(trace !== null && trace[1] !== '00f067aa0ba902b7', 'the trace goes on with a span of ours')
})

test('host, prefix and fields are rewritten as the configuration says', async (t) => {
  const origin = await rawOrigin(t, () => 'HTTP/1.1 200 OK\r\nserver: hidden\r\ncontent-length: 2\r\n\r\nok')
  const seawall = await startSeawall(t, inFrontOf(origin.url, {
    upstream: { host: 'api.provider.example' },
    route: {
      match: { path: '/api/*' }, rewrite: { stripPrefix: '/api' },
      headers: {
        request: { set: { 'X-Gate': 'seawall' }, remove: ['cookie'] },
        response: { set: { 'X-Frame-Options': 'DENY' }, remove: ['server'] },
      },
    },
  }))
  const client = new RawClient(seawall.ports['public'] as number)
  client.write('GET /api/v1/x?y HTTP/1.1\r\nhost: a\r\ncookie: secret\r\nx-gate: forged\r\n\r\n')
  const answer = await client.answer()
  client.destroy()
  t.match(origin.last, /^GET \/v1\/x\?y HTTP\/1\.1\r\n/)
  t.match(origin.last, /\r\nhost: api\.provider\.example\r\n/)
  t.match(origin.last, /\r\nX-Gate: seawall\r\n/)
  t.notMatch(origin.last, /secret|forged/)
  t.match(answer, /\r\nX-Frame-Options: DENY\r\n/)
  t.notMatch(answer, /hidden/)
})

test('bodies travel in either framing, trailers included', async (t) => {
  const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n'
    + '3\r\nabc\r\n0\r\nx-sum: 9\r\n\r\n'
  const origin = await rawOrigin(t, ({ text }) => text.startsWith('POST /chunked') ? chunked : ok)
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  const client = new RawClient(seawall.ports['public'] as number)
  client.write('POST /chunked HTTP/1.1\r\nhost: a\r\nte: trailers\r\ntransfer-encoding: chunked\r\n\r\n'
    + '4;ext=1\r\nwiki\r\n5\r\npedia\r\n0\r\nx-check: 7\r\n\r\n')
  const answer = await client.until((received) => received.endsWith('x-sum: 9\r\n\r\n'))
  client.destroy()
  t.match(answer, /3\r\nabc\r\n0\r\nx-sum: 9\r\n\r\n$/)
  t.match(origin.last, /transfer-encoding: chunked\r\n/)
  const sent = origin.last.slice(origin.last.indexOf('\r\n\r\n') + 4)
  t.equal([...sent.matchAll(/^[0-9a-f]+\r\n([a-z]+)\r\n/gm)].map(([, data]) => data).join(''), 'wikipedia')
  t.match(sent, /0\r\nx-check: 7\r\n\r\n$/)
  const plain = new RawClient(seawall.ports['public'] as number)
  plain.write('POST /plain HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello')
  await plain.answer()
  plain.destroy()
  t.match(origin.last, /\r\ncontent-length: 5\r\n/)
  t.ok(origin.last.endsWith('\r\n\r\nhello'))
})

test('answers without a body keep what they say of one', async (t) => {
  const origin = await rawOrigin(t, ({ text }) => {
    if (text.startsWith('HEAD')) return 'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n'
    if (text.startsWith('GET /304')) return 'HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\netag: "x"\r\n\r\n'
    return 'HTTP/1.1 204 No Content\r\n\r\n'
  })
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  const client = new RawClient(seawall.ports['public'] as number)
  client.write('HEAD / HTTP/1.1\r\nhost: a\r\n\r\nGET /304 HTTP/1.1\r\nhost: a\r\n\r\n'
    + 'GET /204 HTTP/1.1\r\nhost: a\r\n\r\n')
  const answers = await client.until((received) => /204 No Content\r\n(?:.+\r\n)*\r\n/.test(received))
  client.destroy()
  t.match(answers, /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*content-length: 99\r\n(?:.+\r\n)*\r\nHTTP\/1\.1 304 /i)
  t.match(answers, /304 Not Modified\r\n(?:.+\r\n)*content-length: 99\r\n/i)
  t.notMatch(answers.slice(answers.indexOf('204 No')), /content-length|transfer-encoding/i)
})

test('interim answers are relayed, and an upload that waits for 100 gets it from the origin', async (t) => {
  const origin = await rawOrigin(t, ({ text }) => text.startsWith('GET')
    ? `HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n${ok}` : ok)
  origin.server.on('connection', (socket) => {
    socket.on('data', (chunk) => {
      if (/expect: 100-continue/i.test(chunk.toString('latin1'))) socket.write('HTTP/1.1 100 Continue\r\n\r\n')
    })
  })
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  const client = new RawClient(seawall.ports['public'] as number)
  client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  t.match(await client.until((received) => received.endsWith('ok')),
    /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a\.css>\r\n\r\nHTTP\/1\.1 200 OK/)
  client.destroy()
  const upload = new RawClient(seawall.ports['public'] as number)
  upload.write('PUT / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n')
  t.match(await upload.until((received) => received.endsWith('\r\n\r\n')), /^HTTP\/1\.1 100 /)
  upload.write('data')
  t.match(await upload.until((received) => received.endsWith('ok')), /HTTP\/1\.1 200 OK/)
  upload.destroy()
})

test('an answer that comes while the upload still runs is delivered', async (t) => {
  const origin = await rawOrigin(t, () => undefined)
  origin.server.on('connection', (socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 413 Too Much\r\ncontent-length: 4\r\n\r\nstop'))
  })
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  const client = new RawClient(seawall.ports['public'] as number)
  client.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 50000000\r\n\r\n')
  client.write(Buffer.alloc(256 * 1024, 120))
  const answer = await client.closed()
  t.match(answer, /^HTTP\/1\.1 413 Too Much\r\n(?:.+\r\n)*connection: close\r\n(?:.+\r\n)*\r\nstop$/i)
  t.equal(client.end, 'fin', 'not lost to a reset')
  client.destroy()
})

test('a caller that goes away takes its unfinished work with it', async (t) => {
  const origin = await rawOrigin(t, () => undefined)
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  const client = new RawClient(seawall.ports['public'] as number)
  client.write('GET /slow HTTP/1.1\r\nhost: a\r\n\r\n')
  while (origin.received.length === 0) await new Promise((resolve) => { setTimeout(resolve, 5) })
  const cut = new Promise((resolve) => { origin.received[0]?.socket.on('close', resolve) })
  client.destroy()
  await cut
  t.equal(origin.sockets.size, 0)
})
