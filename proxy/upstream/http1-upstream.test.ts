// The leaf over our own HTTP/1.1: the cases every leaf must pass, and what is particular to it.

import { test } from 'tap'
import type { Test } from 'tap'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { createHttp1Upstream } from './http1-upstream.ts'
import { always, answer, LeafBench, sendOver, turn } from './fixtures/leaf-bench.ts'
import { bodyOf, Collected, PerTurn, PushedBody } from './fixtures/leaf-bodies.ts'
import { conformLeaf } from './fixtures/leaf-conformance.ts'
import { leafOptions, Sent } from './fixtures/leaf-fixture.ts'
import { ScriptedOrigin } from './fixtures/scripted-origin.ts'
import type { OriginPeer } from './fixtures/scripted-origin.ts'

conformLeaf('http1', createHttp1Upstream)

const timeouts = { connectMs: 1000, idleMs: 1000, keepAliveMs: 4000, streamIdleMs: 5000 }

function benchOf(t: Test): LeafBench {
  return new LeafBench(t, createHttp1Upstream)
}

const halfAnswer = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'

await test('an answer that stops in its body has stalled', async (t) => {
  const clock = new VirtualClock()
  const { origin, send } = await benchOf(t).pair(always(halfAnswer), { clock, timeouts })
  const sent = send()
  await sent.reply()
  await clock.run(900)
  t.equal(sent.attempt.bodyFault, null)
  await clock.run(1600)
  t.equal(sent.attempt.bodyFault, 'upstream.stalled')
  const sink = await sent.body()
  t.equal(sink.text, 'hello')
  t.not(sink.failure, null)
  await origin.peers[0]?.closed
})

await test('an answer on a stream may stop for longer', async (t) => {
  const clock = new VirtualClock()
  const { send } = await benchOf(t).pair(always(halfAnswer), { clock, timeouts })
  const sent = send({ isStream: true })
  await sent.reply()
  await clock.run(4900)
  t.equal(sent.attempt.bodyFault, null)
  await clock.run(5600)
  t.equal(sent.attempt.bodyFault, 'upstream.stalled')
})

await test('an upstream is not still because its reader is slow', async (t) => {
  const clock = new VirtualClock()
  const size = 1024 * 1024
  const { send } = await benchOf(t).pair(always(answer('x'.repeat(size))), { clock, timeouts })
  const sent = send()
  const reply = await sent.reply()
  const sink = new Collected()
  sink.isStopped = true
  reply.body?.flow(sink)
  for (let i = 0; i < 20; i++) await turn()
  await clock.run(10_000)
  t.equal(sent.attempt.bodyFault, null)
  sink.isStopped = false
  reply.body?.resume()
  while (!sink.isEnded) {
    await turn()
    await clock.run(clock.now())
  }
  t.equal(sink.bytes, size)
})

await test('waiting for a head is not being still', async (t) => {
  const clock = new VirtualClock()
  const { origin, send } = await benchOf(t).pair(async (peer) => { await peer.head() }, { clock, timeouts })
  const sent = send()
  while (origin.peers[0]?.total === undefined || origin.peers[0].total === 0) await turn()
  await clock.run(60_000)
  t.equal(sent.attempt.outcome, null)
})

await test('an origin that takes nothing of an upload has stalled', async (t) => {
  const clock = new VirtualClock()
  const { send } = await benchOf(t).pair((peer) => { peer.socket.pause() }, { clock, timeouts })
  const body = new PushedBody(-1)
  const sent = send({ method: 'POST', body })
  await body.flowing
  while (body.push('x'.repeat(64 * 1024))) await turn()
  for (let i = 0; i < 20; i++) await turn()
  while (body.resumes > 0) {
    body.resumes = 0
    while (body.push('x'.repeat(64 * 1024))) await turn()
    for (let i = 0; i < 20; i++) await turn()
  }
  await clock.run(2000)
  t.equal(await sent.fault(), 'upstream.stalled')
  t.ok(body.isDiscarded)
})

await test('a handshake that does not end in time is a connect timeout, and nothing was delivered', async (t) => {
  const clock = new VirtualClock()
  const origin = await ScriptedOrigin.listen(() => {})
  t.teardown(() => origin.close())
  const endpoints = [{ url: 'https://127.0.0.1:1', host: '127.0.0.1', port: origin.port, isSecure: true }]
  const sent = sendOver(benchOf(t).leaf([], { clock, timeouts, endpoints }))
  while (origin.peers.length === 0) await turn()
  await clock.run(999)
  t.equal(sent.attempt.outcome, null)
  await clock.run(1001)
  t.equal(await sent.fault(), 'upstream.connect-timeout')
  t.equal(sent.attempt.work.delivered, 'no')
  await sent.closed
})

await test('a body waits one second for a 100 that does not come', async (t) => {
  const clock = new VirtualClock()
  const { origin, send } = await benchOf(t).pair(async (peer) => {
    await peer.head()
    await peer.take(5)
    peer.send(answer('ok'))
  }, { clock, timeouts })
  const body = bodyOf(['hello'], 5)
  const sent = send({ method: 'PUT', body, expectsContinue: true })
  while (origin.peers[0]?.total === undefined || origin.peers[0].total === 0) await turn()
  await clock.run(999)
  t.equal(body.sink, null)
  await clock.run(1001)
  t.not(body.sink, null)
  t.equal((await sent.body()).text, 'ok')
})

await test('a request whose body still waits is repeated when its kept connection dies', async (t) => {
  const { origin, send } = await benchOf(t).pair(async (peer, index) => {
    await peer.head()
    peer.send(index === 0 ? answer('first') : 'HTTP/1.1 100 Continue\r\n\r\n')
    if (index > 0) await peer.take(5)
    else await peer.head()
    peer.end(index === 0 ? '' : answer('second'))
  })
  const first = send()
  await first.body()
  await first.closed
  const sent = send({ method: 'PUT', body: bodyOf(['hello'], 5), expectsContinue: true })
  t.equal((await sent.body()).text, 'second')
  t.equal(origin.peers.length, 2)
})

const expiries: readonly (readonly [head: string, keptMs: number])[] = [
  ['', 4000], ['Keep-Alive: timeout=3\r\n', 2000], ['Keep-Alive: timeout=9999\r\n', 60_000],
]

for (const [head, keptMs] of expiries) {
  await test(`an idle connection is kept for ${keptMs} ms after "${head.trim()}"`, async (t) => {
    const clock = new VirtualClock()
    const { origin, upstream, send } = await benchOf(t).pair(always(answer('hi', head)), { clock, timeouts })
    const sent = send()
    await sent.body()
    await sent.closed
    await clock.run(keptMs - 1)
    t.equal(upstream.inspect()['idle'], 1)
    await clock.run(keptMs + 300)
    t.equal(upstream.inspect()['connections'], 0)
    await origin.peers[0]?.closed
  })
}

await test('an expired connection is not used, swept or not', async (t) => {
  const clock = new VirtualClock()
  const { origin, send } = await benchOf(t).pair(always(answer('hi')), { clock, timeouts })
  const sent = send()
  await sent.body()
  await sent.closed
  // Time passes, but no timer fires: as after a pause of the whole process.
  clock.now = () => 4001
  t.equal((await send().body()).text, 'hi')
  t.equal(origin.peers.length, 2)
})

await test('a body after an answer without one meets an idle connection, in whatever packet it comes', async (t) => {
  const { origin, send } = await benchOf(t).pair(async (peer, index) => {
    await peer.head()
    peer.send(index === 0 ? 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n' : answer('good'))
  })
  const first = send({ method: 'HEAD' })
  await first.closed
  // In the socket before the next request is, but not yet read.
  origin.peers[0]?.send(answer('EVIL'))
  t.equal((await send().body()).text, 'good')
  await origin.peers[0]?.closed
})

const poisons: readonly (readonly [name: string, poison: (peer: OriginPeer | undefined) => void])[] = [
  ['a second answer', (peer) => { peer?.send(answer('EVIL')) }],
  ['a 408 for idling', (peer) => { peer?.send('HTTP/1.1 408 Slow\r\nConnection: close\r\n\r\n') }],
  ['a reset', (peer) => { peer?.reset() }],
]

for (const [name, poison] of poisons) {
  await test(`${name} that lies unread when its connection is taken is nobody's answer`, async (t) => {
    const { origin, send } = await benchOf(t).pair(async (peer) => {
      await peer.head()
      peer.send(answer('good'))
    })
    const first = send()
    await first.body()
    await first.closed
    await turn()
    await turn()
    poison(origin.peers[0])
    const second = send({ method: 'POST', body: bodyOf(['hello'], 5) })
    t.equal(second.attempt.work.delivered, 'no')
    t.equal((await second.body()).text, 'good')
    t.equal(origin.peers.length, 2)
  })
}

await test('an answer that has come whole has a length, whatever framed it', async (t) => {
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n'
  const { send } = await benchOf(t).pair(async (peer) => {
    await peer.head()
    peer.send(`${chunked}\r\n`)
    await peer.head()
    peer.send(`${chunked}X-T: y\r\n\r\n`)
  })
  const plain = send()
  t.equal((await plain.reply()).body?.length, 5)
  const sink = await plain.body()
  t.equal(sink.text, 'hello')
  t.equal(sink.writes, 1)
  await plain.closed
  const trailed = send()
  t.equal((await trailed.reply()).body?.length, -1)
  t.same((await trailed.body()).trailers, ['X-T', 'y'])
})

await test('an attempt that ends may start the next one on the same connection at once', async (t) => {
  const { origin, upstream } = await benchOf(t).pair(always(answer('hi')))
  const second = new Sent()
  const first = new Sent()
  Object.assign(first.attempt.owner, { ended: () => { upstream.send(second.attempt) } })
  upstream.send(first.attempt)
  t.equal((await first.body()).text, 'hi')
  t.equal((await second.body()).text, 'hi')
  t.equal(origin.peers.length, 1)
  t.same(upstream.inspect(), {
    connections: 1, idle: 1, busy: 0, connectionsOpened: 1, connectionsReused: 1,
  })
})

await test('interim answers of many bytes are malformed', async (t) => {
  const one = `HTTP/1.1 103 Early Hints\r\nLink: ${'x'.repeat(4000)}\r\n\r\n`
  const { send } = await benchOf(t).pair(always(`${one.repeat(10)}${answer('hi')}`))
  t.equal(await send().fault(), 'upstream.malformed')
})

await test('interim answers travel without the fields of this hop', async (t) => {
  const { send } = await benchOf(t).pair(always(
    `HTTP/1.1 103 Early\r\nConnection: close, X-A\r\nX-A: b\r\nLink: c\r\nContent-Length: 0\r\n\r\n${answer('hi')}`,
  ))
  const sent = send()
  await sent.reply()
  t.same(sent.interim, [{ status: 103, headers: ['Link', 'c'] }])
})

await test('an attempt that is cut by its interim answer ends there', async (t) => {
  const { origin, send } = await benchOf(t).pair(always(`HTTP/1.1 103 Early\r\n\r\n${answer('hi')}`))
  const sent = send()
  const { attempt } = sent
  Object.assign(attempt.work.exchange.caller, {
    inform: () => { attempt.cut({ kind: 'abandoned', by: 'caller', elapsedMs: 1 }, 1) },
  })
  await sent.closed
  t.equal((await sent.outcome).kind, 'abandoned')
  await origin.peers[0]?.closed
})

const wrongLengths: readonly (readonly [name: string, chunks: readonly string[], received: string])[] = [
  ['longer', ['hello', 'world'], 'hello'], ['shorter', ['hel'], 'hel'],
]

for (const [name, chunks, received] of wrongLengths) {
  await test(`a body that is ${name} than its length ends the connection`, async (t) => {
    const { origin, send } = await benchOf(t).pair(async (peer) => { await peer.head() })
    const body = new PushedBody(5)
    const sent = send({ method: 'POST', body })
    await body.flowing
    for (const chunk of chunks) {
      body.push(chunk)
      while (!(origin.peers[0]?.received ?? '').includes(received)) await turn()
    }
    body.sink?.end(null)
    t.equal((await sent.outcome).kind, 'abandoned')
    await sent.closed
    await origin.peers[0]?.closed
    t.equal(origin.peers[0]?.received, received)
  })
}

await test('endpoints share what is under way', async (t) => {
  const bench = benchOf(t)
  const origins = await Promise.all([1, 2, 3].map(() => ScriptedOrigin.listen(async (peer) => { await peer.head() })))
  t.teardown(() => Promise.all(origins.map((origin) => origin.close())))
  const upstream = bench.leaf(origins.map((origin) => origin.port))
  for (let i = 0; i < 9; i++) sendOver(upstream)
  while (origins.some((origin) => origin.peers.length < 3)) await turn()
  t.same(origins.map((origin) => origin.peers.length), [3, 3, 3])
})

await test('closing lets what runs come to its end, and nothing stay', async (t) => {
  const { promise: going, resolve: go } = Promise.withResolvers<void>()
  const { origin, upstream, send } = await benchOf(t).pair(async (peer, index) => {
    await peer.head()
    if (index === 1) await going
    peer.send(answer('hi'))
  })
  const [first, second] = [send(), send()]
  await first.body()
  await first.closed
  upstream.close()
  await origin.peers[0]?.closed
  go()
  t.equal((await second.body()).text, 'hi')
  await origin.peers[1]?.closed
  t.equal(upstream.inspect()['connections'], 0)
})

await test('an upstream needs an endpoint', (t) => {
  t.throws(() => createHttp1Upstream(leafOptions([])), /has no endpoint/)
  t.end()
})

await test('one answer, however fast it comes, leaves the others their turns', async (t) => {
  const size = 6 * 1024 * 1024
  const { send } = await benchOf(t).pair(always(answer('x'.repeat(size))))
  const reply = await send().reply()
  const inTurn = new PerTurn()
  reply.body?.flow(inTurn)
  await inTurn.over
  t.equal(inTurn.bytes, size)
  // What libuv reads on for is up to 2 MiB.
  t.ok(inTurn.mostInTurn <= 3 * 64 * 1024, `${inTurn.mostInTurn / 1024} KiB in one turn`)
})
