// Rows X1 to X7, X9 to X15, X18 to X22, X24 and X25: what an attacker tries, and that others go on being served
// meanwhile.

import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import type { Test } from 'tap'
import {
  endStream, frame, frameTypes, head, request as http2Request,
} from '../../proxy/edge/fixtures/http2-frames.ts'
import { RawHttp2Client } from '../../proxy/edge/fixtures/raw-http2-client.ts'
import { currentRules } from '../../proxy/config/rules.ts'
import { loadConfiguration } from '../../proxy/config/load.ts'
import { ask, eventually } from '../support/asking.ts'
import { meterValue } from '../support/meter-value.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { inFrontOf, root, startSeawall } from '../support/seawall.ts'
import { between, get, inFrontOfOrigin, ok, request, SkewedClock, valuesOf } from './between.ts'
import type { Between } from './between.ts'
import { scriptedOrigin } from './scripted-origin.ts'

/** A good request on a connection of its own, in ms. */
async function goodRequestMs(t: Test, b: Between): Promise<number> {
  const startedAt = performance.now()
  t.match(await b.ask(get('/good')), /^HTTP\/1\.1 200 /)
  return performance.now() - startedAt
}

function crowd(t: Test, b: Between, count: number, bytes: string, localAddress = '127.0.0.1'): Socket[] {
  return Array.from({ length: count }, () => {
    const socket = connect({ port: b.port, host: '127.0.0.1', localAddress })
    socket.on('error', () => {})
    socket.write(bytes, 'latin1')
    t.teardown(() => socket.destroy())
    return socket
  })
}

/** Who has nothing, on every Linux. */
const nobody = { uid: 65_534, gid: 65_534 }

const allClosed = (sockets: readonly Socket[]): boolean => sockets.every((socket) => socket.closed
  || socket.readableEnded)

test('X1 two hundred heads that come a byte at a time all end at their time, and others are served', async (t) => {
  const b = await between(t, () => ok, { timeouts: { headMs: 400 } })
  const startedAt = performance.now()
  const slow = crowd(t, b, 200, 'GET / HTTP/1.1\r\nHost: a\r\nX: ')
  for (const socket of slow) socket.resume()
  const drip = setInterval(() => { for (const socket of slow) socket.write('x') }, 50)
  t.teardown(() => clearInterval(drip))
  const took: number[] = []
  while (!allClosed(slow) && performance.now() - startedAt < 3000) took.push(await goodRequestMs(t, b))
  t.ok(allClosed(slow), 'all are gone')
  t.ok(performance.now() - startedAt < 1900, `after ${Math.round(performance.now() - startedAt)} ms`)
  took.sort((x, y) => x - y)
  t.ok((took[Math.floor(took.length / 2)] as number) < 100, `others took ${took.at(-1)?.toFixed(1)} ms at most`)
})

test('X2 a hundred bodies that trickle are 408, and the origin sees no request of theirs', async (t) => {
  const b = await between(t, () => ok, { timeouts: { requestIdleMs: 300 } })
  const slow = crowd(t, b, 100, request('POST', '/', 'Content-Length: 1000000'))
  let refused = 0
  for (const socket of slow) socket.on('data', (chunk) => { if (chunk.toString().startsWith(
    'HTTP/1.1 408')) refused++ })
  const drip = setInterval(() => { for (const socket of slow) socket.write('x') }, 40)
  t.teardown(() => clearInterval(drip))
  await goodRequestMs(t, b)
  await eventually('all are refused', () => refused === 100)
  await eventually('the origin is rid of them', () => b.origin.sockets.size <= 1)
  t.equal(b.origin.received.length, 1, 'the good one')
})

test('X3 answers that nobody reads end both sides at their time, and held little meanwhile', async (t) => {
  const clock = new SkewedClock()
  const chunk = Buffer.alloc(256 * 1024)
  const origin = await scriptedOrigin(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 52428800\r\n\r\n')
    const pour = (): void => { while (!socket.destroyed && socket.write(chunk)); }
    socket.on('drain', pour)
    pour()
  })
  const b = await inFrontOfOrigin(t, origin, { clock, timeouts: { requestIdleMs: 100 } })
  const before = process.memoryUsage().rss
  const slow = crowd(t, b, 30, get('/'))
  for (const socket of slow) socket.pause()
  await eventually('all are being answered', () => origin.accepted.length === 30)
  await eventually('nothing moves', () => origin.accepted.every(({ socket }) => socket.writableNeedDrain))
  const heldMiB = (process.memoryUsage().rss - before) / 2 ** 20
  t.ok(heldMiB < 256, `30 unread answers, both ends and the origin in this process, took ${heldMiB.toFixed(0)} MiB`)
  await eventually('both sides are closed', () => {
    clock.forward(5_000)
    return b.server.connections() === 0
  })
  await eventually('the origin is rid of them', () => origin.accepted.every((one) => one.isClosed || one.hasEnded))
})

test('X4 connections beyond the limit, of all or of one caller, are closed, and others are served', async (t) => {
  const b = await between(t, () => ok, { limits: { connections: 200, connectionsPerCaller: 50 } })
  const flood = crowd(t, b, 300, '')
  for (const socket of flood) socket.resume()
  await eventually('what is too much is closed', () => flood.filter((socket) => socket.closed).length === 250)
  const other = connect({ port: b.port, host: '127.0.0.1', localAddress: '127.0.0.2' })
  t.teardown(() => other.destroy())
  other.write(get('/other'))
  const answer = await new Promise<string>((resolve) => { other.once('data', (chunk) => resolve(chunk.toString())) })
  t.match(answer, /^HTTP\/1\.1 200 /)
  t.equal(turnedAway(b, 'connectionsPerCaller'), 250)
  t.equal(turnedAway(b, 'connections'), 0)
})

test('X4 connections of many callers beyond the limit of all are closed and counted', async (t) => {
  const b = await between(t, () => ok, { limits: { connections: 50, connectionsPerCaller: 20 } })
  const flood = [1, 2, 3, 4, 5].flatMap((n) => crowd(t, b, 20, get('/'), `127.0.0.${n}`))
  for (const socket of flood) socket.resume()
  await eventually('what is too much is closed', () => flood.filter((socket) => socket.closed).length === 50)
  t.equal(turnedAway(b, 'connections'), 50)
  t.equal(turnedAway(b, 'connectionsPerCaller'), 0)
  flood.find((socket) => !socket.closed)?.destroy()
  await eventually('a place is free', () => b.server.connections() < 50)
  await goodRequestMs(t, b)
})

function turnedAway(b: Between, limit: string): number {
  return meterValue(b.meter, 'seawall_connections_refused_total', { listener: 'public', limit })
}

test('X5 ten thousand pipelined requests cost one in flight and little memory', async (t) => {
  let [inFlight, most] = [0, 0]
  const b = await between(t, ({ socket }) => {
    most = Math.max(most, ++inFlight)
    setImmediate(() => {
      inFlight--
      socket.write(ok)
    })
    return undefined
  })
  const before = process.memoryUsage().rss
  const client = b.caller(get('/').repeat(10_000))
  await goodRequestMs(t, b)
  await client.until((received) => received.length > 10_000 * ok.length && received.endsWith('ok'), 20_000)
  t.ok(most <= 2, 'one of the flood, and the good one')
  const grewMiB = (process.memoryUsage().rss - before) / 2 ** 20
  t.ok(grewMiB < 150, `${grewMiB.toFixed(0)} MiB`)
})

test('X6 many, long and colliding names are bounded, and cost no more than others', async (t) => {
  const b = await between(t, () => ok, { limits: { headerBytes: 65_536 } })
  const long = Array.from({ length: 99 }, (_, i) => `${'n'.repeat(147)}${String(i).padStart(3, '0')}: v`)
  const integers = Array.from({ length: 99 }, (_, i) => `${i * 65_536}: v`)
  for (const fields of [long, integers]) {
    const startedAt = performance.now()
    t.match(await b.ask(get('/', ...fields)), /^HTTP\/1\.1 200 /)
    t.ok(performance.now() - startedAt < 100)
  }
  await b.refuses(get('/', ...Array.from({ length: 2500 }, () => 'a: b'), 'Content-Length: 3'), 431, '2,501 fields')
  await b.refuses(get('/', `X: ${'v'.repeat(10_000_000)}`), 431, 'ten megabytes')
})

test('X7 what is compressed is passed on as it is, however much it would become', async (t) => {
  const bomb = `\x1f\x8b${'\0'.repeat(1000)}`
  const b = await between(t, () =>
    `HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: ${bomb.length}\r\n\r\n${bomb}`)
  const answer =
    await b.ask(`${request('POST', '/', 'Content-Encoding: gzip', `Content-Length: ${bomb.length}`)}${bomb}`)
  t.ok(answer.endsWith(bomb) && b.origin.last.endsWith(bomb))
})

test('X9 X14 X15 X20 the port of callers shows nothing of ours; no line, series or file is theirs', async (t) => {
  const origin = await rawOrigin(t, ({ text }) => text.includes('/fails') ? 'garbage\r\n\r\n' : ok)
  const seawall = await startSeawall(t, inFrontOf(origin.url))
  const [port, admin] = [seawall.ports['public'] as number, seawall.ports['admin'] as number]
  for (const path of ['/admin/status', '/metrics', '/livez', '/readyz', '/admin/drain', '/__proxy']) {
    t.equal((await ask(port, path, { method: path.endsWith('drain') ? 'POST' : 'GET' })).body, 'ok', 'the origin\'s')
    t.match(origin.last, new RegExp(` ${path} `))
  }
  t.equal((await ask(port, '/admin/status', { headers: { host: `127.0.0.1:${admin}` } })).body, 'ok')
  t.equal((await ask(admin, '/admin/status', { headers: { host: 'evil.test' } })).status, 403)
  const evil = { 'x-request-id': 'x"},{', 'user-agent': '\x9b31m', authorization: 'secret-word', cookie: 'secret-word' }
  await ask(port, '/fails%0d%0a%7b%22level%22:1%7d?token=secret-word', { headers: evil })
  await eventually('the failure is logged', () => /upstream\.malformed/.test(seawall.stdout + seawall.stderr))
  for (const line of seawall.stdout.split('\n').filter((text) => text !== '')) t.type(JSON.parse(line), 'object')
  t.notMatch(seawall.stdout + seawall.stderr, /secret-word|\x9b/)
  const seriesOf = async (): Promise<number> => (await ask(admin, '/metrics')).body.split('\n').length
  await ask(port, '/first')
  const before = await seriesOf()
  for (let i = 0; i < 100; i++) await ask(port, `/p${i}`, { method: i % 2 ? 'GET' : 'PUT', headers: { host: `h${i}` } })
  t.ok(await seriesOf() <= before + 20, 'paths, methods and hosts of callers are no labels')
  const folder = dirname(readFileSync(`/proc/${seawall.child.pid}/cmdline`, 'utf8').split('\0').at(-2) as string)
  t.strictSame(readdirSync(folder), ['seawall.json'], 'nothing was written beside the configuration')
})

test('X10 no request chooses where it goes', async (t) => {
  const b = await between(t)
  const other = await rawOrigin(t, () => 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL')
  const { host } = new URL(other.url)
  await b.ask(`GET ${other.url}/x HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  await b.ask(`GET / HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Host: ${host}\r\nForwarded: host=${host}\r\n\r\n`)
  await b.askToTheEnd(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  t.equal(b.origin.received.length, 2)
  t.strictSame(other.received, [])
})

test('X10 a redirect is the caller\'s to follow', async (t) => {
  const other = await rawOrigin(t, () => ok)
  const b = await between(t,
    () => `HTTP/1.1 307 Temporary Redirect\r\nLocation: ${other.url}/\r\ncontent-length: 0\r\n\r\n`)
  t.match(await b.ask(get('/')), /^HTTP\/1\.1 307 [^\0]*Location: /)
  t.strictSame(other.received, [])
})

test('X11 nothing that a caller says becomes a line of anything that we write', async (t) => {
  const b = await between(t)
  await b.ask(get('/%0d%0aX-Evil:%201', 'X-Request-Id: a%0d%0aX-Evil: 1', 'traceparent: \t00-x'))
  t.notMatch(b.origin.last, /\r\nX-Evil/i)
  t.ok(b.origin.last.startsWith('GET /%0d%0aX-Evil:%201 HTTP/1.1\r\n'))
  const refused = await b.askToTheEnd(get('/<script>', 'X-Request-Id: <script>', 'X : <script>'))
  t.notMatch(refused, /script/)
  const text = (value: string): string => JSON.stringify({ ...smallest, routes: [{ ...smallest.routes[0],
    headers: { request: { set: { 'x-a': value } } } }] })
  t.equal(load(text('fine')).ok, true)
  t.equal(load(text('a\r\nX-Evil: 1')).ok, false, 'a configured value neither')
})

const smallest = {
  version: 1, listeners: { public: { kind: 'ingress', listen: '127.0.0.1:0' } },
  upstreams: { service: { endpoints: ['http://127.0.0.1:1'] } },
  routes: [{ name: 'all', listener: 'public', match: { path: '/*' }, upstream: 'service' }],
}

function load(text: string): ReturnType<typeof loadConfiguration> {
  return loadConfiguration(text, { file: 'x.json', rules: currentRules(), env: {}, readFile: () => '' })
}

test('X12 no key of a configuration reaches the prototype of anything', async (t) => {
  for (const key of ['__proto__', 'constructor', 'prototype']) {
    const text = JSON.stringify(smallest).replace('"version":1', `"version":1,"${key}":{"retries":99}`)
    t.equal(load(text).ok, false, key)
  }
  t.equal(({} as Record<string, unknown>)['retries'], undefined)
})

test('X13 a path is matched in no time, and no route is a regular expression', async (t) => {
  t.equal(load(JSON.stringify({ ...smallest, routes: [{ ...smallest.routes[0], match: { path: '^(a+)+$' } }] })).ok,
    false)
  const b = await between(t, () => ok, { limits: { uriBytes: 65_536 }, routes: [{ path: '/(a+)+$' },
    { path: '/:a/:b/*' },
    { path: '/*' }] })
  const startedAt = performance.now()
  t.match(await b.ask(get(`/${'a'.repeat(50_000)}!`)), /^HTTP\/1\.1 200 /)
  t.match(await b.ask(get('/a'.repeat(25_000))), /^HTTP\/1\.1 200 /)
  t.ok(performance.now() - startedAt < 200)
})

test('X18 an origin that always fails gets a tenth more requests than were made, and a few', async (t) => {
  const b = await between(t, () => 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n', {
    route: { options: { retry: { maxAttempts: 4 } } },
  })
  const asked = 400
  for (let sent = 0; sent < asked; sent += 50) {
    const client = b.caller(get('/').repeat(49) + get('/', 'Connection: close'))
    t.equal((await client.closed()).split('HTTP/1.1 503 ').length, 51, 'all are told')
  }
  const reserve = 10
  t.ok(b.origin.received.length > asked, 'it does repeat')
  t.ok(b.origin.received.length <= 1.1 * asked + reserve, `${b.origin.received.length} for ${asked}`)
  t.strictSame(b.record.attempts.filter(({ kind }) => kind === 'hedge'), [])
})

test('X19 uploads that wait for a permit, or are refused one, are not read', async (t) => {
  const origin = await scriptedOrigin(t)
  const b = await inFrontOfOrigin(t, origin, { upstream: { bulkhead: { maxConcurrent: 1, maxWait: 400,
    maxQueue: 100 } } })
  b.caller(get('/holds'))
  await origin.connections(1)
  const before = process.memoryUsage().rss
  const sockets = crowd(t, b, 200, request('POST', '/', 'Content-Length: 1000000000'))
  let refused = 0
  const chunk = Buffer.alloc(1024 * 1024)
  for (const socket of sockets) {
    socket.write(chunk)
    socket.once('data', (text) => { if (/ 503 /.test(text.toString())) refused++ })
  }
  await eventually('all are refused', () => refused === 200)
  const grewMiB = (process.memoryUsage().rss - before) / 2 ** 20
  t.ok(grewMiB < 200, `${grewMiB.toFixed(0)} MiB for 200 uploads of a gigabyte`)
  t.equal(origin.accepted.length, 1)
})

test('X21 every package is fixed by its checksum', async (t) => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { integrity?: string; link?: boolean; bundled?: boolean; inBundle?: boolean }>
  }
  const loose = Object.entries(lock.packages).filter(([path, { integrity, link, inBundle }]) =>
    path !== '' && integrity === undefined && link !== true && inBundle !== true)
  t.strictSame(loose.map(([path]) => path), [])
})

test('X22 it serves, changes and leaves with no privilege at all', async (t) => {
  const origin = await rawOrigin(t, () => ok)
  const seawall = await startSeawall(t, inFrontOf(origin.url, {
    top: { probe: { listen: '127.0.0.1:PORT:probe' }, drain: { delay: 0 } },
  }), process.getuid?.() === 0 ? nobody : {})
  const status = readFileSync(`/proc/${seawall.child.pid}/status`, 'utf8')
  t.notMatch(status, /^Uid:(?:\t\d+)*\t0\b/m, 'not root in any way')
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) t.match(status, new RegExp(`^${set}:\t0+$`, 'm'))
  t.equal((await ask(seawall.ports['public'] as number, '/')).status, 200)
  t.equal((await ask(seawall.ports['probe'] as number, '/readyz')).status, 200)
  t.equal((await ask(seawall.ports['admin'] as number, '/admin/reload', { method: 'POST' })).status, 200)
  t.strictSame(await seawall.stop('SIGTERM'), { code: 0, signal: null })
})

test('X24 a host is checked before anything is done with it, and never resolved', async (t) => {
  const b = await between(t)
  for (const host of ['a\0.test', 'b\xfccher.test', 'a\u2028'.slice(0, 1) + '\x80', 'a test', '%zz']) {
    await b.refuses(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 400)
  }
  for (const host of ['0x7f.1', '2130706433', '127.1', '0177.0.0.1']) {
    await b.ask(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    t.strictSame(valuesOf(b.origin.last, 'host'), [host], 'text for the origin, no address for us')
  }
})

const sameAsSecret = ['/secret/x', '/./secret/x', '/a/../secret/x', '/%73ecret/x', '/secret/%78', '/secret/./x',
  '/a/%2e%2e/secret/x',
  '/a/.%2e/secret/x', '/secret/y/../x', '//secret/x', '/secret//x', '/%2e/secret/x', '/secret%2fx', '/secret/x?a=b']
const otherThanSecret = ['/secretx', '/a/secret', '/Secret/x', '/secret/../x', '/secret/%2e%2e/x', '/?/secret/x', '/x']

test('X25 one resource is one decision, however its path is written', async (t) => {
  const b = await between(t, () => ok, { routes: [{ path: '/secret/*', name: 'secret' }, { path: '/*',
    name: 'open' }] })
  const routeOf = async (path: string): Promise<string> => {
    const before = b.record.exchanges.length
    const answer = await b.ask(get(path))
    if (answer.startsWith('HTTP/1.1 400 ')) return 'refused'
    t.equal(b.origin.last.split(' ')[1], path, 'and forwarded as written')
    return b.record.exchanges[before]?.plan.route as string
  }
  for (const path of sameAsSecret) t.match(await routeOf(path), /secret|refused/, path)
  for (const path of otherThanSecret) t.equal(await routeOf(path), 'open', path)
})

test('X3 an answer over HTTP/2 that a broken connection will never take ends with it', async (t) => {
  const clock = new SkewedClock()
  const origin = await scriptedOrigin(t)
  const b = await inFrontOfOrigin(t, origin, { clock, listener: { http2: true }, timeouts: { requestIdleMs: 100 } })
  const client = new RawHttp2Client(b.server.address)
  t.teardown(() => client.destroy())
  client.send(http2Request(1, endStream, ...head({ ':method': 'HEAD' })))
  const [accepted] = await origin.connections(1)
  await accepted.until(/\r\n\r\n/)
  // It says goodbye, breaks the rules and leaves: from then on the library neither reads nor writes.
  client.send(frame(frameTypes.goaway, 0, 0, Buffer.alloc(8)), frame(frameTypes.ping, 0, 0, 'bad'))
  await client.until('goaway')
  accepted.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n')
  await eventually('it is answered', () => b.record.exchanges.length === 1)
  client.destroy()
  await eventually('it is gone', () => {
    clock.forward(5_000)
    return b.server.connections() === 0
  })
  t.equal(b.server.unsent(), 0)
})
