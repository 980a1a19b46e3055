// The two-sided scenarios of streams and long bodies: what flows, how fast, how much of it is held. Bytes on both
// wires.

import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'tap'
import { eventually } from '../support/asking.ts'
import { get, inFrontOfOrigin, ok, request } from './between.ts'
import { downloads, uploads } from './large-bodies.ts'
import { scriptedOrigin } from './scripted-origin.ts'

const megabytes = 256
/** More than the kernels of both connections hold, by far. */
const total = 40 * 2 ** 20

interface Progress { written: number }

/** Writes `total` bytes as they are taken. */
function pouring(socket: Socket, bytes: number): Progress {
  const progress = { written: 0 }
  const chunk = Buffer.alloc(64 * 1024, 97)
  const pour = (): void => {
    while (progress.written < bytes) {
      progress.written += chunk.length
      if (!socket.write(chunk)) return
    }
  }
  socket.on('drain', pour)
  pour()
  return progress
}

/** Waits until nothing has moved for a while. */
async function untilStill(progress: Progress): Promise<void> {
  let last = -1
  await eventually('it stands still', async () => {
    const before = last
    last = progress.written
    await new Promise((resolve) => { setTimeout(resolve, 50) })
    return before === progress.written
  })
}

test('S1 256 MiB up arrive byte for byte at flat memory', async (t) => {
  const { tookMs, grewMiB, isSame } = await uploads(t, megabytes)
  t.ok(isSame, `${tookMs} ms`)
  t.ok(grewMiB < 100, `both ends and the proxy in this process held ${grewMiB} MiB`)
})

test('S1 256 MiB down arrive byte for byte at flat memory', async (t) => {
  const { tookMs, grewMiB, isSame } = await downloads(t, megabytes)
  t.ok(isSame, `${tookMs} ms`)
  t.ok(grewMiB < 100, `both ends and the proxy in this process held ${grewMiB} MiB`)
})

test('C8 S2 a caller that stops reading stops the origin, and reading goes on where it stopped', async (t) => {
  let progress: Progress = { written: 0 }
  const origin = await scriptedOrigin(t, (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`)
    progress = pouring(socket, total)
  })
  const b = await inFrontOfOrigin(t, origin)
  const socket = connect({ port: b.port, host: '127.0.0.1' })
  t.teardown(() => socket.destroy())
  let received = 0
  socket.on('data', (chunk: Buffer) => { received += chunk.length })
  socket.write(get('/'))
  socket.once('data', () => socket.pause())
  await eventually('it has begun', () => received > 0)
  await untilStill(progress)
  t.ok(progress.written < total / 2, `after ${(progress.written / 2 ** 20).toFixed(1)} MiB, which the kernels hold`)
  socket.resume()
  await eventually('all of it has come', () => received > total, 20_000)
})

test('C8 S2 an origin that stops reading stops the caller, and reading goes on where it stopped', async (t) => {
  const origin = await scriptedOrigin(t)
  let taken = 0
  origin.server.on('connection', (socket) => {
    socket.removeAllListeners('data')
    socket.on('data', (chunk: Buffer) => { taken += chunk.length })
    socket.once('data', () => socket.pause())
  })
  const b = await inFrontOfOrigin(t, origin)
  const client = b.caller(request('POST', '/', `Content-Length: ${total}`))
  const [there] = await origin.connections(1)
  const progress = pouring(client.socket, total)
  await untilStill(progress)
  t.ok(progress.written < total / 2, `after ${(progress.written / 2 ** 20).toFixed(1)} MiB`)
  there.socket.resume()
  await eventually('all of it has come', () => taken > total, 20_000)
  there.write(ok)
  t.match(await client.answer(), /^HTTP\/1\.1 200 /)
})

test('S3 a caller that leaves in the middle of a stream is seen upstream within 100 ms', async (t) => {
  for (const how of ['fin', 'reset'] as const) {
    const origin = await scriptedOrigin(t, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n')
    })
    const b = await inFrontOfOrigin(t, origin)
    const client = b.caller(get('/'))
    await client.until((received) => received.endsWith('\r\n\r\n'))
    const [there] = await origin.connections(1)
    const leftAt = performance.now()
    if (how === 'fin') client.socket.destroy()
    else client.socket.resetAndDestroy()
    await eventually('the origin is told', () => there.hasEnded || there.isClosed)
    t.ok(performance.now() - leftAt < 100, `${how}: ${(performance.now() - leftAt).toFixed(1)} ms`)
  }
})

test('S4 a long poll may stay silent, is answered when there is something, and its connection goes on', async (t) => {
  const origin = await scriptedOrigin(t)
  const b = await inFrontOfOrigin(t, origin, { timeouts: { requestIdleMs: 40, headMs: 40, keepAliveMs: 40 } })
  const client = b.caller(get('/poll'))
  const [there] = await origin.connections(1)
  await there.until(/\r\n\r\n$/)
  // A head that never ends outlives every time limit of an idle connection: by its end, several have passed.
  t.match(await b.askToTheEnd('GET'), /^HTTP\/1\.1 408 /)
  t.equal(client.end, null)
  there.write(ok)
  await client.until((received) => received.endsWith('ok'))
  client.write(get('/again'))
  await there.until(/\/again[^\0]*\r\n\r\n$/)
})

const handshake = get('/chat', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Extensions: permessage-deflate')
const switching = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
  + 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n'

/** Frames as they go over the wire; those of a caller are masked. */
const frames: Readonly<Record<string, string>> = {
  'a text': '\x81\x02hi', 'a binary of every byte': `\x82\x7e\x01\x00${Array.from({ length: 256 }, (_, i) =>
    String.fromCharCode(i)).join('')}`, 'a ping': '\x89\x01p', 'a pong': '\x8a\x01p', 'a fragment': '\x01\x01a',
  'its end': '\x80\x01b', 'a compressed one': '\xc1\x03\xca\xc8\x04', 'reserved bits': '\xf1\x00',
  'a masked text': '\x81\x82\x01\x02\x03\x04ik', 'a close with its code': '\x88\x02\x03\xe9',
}

test('I5 S5 every frame of a WebSocket passes as it is, both ways, close codes and extensions too', async (t) => {
  const origin = await scriptedOrigin(t)
  const b = await inFrontOfOrigin(t, origin)
  const client = b.caller(handshake)
  const [there] = await origin.connections(1)
  await there.until(/sec-websocket-extensions: permessage-deflate\r\n/i)
  there.write(switching)
  await client.until((received) => /permessage-deflate\r\n[^\0]*\r\n\r\n$/i.test(received))
  for (const [what, bytes] of Object.entries(frames)) {
    client.write(bytes)
    there.write(bytes)
    await client.until((received) => received.endsWith(bytes))
    await eventually(`${what} arrives`, () => there.received.endsWith(bytes))
  }
  there.socket.end()
  client.socket.end()
  await eventually('both are closed', () => origin.sockets.size === 0)
})

test('I5 S6 a peer of a tunnel that stops reading stops the other, whichever it is', async (t) => {
  for (const slow of ['caller', 'origin'] as const) {
    const origin = await scriptedOrigin(t)
    const b = await inFrontOfOrigin(t, origin)
    const client = b.caller(handshake)
    const [there] = await origin.connections(1)
    there.write(switching)
    await client.until((received) => received.endsWith('\r\n\r\n'))
    const [reading, writing] = slow === 'caller' ? [client.socket, there.socket] : [there.socket, client.socket]
    for (const socket of [reading, writing]) socket.removeAllListeners('data')
    reading.pause()
    const progress = pouring(writing, total)
    await untilStill(progress)
    t.ok(progress.written < total / 2, `it stands still after ${(progress.written / 2 ** 20).toFixed(1)} MiB`)
    let taken = 0
    reading.on('data', (bytes: Buffer) => { taken += bytes.length })
    reading.resume()
    await eventually('all of it arrives', () => taken >= total, 20_000)
    reading.destroy()
    writing.destroy()
  }
})

test('C3 S7 a connection that the origin closes at the moment of its use costs no GET, doubles no POST', async (t) => {
  let requests = 0
  const origin = await scriptedOrigin(t, (socket) => {
    requests++
    socket.end(ok)
  })
  const b = await inFrontOfOrigin(t, origin)
  let failed = 0
  for (let i = 0; i < 300; i++) {
    const isPost = i % 2 === 1
    const answer = await b.ask(isPost ? request('POST', `/${i}`, 'Content-Length: 0') : get(`/${i}`))
    if (!answer.startsWith('HTTP/1.1 200')) {
      t.ok(isPost, 'only a POST may be lost to the race')
      failed++
    }
  }
  t.ok(requests <= 300, `${requests} arrived, ${failed} were told that they may not have`)
})

test('C3 S7 the same where an idle time of the origin is over within a millisecond of the next request', async (t) => {
  const idleMs = 10
  const arrived: string[] = []
  const answerTo = (socket: Socket, bytes: Buffer): void => {
    arrived.push(/^\w+ \/(\d+) /.exec(bytes.toString('latin1'))?.[1] ?? 'no request')
    socket.write(ok)
    socket.setTimeout(idleMs, () => socket.end())
  }
  const origin = await scriptedOrigin(t)
  origin.server.on('connection', (socket) => { socket.on('data', (bytes: Buffer) => { answerTo(socket, bytes) }) })
  const b = await inFrontOfOrigin(t, origin)
  const client = b.caller()
  let failed = 0
  for (let i = 0; i < 300; i++) {
    const isPost = i % 2 === 1
    client.received = ''
    client.write(isPost ? request('POST', `/${i}`, 'Content-Length: 0') : get(`/${i}`))
    if (!(await client.answer()).startsWith('HTTP/1.1 200')) {
      t.ok(isPost, 'only a POST may be lost to the race')
      failed++
    }
    await new Promise((resolve) => { setTimeout(resolve, idleMs - 1 + i % 3) })
  }
  t.ok(origin.accepted.length > 1, `${origin.accepted.length} connections, ${failed} were told that it may be lost`)
  const posts = arrived.filter((number) => Number(number) % 2 === 1)
  t.equal(new Set(posts).size, posts.length, 'no POST arrived twice')
})
