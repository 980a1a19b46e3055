// Rows O1 to O7: what an origin may say, and what becomes of what it may not. Bytes on both wires.

import { test } from 'tap'
import { eventually } from '../support/asking.ts'
import { between, get, inFrontOfOrigin, ok, partsOf, request, valuesOf } from './between.ts'
import { scriptedOrigin } from './scripted-origin.ts'

const head = (...lines: string[]): string => ['HTTP/1.1 200 OK', ...lines, '', ''].join('\r\n')

test('O1 an answer that is not HTTP/1.x, or is framed in two ways, is 502 and its connection ends', async (t) => {
  const wrong = [
    head('Content-Length: x') + 'EVIL', head('Content-Length: 4', 'Content-Length: 5') + 'EVIL!',
    head('Content-Length: 4', 'Transfer-Encoding: chunked') + '4\r\nEVIL\r\n0\r\n\r\n', head('Content-Length: -4')
      + 'EVIL',
    head('Content-Length: 4, 5') + 'EVIL', head('Transfer-Encoding: gzip') + 'EVIL', head('Content-Length: +4')
      + 'EVIL',
    head('Transfer-Encoding: chunked, gzip') + 'EVIL', head('Transfer-Encoding: gzip, chunked') + 'EVIL',
    head('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked') + '4\r\nEVIL\r\n0\r\n\r\n',
    head('X: a\0b') + 'EVIL', head('X: a\rb') + 'EVIL', head('X: a\nb') + 'EVIL', head('X') + 'EVIL',
      head(': x') + 'EVIL',
    'HTTP/1.1 20 OK\r\n\r\nEVIL', 'HTTP/1.1 2000 OK\r\n\r\nEVIL', 'HTTP/1.1 abc OK\r\n\r\nEVIL',
      'HTTP/2.0 200 OK\r\n\r\nEVIL',
    'HTTP/0.9 200 OK\r\n\r\nEVIL', 'HTP/1.1 200 OK\r\n\r\nEVIL', 'EVIL EVIL EVIL\r\n\r\n', '<html>EVIL</html>\r\n\r\n',
    'HTTP/1.1  200 OK\r\n\r\nEVIL', 'HTTP/1.1\t200 OK\r\n\r\nEVIL', '\r\nHTTP/1.1 200 OK\r\n\r\nEVIL',
      '\x16\x03\x01EVIL\r\n\r\n',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nEVIL\r\n0\r\n\r\n', 'HTTP/1.1 099 Odd\r\n\r\nEVIL',
  ]
  const b = await between(t, ({ text }) => /^GET \/(\d+) /.test(text) ? wrong[Number(/\d+/.exec(text)?.[0])] : ok)
  for (const [i, bytes] of wrong.entries()) {
    const client = b.caller(get(`/${i}`))
    await client.answer()
    t.match(client.received, /^HTTP\/1\.1 502 [^\0]*"code":"upstream\.malformed"/, JSON.stringify(bytes.slice(0, 60)))
    t.notMatch(client.received, /EVIL/)
    client.destroy()
    await eventually('the origin\'s connection is closed', () => b.origin.sockets.size === 0)
  }
  t.strictSame(b.defects, [])
  await b.serves()
})

test('O2 an answer that ends early is seen to have ended early', async (t) => {
  const early = [head('Content-Length: 10') + 'only', head('Transfer-Encoding: chunked') + '4\r\nonly\r\n',
    head('Transfer-Encoding: chunked') + 'ff\r\nonly', head('Transfer-Encoding: chunked') + '4\r\nonlyX\r\n',
    head('Transfer-Encoding: chunked') + '4\r\nonly\r\nzz\r\n']
  for (const bytes of early) {
    for (const how of ['fin', 'reset'] as const) {
      const origin = await scriptedOrigin(t, (socket) => socket.write(bytes, () => {
        if (how === 'fin') socket.end()
        else setImmediate(() => socket.resetAndDestroy())
      }))
      const b = await inFrontOfOrigin(t, origin)
      const client = b.caller(get('/'))
      await client.until((received) => received.endsWith('}\n'))
      const isWhole = client.received.endsWith('0\r\n\r\n') || /content-length: 4\r\n/i.test(client.received)
      t.notOk(isWhole && client.received.startsWith('HTTP/1.1 200'), `${how} after ${JSON.stringify(bytes.slice(17))}`)
    }
  }
})

test('O2 where only the end would tell, a caller of HTTP/1.0 sees a reset', async (t) => {
  const origin = await scriptedOrigin(t,
    (socket) => { socket.write(`${head('Transfer-Encoding: chunked')}4\r\nonly\r\n`) })
  const b = await inFrontOfOrigin(t, origin)
  const client = b.caller('GET / HTTP/1.0\r\nHost: a\r\n\r\n')
  await client.until((received) => received.endsWith('only'))
  for (const socket of origin.sockets) socket.destroy()
  await client.closed()
  t.equal(client.end, 'reset')
})

test('O3 bytes behind a complete answer answer nobody', async (t) => {
  const evil = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL'
  const b = await between(t, ({ text }) => text.includes('/first') ? ok + evil : ok)
  const client = b.caller(get('/first') + get('/second'))
  await client.until((received) => received.split('ok').length > 2)
  t.notMatch(client.received, /EVIL/)
  t.not(b.origin.received[1]?.socket, b.origin.received[0]?.socket, 'it goes over a connection of its own')
  await eventually('the poisoned one is closed', () => b.origin.received[0]?.socket.destroyed === true)
})

test('O4 an idle connection that says something, or ends, serves nobody any more', async (t) => {
  for (const poison of ['HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL', 'HTTP/1.1 408 Request Timeout\r\n\r\n',
    'x', '']) {
    const origin = await scriptedOrigin(t, (socket) => {
      socket.write(ok)
      socket.on('data', () => socket.write(ok))
    })
    const b = await inFrontOfOrigin(t, origin)
    await b.ask(get('/first'))
    const [first] = await origin.connections(1)
    if (poison === '') first.socket.end()
    else first.write(poison)
    // No waiting: the next request races with the poison, and must win whichever comes first.
    const second = await b.ask(get('/second'))
    t.match(second, /^HTTP\/1\.1 200 [^\0]*ok$/, JSON.stringify(poison))
    t.notMatch(first.received, /\/second/, 'it went over a connection of its own')
  }
})

test('O4 nor does one that says something in the very turn in which it is taken up', async (t) => {
  for (let round = 0; round < 40; round++) {
    const origin = await scriptedOrigin(t, (socket) => {
      socket.write(ok)
      socket.on('data', () => socket.write(ok))
    })
    const b = await inFrontOfOrigin(t, origin)
    const client = b.caller(get('/first'))
    await client.answer()
    const [first] = await origin.connections(1)
    client.received = ''
    // Both have come before the proxy looks at either, in one order or the other.
    const poison = (): void => { first.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL') }
    if (round % 2 === 0) poison()
    client.write(get('/second'))
    if (round % 2 === 1) poison()
    t.match(await client.answer(), /^HTTP\/1\.1 200 [^\0]*ok$/, `round ${round}`)
    t.notMatch(first.received, /\/second/)
  }
})

test('O5 white space before a colon, or a folded line, of an answer is never passed on', async (t) => {
  for (const line of ['X-Bad : 1', 'X-Bad\t: 1', 'X-Bad: 1\r\n folded', 'Content-Length : 2']) {
    const b = await between(t, () => `${head(line, 'Content-Length: 2')}ok`)
    const received = await b.ask(get('/'))
    t.match(received, /^HTTP\/1\.1 502 /, line)
    t.notMatch(received, /x-bad/i)
  }
})

test('O6 an answer may have a larger head than a request, and has a limit of its own', async (t) => {
  const fields = (count: number, bytes: number): string[] =>
    Array.from({ length: count }, (_, i) => `X-${i}: ${'v'.repeat(bytes)}`)
  const large = await between(t, () => `${head(...fields(200, 200), 'Content-Length: 2')}ok`)
  t.match(await large.ask(get('/')), /^HTTP\/1\.1 200 [^\0]*X-199: v/)
  for (const lines of [fields(300, 10), fields(5, 20_000), fields(1, 40_000)]) {
    const b = await between(t, () => `${head(...lines, 'Content-Length: 2')}ok`)
    t.match(await b.ask(get('/')), /^HTTP\/1\.1 502 [^\0]*upstream\.malformed/, `${lines.length} fields`)
  }
})

test('O7 each way to fail has its status: refused, malformed, too late, too slow, too many', async (t) => {
  const reset = await scriptedOrigin(t, (socket) => socket.resetAndDestroy())
  const b = await inFrontOfOrigin(t, reset)
  t.match(await b.ask(get('/')), /^HTTP\/1\.1 502 [^\0]*"upstream\.reset"/)
  const silent = await scriptedOrigin(t, () => {})
  const timed = await inFrontOfOrigin(t, silent, { upstream: { timeouts: { attempt: 50 } } })
  t.match(await timed.ask(get('/')), /^HTTP\/1\.1 504 [^\0]*"upstream\.timeout"/)
  const late = await inFrontOfOrigin(t, silent, { route: { options: { deadline: { default: 50 } } } })
  t.match(await late.ask(get('/')), /^HTTP\/1\.1 504 [^\0]*"deadline\.expired"/)
  const full = await inFrontOfOrigin(t, silent, { upstream: { bulkhead: { maxConcurrent: 1, maxWait: 0,
    maxQueue: 0 } } })
  full.caller(get('/holds'))
  await eventually('the first is in', () => silent.accepted.some(({ received }) => received.includes('/holds')))
  const shed = await full.ask(get('/'))
  t.match(shed, /^HTTP\/1\.1 503 [^\0]*"bulkhead\.full"/)
  t.match(valuesOf(shed, 'retry-after')[0], /^[123]$/)
  const slow = await inFrontOfOrigin(t, silent, { timeouts: { requestIdleMs: 60 } })
  t.match(await slow.askToTheEnd(request('POST', '/', 'Content-Length: 9')), /^HTTP\/1\.1 408 [^\0]*"request\.timeout"/)
  reset.server.close()
  await eventually('nobody listens', () => !reset.server.listening)
  t.match(await b.ask(get('/')), /^HTTP\/1\.1 502 [^\0]*"upstream\.refused"/)
  t.notMatch(partsOf(shed).body, /499/)
})
