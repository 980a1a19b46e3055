import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'tap'
import type { Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import { systemRandom } from '../core/random.ts'
import type { CheckResult, Endpoint } from '../core/upstream.ts'
import { checkEndpoint } from './endpoint-check.ts'
import { SocketOpening } from './socket-opening.ts'

function openingOf(endpoint: Endpoint): SocketOpening {
  return new SocketOpening({ endpoint, clock: systemClock, random: systemRandom })
}

/** Checks an origin that does `answer` with what it has read; what it saw of the connection is in `seen`. */
async function check(
  t: Test, answer: (socket: Socket, head: string) => void, more: { host?: string; timeoutMs?: number } = {},
): Promise<{ result: CheckResult; head: string; closed: Promise<void> }> {
  let head = ''
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    socket.on('error', () => {}).on('close', () => { resolve() })
    socket.on('data', (bytes: Buffer) => {
      head += bytes.toString('latin1')
      if (head.endsWith('\r\n\r\n')) answer(socket, head)
    })
  })
  await new Promise<void>((listening) => { server.listen(0, '127.0.0.1', listening) })
  t.teardown(() => { server.close() })
  const { port } = server.address() as AddressInfo
  const endpoint = { url: `http://127.0.0.1:${port}`, host: '127.0.0.1', port, isSecure: false }
  const result = await checkEndpoint({
    endpoint, opening: openingOf(endpoint), host: more.host ?? null, path: '/health?full=1',
    timeoutMs: more.timeoutMs ?? 5_000, clock: systemClock,
  })
  return { result, head, closed }
}

test('a check asks with a GET, takes the status, and closes its connection', async (t) => {
  for (const status of [200, 204, 301, 404, 503]) {
    const { result, head, closed } = await check(t, (socket) => {
      socket.write(`HTTP/1.1 ${status} X\r\ncontent-length: 1000000\r\n\r\nxx`)
    })
    t.equal(result, status)
    t.match(head, /^GET \/health\?full=1 HTTP\/1\.1\r\nhost: 127\.0\.0\.1:\d+\r\n/)
    await closed
  }
})

test('it sends the Host of its upstream', async (t) => {
  const { head } = await check(t, (socket) => { socket.write('HTTP/1.1 200 OK\r\n\r\n') }, { host: 'api.example' })
  t.match(head, /\r\nhost: api\.example\r\n/)
})

test('interim answers are passed over, and heads may come in pieces', async (t) => {
  const { result } = await check(t, (socket) => {
    socket.write('HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 2')
    socket.setNoDelay(true)
    setImmediate(() => { socket.write('02 Fine\r\n\r\n') })
  })
  t.equal(result, 202)
})

test('what is no answer has its fault', async (t) => {
  t.equal((await check(t, (socket) => { socket.write('SSH-2.0-OpenSSH_9.6\r\n\r\n') })).result, 'upstream.malformed')
  t.equal((await check(t, (socket) => { socket.end() })).result, 'upstream.reset')
  t.equal((await check(t, (socket) => { socket.resetAndDestroy() })).result, 'upstream.reset')
  t.equal((await check(t, () => {}, { timeoutMs: 30 })).result, 'upstream.timeout')
  const endpoint = { url: 'http://127.0.0.1:1', host: '127.0.0.1', port: 1, isSecure: false }
  t.equal(await checkEndpoint({
    endpoint, opening: openingOf(endpoint), host: null, path: '/', timeoutMs: 1_000,
    clock: systemClock,
  }), 'upstream.refused')
})
