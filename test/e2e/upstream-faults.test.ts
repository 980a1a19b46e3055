// Every way in which an upstream can fail, each with its code, through a running Seawall that has one permit for each
// upstream: the permit comes back every time, and what is half is never passed on as whole.

import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'tap'
import type { Test } from 'tap'
import { ask, codeOf, eventually } from '../support/asking.ts'
import type { Asking } from '../support/asking.ts'
import { startSeawall } from '../support/seawall.ts'

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
const plain = 'HTTP/1.1 200 OK\r\n'

/** What an origin does with a connection when the first bytes of a request have come. */
type Behaviour = (socket: Socket) => void

const says = (text: string): Behaviour => (socket) => { socket.write(text, 'latin1') }
const saysAndEnds = (text: string): Behaviour => (socket) => { socket.end(text, 'latin1') }

/** Writes the same for as long as somebody takes it. */
const goesOn = (first: string, more: string, everyMs: number): Behaviour => (socket) => {
  socket.write(first, 'latin1')
  const timer = setInterval(() => { socket.write(more, 'latin1') }, everyMs)
  socket.on('close', () => { clearInterval(timer) })
}

interface Case {
  readonly does: Behaviour
  /** Null: the answer begins, and breaks visibly. */
  readonly code: string | null
  readonly status?: number
  readonly asking?: Asking
}

const large = 'x'.repeat(32 * 1024 * 1024)

/** By path; after each one the same upstream answers `/fine`. */
const cases: Readonly<Record<string, Case>> = {
  'silent': { does: () => {}, code: 'upstream.timeout', status: 504 },
  'silent-upload': { does: (socket) => { socket.pause() }, code: 'upstream.stalled', status: 504,
    asking: { method: 'POST', body: large } },
  'reset': { does: (socket) => { socket.resetAndDestroy() }, code: 'upstream.reset' },
  'closed': { does: saysAndEnds(''), code: 'upstream.reset' },
  'half-head': { does: saysAndEnds(`${plain}content-le`), code: 'upstream.reset' },
  'other-protocol': { does: says('SSH-2.0-OpenSSH_9.6\r\n'), code: 'upstream.malformed' },
  'two-lengths': { does: says(`${plain}content-length: 2\r\ncontent-length: 3\r\n\r\n`), code: 'upstream.malformed' },
  'large-field': { does: says(`${plain}x: ${'y'.repeat(40_000)}\r\n\r\n`), code: 'upstream.malformed' },
  'large-head': { does: says(plain + `x: ${'y'.repeat(20_000)}\r\n`.repeat(4)), code: 'upstream.malformed' },
  'many-fields': { does: says(`${plain}${'x: y\r\n'.repeat(300)}\r\n`), code: 'upstream.malformed' },
  'endless-head': { does: goesOn(plain, 'x: y\r\n'.repeat(500), 1), code: 'upstream.malformed' },
  'slow-head': { does: goesOn(plain, 'x: y\r\n', 50), code: 'upstream.timeout', status: 504 },
  'endless-interim': { does: goesOn('', 'HTTP/1.1 103 Early\r\n\r\n', 1), code: 'upstream.malformed' },
  'unasked-101': { does: says('HTTP/1.1 101 Yes\r\nupgrade: x\r\n\r\n'), code: 'upstream.malformed' },
  'truncated': { does: saysAndEnds(`${plain}content-length: 1000\r\n\r\nonly this`), code: null },
  'no-last-chunk': { does: saysAndEnds(`${plain}transfer-encoding: chunked\r\n\r\n4\r\nonly\r\n`), code: null },
  'bad-chunk': { does: says(`${plain}transfer-encoding: chunked\r\n\r\nzz\r\n`), code: 'upstream.malformed' },
  'silent-body': { does: says(`${plain}content-length: 1000\r\n\r\nonly this`), code: null },
  'endless-body': { does: goesOn(`${plain}\r\n`, 'more', 20), code: null },
  'endless-chunks': { does: goesOn(`${plain}transfer-encoding: chunked\r\n\r\n`, '4\r\nmore\r\n', 20), code: null },
}

async function originOf(t: Test): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => { sockets.delete(socket) })
    socket.on('data', (chunk: Buffer) => {
      const name = /^(?:GET|POST) \/([a-z0-9-]+)/.exec(chunk.toString('latin1'))?.[1] ?? ''
      if (name === 'fine') socket.write(ok)
      else if (chunk[0] === 0x16) socket.end('HTTP/1.1 400 Plain HTTP, please\r\n\r\n')
      else cases[name]?.does(socket)
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const upstreamOf = (endpoint: string): object => ({
  endpoints: [endpoint], breaker: 'off', limit: 'off', startup: '1ms', bulkhead: { maxConcurrent: 1, maxWait: 0 },
  timeouts: { connect: '300ms', attempt: '500ms', idle: '250ms' },
})

test('each fault has its code, and none keeps the permit', { timeout: 60_000 }, async (t) => {
  const port = await originOf(t)
  const seawall = await startSeawall(t, {
    listeners: { public: { kind: 'ingress', listen: '127.0.0.1:PORT:public' } },
    upstreams: { service: upstreamOf(`http://127.0.0.1:${port}`) },
    // The time of a whole answer that is no stream; without one an endless body could go on for ever.
    routes: [{
      name: 'all', listener: 'public', match: { path: '/*' }, upstream: 'service', deadline: { default: '1500ms' },
    }],
  })
  const at = seawall.ports['public'] as number
  t.equal((await ask(at, '/fine')).status, 200)
  for (const [name, { code, status = 502, asking }] of Object.entries(cases)) {
    const answer = await ask(at, `/${name}`, asking).catch((error: unknown) => error as Error)
    if (code === null) t.ok(answer instanceof Error, `${name} breaks`)
    else if (answer instanceof Error) t.fail(`${name}: ${answer.message}`)
    else t.strictSame([answer.status, codeOf(answer)], [status, code], name)
    // That of an attempt which was cut is held for as long as upstream may still be at it: for a second at most.
    await eventually(`after ${name} the permit is there`, async () => (await ask(at, '/fine')).status === 200, 3_000)
  }
})

test('each way not to be connected has its code, and none keeps the permit', { timeout: 30_000 }, async (t) => {
  const port = await originOf(t)
  const gone = await new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address() as AddressInfo
      server.close(() => { resolve(address.port) })
    })
  })
  const silent = createServer((socket) => { socket.on('error', () => {}) })
  await new Promise<void>((resolve) => { silent.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { silent.close() })
  const ways: Readonly<Record<string, readonly [endpoint: string, status: number, code: string]>> = {
    refused: [`http://127.0.0.1:${gone}`, 502, 'upstream.refused'],
    nowhere: ['http://nohost.invalid', 502, 'upstream.dns'],
    plain: [`https://127.0.0.1:${port}`, 502, 'upstream.tls'],
    hanging: [`https://127.0.0.1:${(silent.address() as AddressInfo).port}`, 504, 'upstream.connect-timeout'],
  }
  const seawall = await startSeawall(t, {
    listeners: { public: { kind: 'ingress', listen: '127.0.0.1:PORT:public' } },
    upstreams: Object.fromEntries(Object.entries(ways).map(([name, [endpoint]]) => [name, upstreamOf(endpoint)])),
    routes: Object.keys(ways).map((name) => {
      return { name, listener: 'public', match: { path: `/${name}` }, upstream: name }
    }),
  })
  for (const [name, [, status, code]] of Object.entries(ways)) {
    for (let round = 0; round < 3; round++) {
      const answer = await ask(seawall.ports['public'] as number, `/${name}`)
      t.strictSame([answer.status, codeOf(answer)], [status, code], `${name} ${round}`)
    }
  }
})
