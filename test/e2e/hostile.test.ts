// A thousand exchanges that go wrong on either side: callers that vanish in every place, origins that break in every
// way. What is held against them: the process is the same, nothing of them is left in it, the next request is served.

import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { test } from 'tap'
import type { Test } from 'tap'
import { ask, eventually } from '../support/asking.ts'
import { RawClient } from '../support/raw-client.ts'
import { inFrontOf, startSeawall } from '../support/seawall.ts'
import type { SeawallProcess } from '../support/seawall.ts'
import { seededRandom } from '../sim/seeded-random.ts'

const exchanges = 1_000
const atOnce = 50
const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** What an origin does with a request for that path, on reading its head. */
const origins: Readonly<Record<string, (socket: Socket) => void>> = {
  fine: (socket) => { socket.write(ok) },
  reset: (socket) => { socket.resetAndDestroy() },
  fin: (socket) => { socket.end() },
  never: () => {},
  garbage: (socket) => { socket.write('\x16\x03\x01\x00\xff\r\n\r\n\x00') },
  'half-head': (socket) => { socket.end('HTTP/1.1 200 OK\r\ncontent-le') },
  'reset-in-head': (socket) => { socket.write('HTTP/1.1 200 OK\r\nx: ', () => socket.resetAndDestroy()) },
  truncated: (socket) => { socket.end('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly this') },
  'reset-in-body': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nonly', () => socket.resetAndDestroy())
  },
  'bad-chunk': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nonly\r\n0\r\n\r\n')
  },
  'too-much': (socket) => { socket.write(`${ok}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL`) },
  'two-lengths': (socket) => { socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 4\r\n\r\nokok') },
  drip: (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
    const timer = setInterval(() => socket.write('3\r\ndri\r\n'), 20)
    socket.on('close', () => clearInterval(timer))
  },
  large: (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1048576\r\n\r\n')
    socket.write(Buffer.alloc(1_048_576, 120))
  },
}

/** What a caller does with a connection of its own, given the head of a request and a chance from 0 to 1. */
const callers: Readonly<Record<string, (client: RawClient, path: string, chance: number) => void>> = {
  patient: (client, path) => { client.write(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`) },
  'half-closed': (client, path) => { client.socket.end(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`) },
  'gone-at-once': (client, path) => {
    client.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`)
    client.socket.once('connect', () => client.socket.resetAndDestroy())
  },
  'gone-in-head': (client, path, chance) => {
    const head = `GET ${path} HTTP/1.1\r\nhost: a\r\nx-long: ${'x'.repeat(200)}\r\n\r\n`
    client.socket.write(head.slice(0, 1 + Math.floor(chance * (head.length - 2))), () => vanish(client, chance))
  },
  'gone-in-body': (client, path, chance) => {
    client.write(`POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 20000\r\n\r\n`)
    client.socket.write('x'.repeat(Math.floor(chance * 19_999)), () => vanish(client, chance))
  },
  'gone-in-chunk': (client, path, chance) => {
    client.write(`POST ${path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nff\r\n`)
    client.socket.write('x'.repeat(Math.floor(chance * 254)), () => vanish(client, chance))
  },
  'gone-in-answer': (client, path, chance) => {
    client.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`)
    client.socket.once('data', () => vanish(client, chance))
  },
  'gone-while-waiting': (client, path, chance) => {
    client.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`)
    setTimeout(() => vanish(client, chance), 5 + 50 * chance)
  },
  'bad-chunk': (client, path) => {
    client.write(`POST ${path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n`)
  },
  impatient: (client, path) => {
    const request = `GET ${path} HTTP/1.1\r\nhost: a\r\nx-request-timeout-ms: 40\r\n`
    client.write(`${request}\r\n${request}\r\n${request}connection: close\r\n\r\n`)
  },
}

/** By a reset or by an orderly end, as chance has it. */
function vanish(client: RawClient, chance: number): void {
  if (Math.floor(chance * 1000) % 2 === 0) client.socket.resetAndDestroy()
  else client.socket.destroy()
}

async function hostileOrigin(t: Test): Promise<string> {
  const sockets = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('end', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => {
      const path = /^(?:GET|POST) \/([a-z-]+)/.exec(chunk.toString('latin1'))?.[1]
      if (path !== undefined) origins[path]?.(socket)
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Until the connection is over; a caller whose answer never ends leaves by itself. */
async function exchange(port: number, caller: string, origin: string, chance: number): Promise<string> {
  const client = new RawClient(port)
  callers[caller]?.(client, `/${origin}`, chance)
  const leave = setTimeout(() => vanish(client, chance), 700)
  await client.closed(5_000)
  clearTimeout(leave)
  client.destroy()
  return client.received
}

interface Status {
  readonly pid: number
  readonly upstreams: readonly { readonly parts: Readonly<Record<string, Readonly<Record<string, unknown>>>> }[]
}

async function statusOf(seawall: SeawallProcess): Promise<Status> {
  return JSON.parse((await ask(seawall.ports['admin'] as number, '/admin/status')).body) as Status
}

test('a thousand exchanges that break leave nothing behind', { timeout: 60_000 }, async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  t.comment(`seed ${seed}`)
  const random = seededRandom(seed)
  const seawall = await startSeawall(t, inFrontOf(await hostileOrigin(t), {
    // All of them are to meet the origin.
    upstream: { limit: 'off', breaker: 'off', timeouts: { attempt: '250ms' } },
    top: { drain: { delay: '0s', timeout: '5s' } },
  }))
  const port = seawall.ports['public'] as number
  t.equal((await ask(port, '/fine')).status, 200)
  const { pid } = await statusOf(seawall)
  const pairs = Object.keys(callers).flatMap((caller) =>
    Object.keys(origins).map((origin) => [caller, origin] as const))
  const startedAt = performance.now()
  let next = 0
  const evil: string[] = []
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < exchanges) {
      const [caller, origin] = pairs[next++ % pairs.length] as readonly [string, string]
      const received = await exchange(port, caller, origin, random())
      if (received.includes('EVIL')) evil.push(`${caller} ${origin}`)
    }
  }))
  const tookMs = performance.now() - startedAt
  t.ok(tookMs < 20_000, `${exchanges} exchanges in ${Math.round(tookMs)} ms`)
  t.strictSame(evil, [], 'nobody got the answer that belonged to no request')

  await eventually('nothing is in flight or waits', async () => {
    const { upstreams } = await statusOf(seawall)
    const { inFlight, queuedCritical, queuedDefault, queuedSheddable } = upstreams[0]?.parts['admission'] ?? {}
    return [inFlight, queuedCritical, queuedDefault, queuedSheddable].every((count) => count === 0)
  })
  t.equal((await statusOf(seawall)).pid, pid, 'the same process')
  for (let i = 0; i < 20; i++) t.equal((await ask(port, '/fine')).body, 'ok')
  t.notMatch(seawall.stderr + seawall.stdout, /defect/)
  t.notMatch(seawall.stderr, /Error:|\n\s+at /, 'no stack')
  // The drain counts exchanges, not permits: with one left over it would wait for its time and end badly.
  const { code } = await seawall.stop()
  t.equal(code, 0, 'nothing was left to be cut')
})
