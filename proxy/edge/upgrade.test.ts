// WebSocket tunnels: the handshake as upstream sees it, bytes both ways, every way in which it can fail, the bounds.

import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { test } from 'tap'
import type { Endpoint } from '../core/upstream.ts'
import { RawClient } from './fixtures/raw-client.ts'
import { stubHouse } from './fixtures/stub-house.ts'
import { nothing, seen, turn } from './fixtures/turn.ts'

const handshake = (target: string, ...fields: string[]): string => [
  `GET ${target} HTTP/1.1`, 'Host: chat.example', 'Connection: Upgrade', 'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', ...fields, '', '',
].join('\r\n')

const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

interface Origin {
  readonly endpoint: Endpoint
  /** Everything that its connections received. */
  readonly heads: string[]
  readonly sockets: Socket[]
  close(): void
}

/** An origin that says `answer` to every head and gives all later bytes back. */
async function origin(answer: string | ((socket: Socket) => void)): Promise<Origin> {
  const heads: string[] = []
  const sockets: Socket[] = []
  const server: Server = createServer((socket) => {
    let head = ''
    sockets.push(socket)
    socket.on('error', nothing)
    socket.on('data', (chunk) => {
      if (head.includes('\r\n\r\n')) return void socket.write(chunk)
      head += chunk.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      heads.push(head.slice(0, end + 4))
      if (typeof answer === 'string') socket.write(answer + head.slice(end + 4))
      else answer(socket)
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const { port } = server.address() as AddressInfo
  return {
    endpoint: { url: `http://127.0.0.1:${port}`, host: '127.0.0.1', port, isSecure: false },
    heads, sockets,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

test(`a handshake is forwarded clean, and bytes flow both ways`, async (t) => {
  const service = await origin(switching)
  const house = await stubHouse({ plan: { endpoints: [service.endpoint] } })
  t.teardown(() => {
    house.close()
    service.close()
  })
  const client = new RawClient(house.url)
  client.send(handshake('/a/../b//c?d=%2e', 'Cookie: a=1', 'X-Two: 1', 'X-Two: 2', 'Keep-Alive: 5',
    'X-Request-Id: id-1', 'X-Forwarded-For: 6.6.6.6',
    'Via: 1.1 other', 'Sec-WebSocket-Extensions: permessage-deflate'))
  await client.until(/\r\n\r\n$/)
  t.match(client.received, /^HTTP\/1\.1 101 Switching Protocols\r\n/)
  const head = service.heads[0] as string
  t.match(head, /^GET \/a\/\.\.\/b\/\/c\?d=%2e HTTP\/1\.1\r\n/, 'the target is what came')
  for (const line of [
    'host: chat.example', 'connection: Upgrade', 'upgrade: websocket', 'x-two: 1', 'x-two: 2', 'cookie: a=1',
    'via: 1.1 other', 'via: 1.1 seawall-00000001', 'x-envoy-attempt-count: 1', 'x-forwarded-host: chat.example',
    'x-forwarded-for: 127.0.0.1', 'x-forwarded-proto: http',
    'x-request-id: id-1', 'sec-websocket-extensions: permessage-deflate',
    'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
  ]) t.ok(head.includes(`\r\n${line}\r\n`), line)
  t.notMatch(head, /keep-alive|6\.6\.6\.6/i)
  for (const text of ['one', 'two\0\xff', 'x'.repeat(200_000)]) {
    client.received = ''
    client.send(text)
    await client.until(new RegExp(`${text.slice(-3)}$`))
    while (client.received.length < text.length) await turn()
    t.ok(client.received === text, `${text.length} bytes came back as they were`)
  }
  t.match(house.ended[0], { status: 101, code: null, outcome: { kind: 'tunnel' } })
  t.equal(house.tunnels.count('service'), 1)
  client.finish()
  await client.closed()
  await seen(() => (house.tunnels.count('service') === 0 ? true : null))
  t.equal(house.ended.length, 1)
  client.destroy()
})

test(`bytes that came with the handshake reach upstream`, async (t) => {
  const service = await origin(switching)
  const house = await stubHouse({ plan: { endpoints: [service.endpoint] } })
  t.teardown(() => {
    house.close()
    service.close()
  })
  const client = new RawClient(house.url)
  client.send(handshake('/') + 'eager')
  t.match(await client.until(/eager$/), /^HTTP\/1\.1 101 /)
  client.destroy()
})

test(`an upstream that stays with HTTP has its answer relayed`, async (t) => {
  const service = await origin('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno')
  const house = await stubHouse({ plan: { endpoints: [service.endpoint] } })
  t.teardown(() => {
    house.close()
    service.close()
  })
  const client = new RawClient(house.url)
  client.send(handshake('/'))
  t.match(await client.closed(), /^HTTP\/1\.1 403 .*no$/s)
  client.destroy()
  await seen(() => house.ended[0])
  t.match(house.ended[0], { status: 403, outcome: { kind: 'reply' } })
})

test(`an upstream that cannot be reached, or breaks, is 502`, async (t) => {
  const gone = await origin('')
  gone.close()
  const breaking = await origin((socket) => socket.destroy())
  const other = await origin(switching.replace('websocket', 'other'))
  const cases = [
    { endpoint: gone.endpoint, code: 'upstream.refused' }, { endpoint: breaking.endpoint, code: 'upstream.reset' },
    { endpoint: other.endpoint, code: 'upstream.malformed' },
  ]
  for (const { endpoint, code } of cases) {
    const house = await stubHouse({ plan: { endpoints: [endpoint] } })
    const client = new RawClient(house.url)
    client.send(handshake('/'))
    const received = await client.closed()
    t.match(received, /^HTTP\/1\.1 502 /, code)
    t.ok(received.includes(`details="${code}"`), code)
    t.match(received, /connection: close/, code)
    client.destroy()
    t.match(house.ended[0], { code, status: 502 })
    await seen(() => (house.tunnels.count('service') === 0 ? true : null))
    house.close()
  }
  for (const service of [breaking, other]) service.close()
})

test(`an upstream that does not answer the handshake is 504`, async (t) => {
  const service = await origin(nothing)
  const house = await stubHouse({ plan: { endpoints: [service.endpoint] }, tunnels: { handshakeMs: 40 } })
  t.teardown(() => {
    house.close()
    service.close()
  })
  const client = new RawClient(house.url)
  client.send(handshake('/'))
  t.match(await client.closed(), /^HTTP\/1\.1 504 .*upstream\.timeout/s)
  client.destroy()
})

test(`a deadline ends a handshake and its request`, async (t) => {
  const service = await origin(nothing)
  const house = await stubHouse({ plan: { endpoints: [service.endpoint] }, doors: {
    enter: (scope) => {
      setTimeout(() => house.acceptor.expired(scope as never, scope.startedAt + 20), 20)
      return null
    },
  } })
  t.teardown(() => {
    house.close()
    service.close()
  })
  const client = new RawClient(house.url)
  client.send(handshake('/'))
  t.match(await client.closed(), /^HTTP\/1\.1 504 .*deadline\.expired/s)
  client.destroy()
  const upstream = await seen(() => service.sockets[0])
  await seen(() => (upstream.destroyed || upstream.readableEnded ? true : null))
  t.equal(house.ended.length, 1)
})

test(`a caller that leaves during the handshake ends it`, async (t) => {
  const service = await origin(nothing)
  const house = await stubHouse({ plan: { endpoints: [service.endpoint] } })
  t.teardown(() => {
    house.close()
    service.close()
  })
  const client = new RawClient(house.url)
  client.send(handshake('/'))
  const upstream = await seen(() => service.sockets[0])
  await seen(() => service.heads[0])
  client.socket.resetAndDestroy()
  await seen(() => (upstream.destroyed || upstream.readableEnded ? true : null))
  await seen(() => house.ended[0])
  t.equal(house.ended[0]?.code, 'caller.gone')
  t.equal(house.tunnels.count('service'), 0)
})

test(`tunnels are bounded per upstream, and closed when they are silent`, async (t) => {
  const service = await origin(switching)
  const house = await stubHouse({
    plan: { endpoints: [service.endpoint] }, tunnels: { maxTunnels: 1, idleMs: 150 },
  })
  t.teardown(() => {
    house.close()
    service.close()
  })
  const [first, second] = [new RawClient(house.url), new RawClient(house.url)]
  first.send(handshake('/'))
  await first.until(/ 101 /)
  second.send(handshake('/'))
  t.match(await second.closed(), /^HTTP\/1\.1 503 .*retry-after: \d.*bulkhead\.full/s)
  await first.closed()
  await seen(() => (house.tunnels.count('service') === 0 ? true : null))
  for (const client of [first, second]) client.destroy()
})

test(`a refusal at the doors is told on the bare socket`, async (t) => {
  const house = await stubHouse({ doors: {
    enter: () => ({ kind: 'refused', by: 'drain', code: 'drain.closing', status: 503, retryAfterMs: 0 }),
  } })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(handshake('/'))
  t.match(await client.closed(), /^HTTP\/1\.1 503 .*connection: close.*drain\.closing/s)
  t.equal(house.ended[0]?.code, 'drain.closing')
  client.destroy()
})

test(`other upgrades, and handshakes with a body, are ordinary requests`, async (t) => {
  const house = await stubHouse()
  t.teardown(() => house.close())
  const fields = ['Host: x', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', '', '']
  const h2c = ['GET / HTTP/1.1', ...fields].join('\r\n')
  for (const bytes of [h2c, `${handshake('/', 'Content-Length: 3')}abc`]) {
    const client = new RawClient(house.url)
    client.send(`${bytes}GET / HTTP/1.1\r\nHost: x\r\n\r\n`)
    t.match(await client.until(/hello.*hello/s), /^HTTP\/1\.1 200 /)
    client.destroy()
  }
})

test(`shutting down closes tunnels on both sides`, async (t) => {
  const service = await origin(switching)
  const house = await stubHouse({ plan: { endpoints: [service.endpoint] } })
  t.teardown(() => {
    house.close()
    service.close()
  })
  const client = new RawClient(house.url)
  client.send(handshake('/'))
  await client.until(/ 101 /)
  house.tunnels.closeAll()
  await client.closed()
  const upstream = service.sockets[0] as Socket
  await seen(() => (upstream.destroyed || upstream.readableEnded ? true : null))
  await seen(() => (house.server.connections() === 0 ? true : null))
  t.equal(house.tunnels.count('service'), 0)
  client.destroy()
})
