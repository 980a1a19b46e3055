// WebSocket through a real process: the handshake goes the way of a request, then bytes flow both ways until one side
// ends; everything that is not an accepted upgrade stays HTTP.

import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'tap'
import type { Test } from 'tap'
import { ask, eventually } from '../support/asking.ts'
import { RawClient } from '../support/raw-client.ts'
import { parseMetrics } from '../support/metrics-page.ts'
import { inFrontOf, startSeawall } from '../support/seawall.ts'
import type { SeawallProcess } from '../support/seawall.ts'

const key = 'dGhlIHNhbXBsZSBub25jZQ=='
const acceptOfKey = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

interface WebSocketOrigin {
  readonly url: string
  readonly handshakes: IncomingMessage[]
  /** Requests that came without an upgrade. */
  readonly requests: IncomingMessage[]
  readonly sockets: Set<Socket>
}

/** Accepts upgrades, except for /refuse, and echoes each text frame it receives. */
async function webSocketOrigin(t: Test): Promise<WebSocketOrigin> {
  const handshakes: IncomingMessage[] = []
  const requests: IncomingMessage[] = []
  const sockets = new Set<Socket>()
  const server = createServer((request, answer) => {
    requests.push(request)
    answer.end('plain')
  })
  server.on('upgrade', (request: IncomingMessage, duplex, first: Buffer) => {
    const socket = duplex as Socket
    handshakes.push(request)
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    socket.on('end', () => socket.end())
    if (request.url === '/refuse') {
      socket.end('HTTP/1.1 403 Forbidden\r\nx-why: closed\r\ncontent-length: 6\r\n\r\nnot me')
      return
    }
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n'
      + `sec-websocket-accept: ${accept}\r\n\r\n`)
    echo(socket, first)
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, handshakes, requests, sockets }
}

/** Frames of RFC 6455 section 5.2 with at most 125 bytes, which callers mask and servers do not. */
function echo(socket: Socket, first: Buffer): void {
  let pending: Buffer = first
  const read = (chunk: Buffer): void => {
    pending = Buffer.concat([pending, chunk])
    for (let length = lengthOf(pending); pending.length >= length; length = lengthOf(pending)) {
      const mask = pending.subarray(2, 6)
      const text = pending.subarray(6, length).map((byte, i) => byte ^ (mask[i % 4] as number))
      socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]))
      pending = pending.subarray(length)
    }
  }
  read(Buffer.alloc(0))
  socket.on('data', read)
}

function lengthOf(frames: Buffer): number {
  return frames.length < 2 ? Infinity : 6 + ((frames[1] as number) & 0x7f)
}

function textFrame(text: string): Buffer {
  const mask = [1, 2, 3, 4]
  const bytes = Buffer.from(text).map((byte, i) => byte ^ (mask[i % 4] as number))
  return Buffer.concat([Buffer.from([0x81, 0x80 | bytes.length, ...mask]), bytes])
}

const handshakeFor = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: chat.example\r\nupgrade: websocket\r\n`
  + `connection: Upgrade\r\nsec-websocket-key: ${key}\r\nsec-websocket-version: 13\r\n\r\n`

async function openTunnel(seawall: SeawallProcess): Promise<RawClient> {
  const client = new RawClient(seawall.ports['public'] as number)
  await client.write(handshakeFor('/chat')).until((received) => received.includes('\r\n\r\n'))
  return client
}

async function tunnelsOf(seawall: SeawallProcess): Promise<number> {
  const page = await ask(seawall.ports['admin'] as number, '/metrics')
  return parseMetrics(page.body).sum('seawall_tunnels', { upstream: 'service' })
}

test('bytes flow both ways, and open tunnels are counted', async (t) => {
  const origin = await webSocketOrigin(t)
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  const clients = await Promise.all([1, 2, 3, 4].map(() => openTunnel(seawall)))
  const [one, two, three, four] = clients as [RawClient, RawClient, RawClient, RawClient]
  t.match(one.received, /^HTTP\/1\.1 101 /)
  t.match(one.received, new RegExp(`\r\nsec-websocket-accept: ${acceptOfKey.replace('+', '\\+')}\r\n`, 'i'))
  t.equal(origin.handshakes[0]?.headers.host, 'chat.example')
  t.match(origin.handshakes[0]?.headers.via, /seawall/)
  t.match(origin.handshakes[0]?.headers['x-forwarded-for'], '127.0.0.1')
  one.received = two.received = ''
  two.write(textFrame('another'))
  const words = Array.from({ length: 50 }, (_, i) => `word ${i}`)
  const expected = words.map((text) => `\x81${String.fromCharCode(text.length)}${text}`).join('')
  for (const text of words) one.write(textFrame(text))
  t.equal(await one.until((received) => received.length >= expected.length), expected, 'in order and complete')
  t.equal(await two.until((received) => received.length >= 9), '\x81\x07another', 'each to its own')
  await eventually('four tunnels are counted', async () => await tunnelsOf(seawall) === 4)

  // A caller that ends, and one that breaks.
  one.socket.end()
  await one.closed()
  two.socket.resetAndDestroy()
  await eventually('two tunnels are left', async () => await tunnelsOf(seawall) === 2)
  await eventually('also at the origin', () => origin.sockets.size === 2)
  // An origin that ends, and one that breaks. The end of one side is half of a tunnel: the caller ends the other.
  const [ended, broken] = [...origin.sockets] as [Socket, Socket]
  ended.end()
  broken.resetAndDestroy()
  await Promise.all([three.closed(), four.closed()])
  for (const client of [three, four]) client.socket.end()
  await eventually('none is left', async () => await tunnelsOf(seawall) === 0)
  await eventually('also at the origin', () => origin.sockets.size === 0)
  for (const client of clients) client.destroy()
  t.equal((await ask(seawall.ports['public'] as number, '/')).body, 'plain')
  t.notMatch(seawall.stderr, /defect/)
})

test('frames that come with the handshake are not lost', async (t) => {
  const origin = await webSocketOrigin(t)
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  const client = new RawClient(seawall.ports['public'] as number)
  client.write(Buffer.concat([Buffer.from(handshakeFor('/chat')), textFrame('early')]))
  const received = await client.until((so) => so.endsWith('early'))
  t.match(received, /^HTTP\/1\.1 101 /)
  t.ok(received.endsWith('\r\n\r\n\x81\x05early'))
  client.destroy()
})

test('an upgrade to anything else is forwarded as a request without it', async (t) => {
  const origin = await webSocketOrigin(t)
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  for (const token of ['h2c', 'TLS/1.0', 'frobnicate']) {
    const client = new RawClient(seawall.ports['public'] as number)
    client.write(`GET / HTTP/1.1\r\nhost: a\r\nupgrade: ${token}\r\nconnection: Upgrade\r\n\r\n`)
    t.match(await client.answer(), /^HTTP\/1\.1 200 OK\r\n[^]*plain/, token)
    client.destroy()
  }
  t.equal(origin.handshakes.length, 0)
  t.equal(origin.requests.length, 3)
  t.ok(origin.requests.every(({ headers }) => headers.upgrade === undefined))
})

test('an origin that refuses the upgrade is heard', async (t) => {
  const origin = await webSocketOrigin(t)
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  const client = new RawClient(seawall.ports['public'] as number)
  const answer = await client.write(handshakeFor('/refuse')).until((received) => received.endsWith('not me'))
  t.match(answer, /^HTTP\/1\.1 403 Forbidden\r\n/)
  t.match(answer, /\r\nx-why: closed\r\n/i)
  client.destroy()
  await eventually('and it is no tunnel', async () => await tunnelsOf(seawall) === 0)
})

test('a service that is not there is said in HTTP', async (t) => {
  const seawall = await startSeawall(t, inFrontOf('http://127.0.0.1:1', { upstream: { startup: '1ms' } }))
  const client = new RawClient(seawall.ports['public'] as number)
  const answer = await client.write(handshakeFor('/chat')).answer()
  t.match(answer, /^HTTP\/1\.1 502 [^]*"code":"upstream\.refused"/)
  client.destroy()
})

test('tunnels are cut when the time to drain is over, and counted', async (t) => {
  const origin = await webSocketOrigin(t)
  const seawall = await startSeawall(t, inFrontOf(origin.url, { top: { drain: { delay: '0s', timeout: '800ms' } } }))
  const clients = await Promise.all([openTunnel(seawall), openTunnel(seawall)])
  const askedAt = performance.now()
  seawall.child.kill('SIGTERM')
  await eventually('it is leaving', async () => (await ask(seawall.ports['admin'] as number, '/readyz')).status === 503)
  const [one] = clients
  one.received = ''
  t.equal(await one.write(textFrame('still here')).until((received) => received.length >= 12), '\x81\x0astill here')
  const { code } = await seawall.finished
  const tookMs = performance.now() - askedAt
  t.equal(code, 1, 'something was cut')
  t.ok(tookMs >= 640 && tookMs < 3_000, `${Math.round(tookMs)} ms`)
  t.match(seawall.stderr, /"cut":2/)
  await Promise.all(clients.map((client) => client.closed()))
  await eventually('the origin has heard of it', () => origin.sockets.size === 0)
})
