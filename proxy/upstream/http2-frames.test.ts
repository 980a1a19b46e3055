// HTTP/2 towards upstreams that do not play by the rules, in frames written by hand: what each break is called, what is
// sent again, what a peer is told, and that half an answer is never a whole one.

import { constants } from 'node:http2'
import { test } from 'tap'
import type { Test } from 'tap'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { dataFrame, FrameOrigin, goawayFrame, headFrame } from '../../test/support/frame-origin.ts'
import type { FramePeer, FrameScript } from '../../test/support/frame-origin.ts'
import { endStream, fieldBlock, frame, frameTypes, resetStream, settings } from '../edge/fixtures/http2-frames.ts'
import type { Upstream } from '../core/upstream.ts'
import { sendOver, turn } from './fixtures/leaf-bench.ts'
import { bodyOf, PushedBody } from './fixtures/leaf-bodies.ts'
import { leafOptions } from './fixtures/leaf-fixture.ts'
import type { LeafOptions, RequestShape, Sent } from './fixtures/leaf-fixture.ts'
import { createHttp1Upstream } from './http1-upstream.ts'

interface Pair {
  readonly origin: FrameOrigin
  readonly upstream: Upstream
  send(shape?: RequestShape): Sent
}

async function pair(
  t: Test, script: FrameScript, options: Partial<LeafOptions> = {}, greeting?: Buffer,
): Promise<Pair> {
  const origin = await FrameOrigin.listen(script, greeting)
  const upstream = createHttp1Upstream({ ...leafOptions([origin.port], options), http2: true })
  t.teardown(() => {
    upstream.close()
    return origin.close()
  })
  return { origin, upstream, send: (shape) => sendOver(upstream, shape) }
}

const whole = (stream: number, text = 'hi'): Buffer => Buffer.concat([
  headFrame(stream, 0, [':status', '200'], ['content-length', String(text.length)]), dataFrame(stream, endStream, text),
])

const half = (stream: number): Buffer => Buffer.concat([
  headFrame(stream, 0, [':status', '200']), dataFrame(stream, 0, 'hello'),
])

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 5000; i++) {
    if (holds()) return
    await turn()
  }
  throw new Error(`it never came that ${what}`)
}

const malformed: Readonly<Record<string, (stream: number) => Buffer>> = {
  'a head without a status': (id) => headFrame(id, endStream, ['x-a', 'b']),
  'a status of four digits': (id) => headFrame(id, endStream, [':status', '2000']),
  'a status below 100': (id) => headFrame(id, endStream, [':status', '099']),
  'a status twice': (id) => headFrame(id, endStream, [':status', '200'], [':status', '200']),
  'a pseudo field of requests': (id) => headFrame(id, endStream, [':status', '200'], [':path', '/']),
  'a pseudo field behind others': (id) => headFrame(id, endStream, ['x-a', 'b'], [':status', '200']),
  'a field name in capitals': (id) => headFrame(id, endStream, [':status', '200'], ['X-A', 'b']),
  'a field of the hop': (id) => headFrame(id, endStream, [':status', '200'], ['connection', 'close']),
  'a transfer coding': (id) => headFrame(id, endStream, [':status', '200'], ['transfer-encoding', 'chunked']),
  'an unasked 101': (id) => headFrame(id, 0, [':status', '101']),
  'a content-length that is no number': (id) => headFrame(id, 0, [':status', '200'], ['content-length', '+5']),
  'two content-lengths': (id) => headFrame(id, 0, [':status', '200'], ['content-length', '5'], ['content-length', '6']),
  'a length and no body': (id) => headFrame(id, endStream, [':status', '200'], ['content-length', '5']),
  'data before the head': (id) => dataFrame(id, endStream, 'hello'),
  'bytes that are no frames': () => Buffer.from(`HTTP/1.1 400 Bad Request\r\n\r\n${'x'.repeat(200)}`),
  'a frame larger than was agreed': (id) => frame(frameTypes.data, 0, id, Buffer.alloc(40_000)),
  'a flood of interim answers': (id) =>
    Buffer.concat(Array.from({ length: 200 }, () => headFrame(id, 0, [':status', '103'], ['link', 'x']))),
  'a head that never ends': (id) => Buffer.concat(Array.from({ length: 20 }, (_, i) =>
    frame(i === 0 ? frameTypes.headers : frameTypes.continuation, 0, id, fieldBlock(['x-a', 'y'.repeat(16_000)])))),
}

for (const [what, bytes] of Object.entries(malformed)) {
  test(`${what} is a malformed answer`, async (t) => {
    const { send } = await pair(t, (peer, stream) => { peer.write(bytes(stream)) })
    const sent = send()
    const fault = await sent.fault()
    t.equal(fault, 'upstream.malformed')
    await sent.closed
    t.equal(sent.attempt.work.delivered, 'maybe')
  })
}

const breaks: readonly (readonly [name: string, end: (peer: FramePeer, stream: number) => void, fault: string])[] = [
  ['a reset with CANCEL', (peer, id) => { peer.write(resetStream(id, 8)) }, 'upstream.reset'],
  ['a reset with NO_ERROR', (peer, id) => { peer.write(resetStream(id, 0)) }, 'upstream.reset'],
  ['a reset with INTERNAL_ERROR', (peer, id) => { peer.write(resetStream(id, 2)) }, 'upstream.reset'],
  ['a reset with ENHANCE_YOUR_CALM', (peer, id) => { peer.write(resetStream(id, 11)) }, 'upstream.reset'],
  ['a reset with PROTOCOL_ERROR', (peer, id) => { peer.write(resetStream(id, 1)) }, 'upstream.malformed'],
  ['the end of the connection', (peer) => { peer.socket.end() }, 'upstream.reset'],
  ['a reset of the connection', (peer) => { peer.socket.resetAndDestroy() }, 'upstream.reset'],
  ['a GOAWAY and the end', (peer) => { peer.write(goawayFrame(1, 2)); peer.socket.end() }, 'upstream.reset'],
]

for (const [name, end, fault] of breaks) {
  test(`${name} instead of an answer is ${fault}`, async (t) => {
    const { origin, send } = await pair(t, (peer, stream) => { end(peer, stream) })
    const sent = send()
    t.equal(await sent.fault(), fault)
    await sent.closed
    t.equal(origin.peers.length, 1)
  })

  test(`${name} within a body breaks it visibly`, async (t) => {
    const { origin, send } = await pair(t, (peer, stream) => { peer.write(half(stream)) })
    const sent = send()
    await sent.reply()
    end(origin.peers[0] as FramePeer, 1)
    const sink = await sent.body()
    t.equal(sink.text, 'hello')
    t.not(sink.failure, null)
    t.equal(sent.attempt.bodyFault, fault)
    await sent.closed
  })
}

test('a body that is shorter or longer than its length breaks visibly', async (t) => {
  for (const length of ['9', '3']) {
    const { send } = await pair(t, (peer, stream) => {
      peer.write(headFrame(stream, 0, [':status', '200'], ['content-length', length]))
      peer.write(dataFrame(stream, endStream, 'hello'))
    })
    const sent = send()
    const outcome = await sent.outcome
    if (outcome.kind === 'reply') {
      t.not((await sent.body()).failure, null, length)
      t.equal(sent.attempt.bodyFault, 'upstream.malformed', length)
    } else t.match(outcome, { kind: 'failed', fault: 'upstream.malformed' }, length)
    await sent.closed
  }
})

test('a body behind an answer that has none reaches nobody', async (t) => {
  for (const [method, status] of [['HEAD', '200'], ['GET', '204'], ['GET', '304']] as const) {
    const { send } = await pair(t, (peer, stream, index) => {
      if (index > 0 || stream > 1) return peer.write(whole(stream))
      peer.write(headFrame(stream, 0, [':status', status]), dataFrame(stream, endStream, 'EVIL'))
    })
    const sent = send({ method })
    const outcome = await sent.outcome
    if (outcome.kind === 'reply') t.equal(outcome.body, null)
    else t.match(outcome, { fault: 'upstream.malformed' })
    await sent.closed
    t.equal((await send().body()).text, 'hi')
  }
})

test('what was not processed is sent once more, whatever its method', async (t) => {
  const ways: readonly ((peer: FramePeer, stream: number) => void)[] = [
    (peer, stream) => { peer.write(resetStream(stream, constants.NGHTTP2_REFUSED_STREAM)) },
    (peer) => { peer.write(goawayFrame(0, 0)) },
    (peer) => { peer.write(goawayFrame(0, 2)); peer.socket.end() },
  ]
  for (const [i, way] of ways.entries()) {
    let heads = 0
    const { send } = await pair(t, (peer, stream) => {
      if (++heads === 1) way(peer, stream)
      else peer.write(whole(stream))
    })
    t.equal((await send({ method: 'POST' }).body()).text, 'hi', `way ${i}`)
    t.equal(heads, 2)
  }
})

test('what is refused again is refused, and not sent for ever', async (t) => {
  let heads = 0
  const { send } = await pair(t, (peer, stream) => {
    heads++
    peer.write(resetStream(stream, constants.NGHTTP2_REFUSED_STREAM))
  })
  const sent = send()
  t.equal(await sent.fault(), 'upstream.refused')
  await sent.closed
  t.equal(heads, 2)
})

test('a request whose body is gone is not sent again', async (t) => {
  const { promise: arrived, resolve } = Promise.withResolvers<void>()
  let heads = 0
  const { send } = await pair(t, (peer, stream) => {
    heads++
    void arrived.then(() => { peer.write(resetStream(stream, constants.NGHTTP2_REFUSED_STREAM)) })
  })
  const body = new PushedBody(10)
  const sent = send({ method: 'POST', body })
  await body.flowing
  body.push('hello')
  resolve()
  t.equal(await sent.fault(), 'upstream.refused')
  await body.discarded
  t.equal(heads, 1)
})

test('a GOAWAY lets what was processed come to its end, and takes nothing new', async (t) => {
  const { origin, send } = await pair(t, (peer, stream, index) => {
    if (index === 0) peer.write(goawayFrame(stream, 0), headFrame(stream, 0, [':status', '200']))
    else peer.write(whole(stream))
  })
  const first = send()
  await first.reply()
  t.equal((await send().body()).text, 'hi')
  t.equal(origin.peers.length, 2)
  origin.peers[0]?.write(dataFrame(1, endStream, 'late'))
  t.equal((await first.body()).text, 'late')
  await first.closed
  await until('the first connection is closed', () => origin.peers[0]?.socket.destroyed === true)
})

const dying: readonly (readonly [shape: () => RequestShape, isRepeated: boolean])[] = [
  [() => ({ method: 'GET' }), true], [() => ({ method: 'DELETE' }), true], [() => ({ method: 'POST' }), false],
  [() => ({ method: 'PUT', body: bodyOf(['hello'], 5) }), false],
]

for (const [shape, isRepeated] of dying) {
  const { method } = shape()
  test(`a session that dies before an answer to ${method}: it is ${isRepeated ? '' : 'not '}repeated`, async (t) => {
    const { origin, send } = await pair(t, (peer, stream, index) => {
      if (stream === 1 || index > 0) peer.write(whole(stream))
      else peer.socket.end()
    })
    await send().body()
    const second = send(shape())
    if (isRepeated) t.equal((await second.body()).text, 'hi')
    else t.equal(await second.fault(), 'upstream.reset')
    await second.closed
    t.equal(origin.peers.length, isRepeated ? 2 : 1)
  })
}

test('a cut resets the stream with CANCEL and leaves the session', async (t) => {
  const { origin, send } = await pair(t, (peer, stream) => { if (stream > 1) peer.write(whole(stream)) })
  const body = new PushedBody(-1)
  const sent = send({ method: 'POST', body })
  await body.flowing
  body.push('hello')
  await until('the body has come', () => origin.peers[0]?.of('data').length === 1)
  sent.attempt.cut({ kind: 'abandoned', by: 'caller', elapsedMs: 1 }, sent.attempt.clock.now())
  await sent.closed
  t.ok(body.isDiscarded)
  t.equal((await send().body()).text, 'hi')
  t.strictSame(origin.peers[0]?.resets, [8])
  t.ok(origin.peers[0]?.of('data').every(({ flags }) => (flags & endStream) === 0), 'the body was never ended')
  t.equal(origin.peers.length, 1)
})

test('a body that breaks off, or is not as long as it said, is never completed', async (t) => {
  for (const end of [(body: PushedBody) => body.sink?.fail('gone'), (body: PushedBody) => body.sink?.end(null)]) {
    const { origin, send } = await pair(t, () => {})
    const body = new PushedBody(9)
    const sent = send({ method: 'POST', body })
    await body.flowing
    body.push('hello')
    // Not every Node has sent the head by now, and of a request that never left there is nothing to reset.
    await until('the first half has come', () => (origin.peers[0]?.of('data').length ?? 0) > 0)
    end(body)
    t.match(await sent.outcome, { kind: 'abandoned' })
    await until('the stream is reset', () => origin.peers[0]?.resets.length === 1)
    t.ok(origin.peers[0]?.of('data').every(({ flags }) => (flags & endStream) === 0))
  }
})

test('an answer before the end of the upload is whole, and the rest is not sent', async (t) => {
  const { origin, send } = await pair(t, (peer, stream) => {
    if (stream > 1) return peer.write(whole(stream))
    peer.write(headFrame(stream, 0, [':status', '413']), dataFrame(stream, endStream, 'much'))
  })
  const body = new PushedBody(1_000_000)
  const sent = send({ method: 'POST', body })
  await body.flowing
  body.push('hello')
  t.equal((await sent.reply()).status, 413)
  const sink = await sent.body()
  t.equal(sink.text, 'much')
  t.equal(sink.failure, null)
  await sent.closed
  await body.discarded
  t.equal((await send().body()).text, 'hi')
  t.strictSame(origin.peers[0]?.resets, [8])
})

test('a window that stays shut is a stalled upload', async (t) => {
  const clock = new VirtualClock()
  const timeouts = { connectMs: 1000, idleMs: 1000, keepAliveMs: 4000 }
  const { send } = await pair(t, () => {}, { clock, timeouts })
  const body = new PushedBody(-1)
  const sent = send({ method: 'POST', body })
  await body.flowing
  for (let i = 0; i < 200 && body.push('x'.repeat(16 * 1024)); i++) await turn()
  for (let i = 0; i < 50; i++) await turn()
  await clock.run(3000)
  t.equal(await sent.fault(), 'upstream.stalled')
  t.ok(body.isDiscarded)
})

test('a body that stops has stalled, and its neighbours have not', async (t) => {
  const clock = new VirtualClock()
  const timeouts = { connectMs: 1000, idleMs: 1000, keepAliveMs: 4000 }
  const { origin, send } = await pair(t, (peer, stream) => {
    peer.write(headFrame(stream, 0, [':status', '200']), dataFrame(stream, 0, 'hello'))
  }, { clock, timeouts })
  const [still, moving] = [send(), send()]
  await Promise.all([still.reply(), moving.reply()])
  for (let at = 250; at <= 2500; at += 250) {
    origin.peers[0]?.write(dataFrame(3, 0, '.'))
    for (let i = 0; i < 5; i++) await turn()
    await clock.run(at)
  }
  t.equal(still.attempt.bodyFault, 'upstream.stalled')
  t.equal(moving.attempt.bodyFault, null)
  t.strictSame(origin.peers[0]?.resets, [8])
})

const silent: readonly (readonly [name: string, greeting: Buffer, fault: string])[] = [
  ['says nothing', Buffer.alloc(0), 'upstream.connect-timeout'],
  ['speaks HTTP/1.1', Buffer.from('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'), 'upstream.malformed'],
  ['allows no streams', settings([3, 0]), 'upstream.refused'],
]

for (const [name, greeting, fault] of silent) {
  test(`an endpoint that ${name} is ${fault}, and nothing was delivered`, async (t) => {
    const clock = new VirtualClock()
    const { origin, send } = await pair(t, () => {}, { clock }, greeting)
    const sent = send({ method: 'POST' })
    await until('it is connected', () => origin.peers.length === 1)
    if (greeting.length === 0) {
      // Its first frame would be the answer to ours.
      origin.peers[0]?.socket.removeAllListeners('data')
      for (let i = 0; i < 20; i++) await turn()
      await clock.run(2001)
    }
    t.equal(await sent.fault(), fault)
    await sent.closed
    t.equal(sent.attempt.work.delivered, 'no')
    t.equal(origin.peers.length, 1)
  })
}

test('a session of which nothing comes any more is left, and ends when a ping is not answered', async (t) => {
  const clock = new VirtualClock()
  const { origin, send } = await pair(t, (peer, stream, index) => {
    if (index > 0) return peer.write(whole(stream))
    peer.answersPings = false
    if (stream === 1) peer.write(half(stream))
  }, { clock })
  const open = send()
  await open.reply()
  const lost = send()
  await until('it was sent', () => origin.peers[0]?.of('headers').length === 2)
  await clock.run(5000)
  lost.attempt.cut({ kind: 'failed', fault: 'upstream.timeout', cause: 'late' }, 5000)
  await until('somebody is asked', () => origin.peers[0]?.of('ping').length === 1)
  t.equal((await send().body()).text, 'hi')
  t.equal(origin.peers.length, 2)
  t.equal(open.attempt.bodyFault, null)
  await clock.run(7001)
  t.equal(open.attempt.bodyFault, 'upstream.stalled')
  await open.closed
  await until('the dead one is closed', () => origin.peers[0]?.socket.destroyed === true)
})

test('a session that answers its ping serves on', async (t) => {
  const clock = new VirtualClock()
  const { origin, send } = await pair(t, (peer, stream) => { if (stream > 1) peer.write(whole(stream)) }, { clock })
  const lost = send()
  await until('it was sent', () => origin.peers[0]?.of('headers').length === 1)
  await clock.run(3000)
  lost.attempt.cut({ kind: 'failed', fault: 'upstream.timeout', cause: 'late' }, 3000)
  await until('somebody is asked', () => origin.peers[0]?.of('ping').length === 1)
  for (let i = 0; i < 10; i++) await turn()
  await clock.run(5001)
  t.equal((await send().body()).text, 'hi')
  t.equal(origin.peers.length, 1)
})
