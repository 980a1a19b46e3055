// The server as a whole: listening, slow and idle connections, and whatever strangers send.

import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { systemClock } from '../core/clock.ts'
import { RawClient } from './fixtures/raw-client.ts'
import { stubHouse } from './fixtures/stub-house.ts'
import { turn } from './fixtures/turn.ts'
import { EdgeServer } from './edge-server.ts'
import type { EdgeServerOptions } from './edge-server.ts'

const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

test(`an address in use is one line that says what, where and what to do`, async (t) => {
  const house = await stubHouse()
  t.teardown(() => house.close())
  const port = Number(new URL(house.url).port)
  const error = await stubHouse({ port }).then(() => null, (rejected: Error) => rejected)
  t.equal(error?.message, `Cannot listen on 127.0.0.1:${port} for listener "public": the address is in use; `
    + 'stop the program that holds it, or choose another "listen" address')
})

test(`a head that does not come to its end is 408`, async (t) => {
  const house = await stubHouse({ timeouts: { headMs: 50 } })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send('GET / HTTP/1.1\r\nHo')
  t.match(await client.closed(), /^HTTP\/1\.1 408 .*request\.timeout/s)
  t.same(house.unrouted, ['request.timeout'])
  client.destroy()
})

test(`a connection on which nobody ever asks is closed without a word`, async (t) => {
  const house = await stubHouse({ timeouts: { headMs: 50 } })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  t.equal(await client.closed(), '')
  t.same(house.unrouted, [])
  client.destroy()
})

test(`an idle connection is closed without a word`, async (t) => {
  const house = await stubHouse({ timeouts: { keepAliveMs: 100 } })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get)
  t.match(await client.closed(), /hello$/)
  client.destroy()
})

test(`a flood of garbage neither crashes the server nor costs others their answer`, async (t) => {
  const house = await stubHouse()
  t.teardown(() => house.close())
  let seed = 20_261_121
  const random = (): number => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff
    return seed / 0x80000000
  }
  const pieces = ['GET / HTTP/1.1\r\n', 'Host: x\r\n', 'Content-Length: 9\r\n', 'Transfer-Encoding: chunked\r\n',
    '\r\n', '5\r\nhello\r\n', '0\r\n\r\n', '\0', '\r', '\n', 'Upgrade: websocket\r\nConnection: upgrade\r\n',
    'CONNECT x:1 HTTP/1.1\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '\x16\x03\x01\x02\x00',
    'Expect: 100-continue\r\n', 'POST http://y/ HTTP/1.1\r\n', ' ', ':', 'x'.repeat(3000), 'Connection: close\r\n']
  for (let round = 0; round < 300; round++) {
    const client = new RawClient(house.url)
    for (let i = 0; i < 1 + random() * 8; i++) client.send(pieces[Math.floor(random() * pieces.length)] as string)
    if (random() < 0.3) client.socket.resetAndDestroy()
    else if (random() < 0.5) client.finish()
    else setImmediate(() => client.destroy())
    if (round % 20 === 0) {
      const good = new RawClient(house.url)
      good.send(get)
      t.match(await good.until(/hello/), /^HTTP\/1\.1 200 /, `round ${round} of seed 20261121`)
      good.destroy()
    }
  }
  t.same(house.defects, [])
})

test(`closing all cuts what is under way and ends the exchange`, async (t) => {
  const house = await stubHouse({ handle: () => new Promise(() => {}) })
  const client = new RawClient(house.url)
  client.send(get)
  while (house.server.inspect()['connections'] === 0) await turn()
  for (let i = 0; i < 10; i++) await turn()
  house.close()
  t.equal(await client.closed(), '')
  while (house.ended.length === 0) await turn()
  t.equal(house.ended[0]?.code, 'caller.gone')
  t.equal(house.server.connections(), 0)
  client.destroy()
})

test('a unix socket is served, and its callers have no address', async (t) => {
  const path = join(tmpdir(), `seawall-${process.pid}.sock`)
  rmSync(path, { force: true })
  const said: unknown[] = []
  const options: EdgeServerOptions = {
    listener: {
      name: 'local', kind: 'ingress', address: { kind: 'unix', path }, backlog: 8, trust: [], halfClose: 'leave',
      tls: null, http2: false,
    },
    limits: {
      headerBytes: 16_384, headerCount: 100, uriBytes: 8192, connections: 10, connectionsPerCaller: 1,
      requestsPerConnection: Infinity, bodyBytesPerSecond: 240,
    },
    timeouts: { headMs: 10_000, requestIdleMs: 30_000, keepAliveMs: 75_000, connectionAgeMs: Infinity },
    accept: (caller) => caller.answer(200, 'OK', ['X-Address', `[${caller.remoteAddress}]`], 0, () => {}).end(null),
    unrouted: () => {}, turnedAway: () => {}, viaPseudonym: 'seawall-00000001', clock: systemClock,
    isDraining: () => false,
    announce: (announcement) => { said.push(announcement) },
  }
  const server = new EdgeServer(options)
  t.teardown(() => server.closeAll())
  t.equal(await server.listen(), `unix:${path}`)
  t.same(said, [{ what: 'listening', listener: 'local', url: `unix:${path}` }])
  // The share of one address does not bind where there is none.
  for (let i = 0; i < 2; i++) {
    const socket = connect(path)
    socket.write(get)
    const text = await new Promise<string>((resolve) => { socket.once('data', (chunk) => resolve(chunk.toString())) })
    t.match(text, /X-Address: \[\]/)
    t.teardown(() => socket.destroy())
  }
})

/** A server that answers nothing; only its listening matters. */
function quiet(address: EdgeServerOptions['listener']['address']): EdgeServer {
  return new EdgeServer({
    listener: {
      name: 'far', kind: 'ingress', address, backlog: 8, trust: [], halfClose: 'leave', tls: null, http2: false,
    },
    limits: {
      headerBytes: 16_384, headerCount: 100, uriBytes: 8192, connections: 10, connectionsPerCaller: 1,
      requestsPerConnection: Infinity, bodyBytesPerSecond: 240,
    },
    timeouts: { headMs: 10_000, requestIdleMs: 30_000, keepAliveMs: 75_000, connectionAgeMs: Infinity },
    accept: () => {}, unrouted: () => {}, turnedAway: () => {}, viaPseudonym: 'seawall-00000001', clock: systemClock,
    isDraining: () => false, announce: () => {},
  })
}

test('other reasons not to listen name themselves too', async (t) => {
  await t.rejects(quiet({ kind: 'tcp', host: '192.0.2.1', port: 0 }).listen(), {
    message: /^Cannot listen on 192\.0\.2\.1:0 for listener "far": this machine has no such address/,
  })
  await t.rejects(quiet({ kind: 'unix', path: '/nonexistent/seawall.sock' }).listen(), {
    message: /^Cannot listen on \/nonexistent\/seawall\.sock for listener "far": permission denied/,
  })
})

test('a unix socket left by a killed process is replaced, one that somebody serves is not', async (t) => {
  const path = join(tmpdir(), `seawall-stale-${process.pid}.sock`)
  rmSync(path, { force: true })
  // A process that ends without closing leaves the file behind.
  const die = `() => process.kill(process.pid, 'SIGKILL')`
  const leave = `require('node:net').createServer().listen(${JSON.stringify(path)}, ${die})`
  spawnSync(process.execPath, ['-e', leave])
  t.equal(existsSync(path), true)
  const server = quiet({ kind: 'unix', path })
  t.teardown(() => server.closeAll())
  t.equal(await server.listen(), `unix:${path}`)
  await t.rejects(quiet({ kind: 'unix', path }).listen(), { message: /the address is in use/ })
})
