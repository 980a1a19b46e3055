// Conformance cases of leaves: bodies of answers. How they end, how they break, and that a slow reader slows them down.

import { systemClock } from '../core/clock.ts'
import { always, answer, turn } from './leaf-bench.ts'
import type { LeafCase } from './leaf-bench.ts'
import { Collected } from './leaf-bodies.ts'

const chunked = 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'

/** First part at once, the second when the first has been read: the break comes after the head was told. */
const breaks: readonly (readonly [name: string, head: string, rest: string, fault: string])[] = [
  ['a body shorter than its length', 'Content-Length: 10\r\n\r\nhello', '', 'upstream.reset'],
  ['a chunked body without its last chunk', chunked, '', 'upstream.reset'],
  ['a chunked body cut in its trailers', chunked, '0\r\nA: b', 'upstream.reset'],
  ['a chunk size with a sign', chunked, '+5\r\nhello', 'upstream.malformed'],
  ['a chunk size with 0x', chunked, '0x5\r\nhello', 'upstream.malformed'],
  ['a chunk size with a space after it', chunked, '5 \r\nhello', 'upstream.malformed'],
  ['a chunk without CRLF after it', chunked, '5\r\nhelloX', 'upstream.malformed'],
  ['a chunk line ended by a bare LF', chunked, '5\nhello', 'upstream.malformed'],
  ['a chunk size beyond 2^53', chunked, `${'f'.repeat(14)}\r\n`, 'upstream.malformed'],
]

const breakCases: readonly LeafCase[] = breaks.map(([name, head, rest, fault]) => ({
  name: `${name} breaks visibly after what had come`,
  run: async (t, bench) => {
    const { promise: read, resolve: go } = Promise.withResolvers<void>()
    const { origin, send } = await bench.pair(async (peer) => {
      await peer.head()
      peer.send(`HTTP/1.1 200 OK\r\n${head}`)
      await read
      peer.end(rest)
    })
    const sent = send()
    await sent.reply()
    go()
    const collected = await sent.body()
    // How much of a chunk is given away before its defective end is seen is the leaf's affair.
    t.ok('hellohello'.startsWith(collected.text) && collected.text !== '', collected.text)
    t.not(collected.failure, null)
    t.equal(sent.attempt.bodyFault, fault)
    await sent.closed
    await origin.peers[0]?.closed
  },
}))

const surplus: readonly (readonly [name: string, method: string, bytes: string, body: string])[] = [
  ['after a length', 'GET', `${answer('hi')}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL`, 'hi'],
  ['after the last chunk', 'GET', `HTTP/1.1 200 OK\r\n${chunked}0\r\n\r\nEVIL`, 'hello'],
  ['after an answer to HEAD', 'HEAD', answer('EVIL'), ''],
  ['after a 204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\nEVIL', ''],
]

const surplusCases: readonly LeafCase[] = surplus.map(([name, method, bytes, body]) => ({
  name: `surplus bytes ${name} are never delivered and end the connection`,
  run: async (t, bench) => {
    const { origin, send } = await bench.pair(async (peer, index) => {
      await peer.head()
      peer.send(index === 0 ? bytes : answer('good'))
    })
    const first = send({ method })
    const collected = await first.body()
    t.equal(collected.text, body)
    t.equal(collected.failure, null)
    await first.closed
    t.equal((await send().body()).text, 'good')
    await origin.peers[0]?.closed
    t.equal(origin.peers.length, 2)
  },
}))

export const bodyCases: readonly LeafCase[] = [
  {
    name: 'a body without framing ends with the connection',
    run: async (t, bench) => {
      const { send } = await bench.pair(async (peer) => {
        await peer.head()
        await peer.sendApart('HTTP/1.1 200 OK\r\n\r\nhello')
        peer.end(', world')
      })
      const sent = send()
      t.equal((await sent.reply()).body?.length, -1)
      const collected = await sent.body()
      t.equal(collected.text, 'hello, world')
      t.equal(collected.failure, null)
      await sent.closed
    },
  },
  {
    name: 'an unframed body that is reset breaks visibly',
    run: async (t, bench) => {
      const { origin, send } = await bench.pair(async (peer) => {
        await peer.head()
        await peer.sendApart('HTTP/1.1 200 OK\r\n\r\nhello')
      })
      const sent = send()
      await sent.reply()
      origin.peers[0]?.reset()
      t.not((await sent.body()).failure, null)
      t.equal(sent.attempt.bodyFault, 'upstream.reset')
    },
  },
  {
    name: 'a body that nobody reads stops the origin, and goes on when it is read',
    run: async (t, bench) => {
      const size = 64 * 1024 * 1024
      let flushed = 0
      const { send } = await bench.pair(async (peer) => {
        await peer.head()
        peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
        const block = Buffer.alloc(64 * 1024, 'x')
        for (let sent = 0; sent < size; sent += block.length) {
          await new Promise<void>((resolve) => { peer.socket.write(block, () => { resolve() }) })
          flushed += block.length
        }
      })
      const sent = send()
      const reply = await sent.reply()
      const sink = new Collected()
      sink.isStopped = true
      reply.body?.flow(sink)
      await settled(() => flushed)
      t.ok(sink.bytes <= 128 * 1024, `a stopped sink was given ${sink.bytes} bytes`)
      t.ok(flushed < size / 2, `the origin could send ${flushed} bytes`)
      sink.isStopped = false
      reply.body?.resume()
      await sink.over
      t.equal(sink.bytes, size)
      await sent.closed
    },
  },
  {
    name: 'a discarded body closes the connection',
    run: async (t, bench) => {
      const { origin, send } = await bench.pair(async (peer) => {
        await peer.head()
        peer.send('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhello')
      })
      const sent = send()
      const reply = await sent.reply()
      reply.body?.discard()
      await sent.closed
      await origin.peers[0]?.closed
      t.equal(sent.attempt.bodyFault, null)
    },
  },
  {
    name: 'an attempt that is cut after its head breaks the body and closes the connection',
    run: async (t, bench) => {
      const { origin, send } = await bench.pair(always('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello'))
      const sent = send()
      const reply = await sent.reply()
      const sink = new Collected()
      reply.body?.flow(sink)
      sent.attempt.cut({ kind: 'abandoned', by: 'deadline', elapsedMs: 1 }, sent.attempt.clock.now())
      await sink.over
      t.equal(sink.text, 'hello')
      t.not(sink.failure, null)
      await sent.closed
      await origin.peers[0]?.closed
    },
  },
  ...breakCases,
  ...surplusCases,
]

/** Resolves when a figure has not moved for 50 turns of the loop and at least 100 ms. */
async function settled(figure: () => number): Promise<void> {
  let last = -1
  let still = 0
  let since = systemClock.now()
  while (still < 50 || systemClock.now() - since < 100) {
    await turn()
    const now = figure()
    still = now === last ? still + 1 : 0
    if (now !== last) since = systemClock.now()
    last = now
  }
}
