// Conformance cases of leaves: when a connection serves again, when it must not, and what a dead one means.

import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { always, answer, sendOver, turn } from './leaf-bench.ts'
import type { LeafCase } from './leaf-bench.ts'
import { bodyOf } from './leaf-bodies.ts'
import type { RequestShape } from './leaf-fixture.ts'

/** Two requests in a row and how many connections they may take. */
const reuse: readonly (readonly [name: string, bytes: string, connections: number])[] = [
  ['a complete answer leaves its connection to the next request', answer('hi'), 1],
  ['a chunked answer leaves its connection to the next request',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n', 1],
  ['connection: close is believed', answer('hi', 'Connection: close\r\n'), 2],
  ['close among other connection options is believed', answer('hi', 'Connection: x-a, Close\r\n'), 2],
  ['an HTTP/1.0 answer does not leave its connection', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi', 2],
  ['an HTTP/1.0 answer with keep-alive does',
    'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nhi', 1],
  ['an announced idle time of one second is too short to use', answer('hi', 'Keep-Alive: timeout=1\r\n'), 2],
]

const reuseCases: readonly LeafCase[] = reuse.map(([name, bytes, connections]) => ({
  name,
  run: async (t, bench) => {
    const { origin, send } = await bench.pair(always(bytes))
    for (let round = 0; round < 2; round++) {
      const sent = send()
      t.equal((await sent.body()).text, 'hi')
      await sent.closed
    }
    t.equal(origin.peers.length, connections)
  },
}))

/** A second request that meets a connection its origin closes at that moment. */
const stale: readonly (readonly [name: string, shape: () => RequestShape, repeated: boolean])[] = [
  ['a GET is repeated once on a new one', () => ({ method: 'GET' }), true],
  ['a DELETE without a body is repeated once on a new one', () => ({ method: 'DELETE' }), true],
  ['a POST is not repeated', () => ({ method: 'POST' }), false],
  ['a PATCH is not repeated', () => ({ method: 'PATCH' }), false],
  ['an unknown method is not repeated', () => ({ method: 'FROB' }), false],
  ['a PUT whose body was read is not repeated', () => ({ method: 'PUT', body: bodyOf(['hello'], 5) }), false],
]

const staleCases: readonly LeafCase[] = stale.map(([name, shape, isRepeated]) => ({
  name: `a kept connection dies before its answer: ${name}`,
  run: async (t, bench) => {
    const { origin, send } = await bench.pair(async (peer, index) => {
      await peer.head()
      peer.send(answer('first'))
      if (index > 0) return
      await peer.head()
      peer.end()
    })
    const first = send()
    await first.body()
    await first.closed
    const second = send(shape())
    if (isRepeated) t.equal((await second.body()).text, 'first')
    else t.equal(await second.fault(), 'upstream.reset')
    await second.closed
    t.equal(origin.peers.length, isRepeated ? 2 : 1)
  },
}))

export const connectionCases: readonly LeafCase[] = [
  {
    name: 'the free repeat happens once, not for ever',
    run: async (t, bench) => {
      const { origin, send } = await bench.pair(async (peer, index) => {
        await peer.head()
        if (index > 0) return peer.end()
        peer.send(answer('first'))
        await peer.head()
        peer.end()
      })
      const first = send()
      await first.body()
      await first.closed
      t.equal(await send().fault(), 'upstream.reset')
      t.equal(origin.peers.length, 2)
    },
  },
  {
    name: 'a new connection that dies is not repeated',
    run: async (t, bench) => {
      const { origin, send } = await bench.pair(async (peer) => {
        await peer.head()
        peer.end()
      })
      const sent = send()
      t.equal(await sent.fault(), 'upstream.reset')
      t.equal(sent.attempt.work.delivered, 'maybe')
      await sent.closed
      t.equal(origin.peers.length, 1)
    },
  },
  {
    name: 'a kept connection that dies within the head is not repeated',
    run: async (t, bench) => {
      const { origin, send } = await bench.pair(async (peer) => {
        await peer.head()
        peer.send(answer('first'))
        await peer.head()
        peer.end('HTTP/1.1 200 OK\r\nContent-')
      })
      await send().body()
      t.match(await send().fault(), /upstream\.(reset|malformed)/)
      t.equal(origin.peers.length, 1)
    },
  },
  {
    name: 'a reset before the answer is a reset',
    run: async (t, bench) => {
      const { send } = await bench.pair(async (peer) => {
        await peer.head()
        peer.reset()
      })
      t.equal(await send().fault(), 'upstream.reset')
    },
  },
  {
    name: 'bytes on an idle connection end it and answer nobody',
    run: async (t, bench) => {
      const { origin, send } = await bench.pair(async (peer, index) => {
        await peer.head()
        peer.send(answer(index === 0 ? 'first' : 'good'))
      })
      const first = send()
      await first.body()
      await first.closed
      origin.peers[0]?.send(answer('EVIL'))
      await origin.peers[0]?.closed
      t.equal((await send().body()).text, 'good')
      t.equal(origin.peers.length, 2)
    },
  },
  {
    name: 'an idle connection that the origin closed is not used',
    run: async (t, bench) => {
      const { origin, send } = await bench.pair(async (peer) => {
        await peer.head()
        peer.send(answer('hi'))
      })
      const first = send({ method: 'POST' })
      await first.body()
      await first.closed
      origin.peers[0]?.end()
      await origin.peers[0]?.closed
      t.equal((await send({ method: 'POST' }).body()).text, 'hi')
      t.equal(origin.peers.length, 2)
    },
  },
  {
    name: 'a refused connection is told as such and delivered nothing',
    run: async (t, bench) => {
      const closed = createServer()
      await new Promise<void>((resolve) => { closed.listen(0, '127.0.0.1', resolve) })
      const { port } = closed.address() as AddressInfo
      await new Promise((resolve) => { closed.close(resolve) })
      const sent = sendOver(bench.leaf([port]))
      t.equal(await sent.fault(), 'upstream.refused')
      await sent.closed
      t.equal(sent.attempt.work.delivered, 'no')
    },
  },
  {
    name: 'a name that does not resolve is told as such',
    run: async (t, bench) => {
      const endpoint = { url: 'http://nobody.invalid:80', host: 'nobody.invalid', port: 80, isSecure: false }
      const sent = sendOver(bench.leaf([], { endpoints: [endpoint] }))
      t.equal(await sent.fault(), 'upstream.dns')
      t.equal(sent.attempt.work.delivered, 'no')
    },
  },
  {
    name: 'an attempt cut before its head closes the connection',
    run: async (t, bench) => {
      const { origin, send } = await bench.pair(async (peer) => { await peer.head() })
      const sent = send()
      while (sent.attempt.sentAt < 0) await turn()
      sent.attempt.cut({ kind: 'abandoned', by: 'caller', elapsedMs: 1 }, sent.attempt.clock.now())
      await sent.closed
      while (origin.peers.length === 0) await turn()
      await origin.peers[0]?.closed
      t.equal((await sent.outcome).kind, 'abandoned')
    },
  },
  {
    name: 'an attempt cut while it connects sends nothing',
    run: async (t, bench) => {
      const { origin, send } = await bench.pair(always(answer('hi')))
      const sent = send()
      sent.attempt.cut({ kind: 'abandoned', by: 'caller', elapsedMs: 1 }, sent.attempt.clock.now())
      await sent.closed
      t.equal(sent.attempt.work.delivered, 'no')
      t.equal((await send().body()).text, 'hi')
      t.equal(origin.peers.reduce((sum, peer) => sum + (peer.total > 0 ? 1 : 0), 0), 1)
    },
  },
  {
    name: 'a probe says null when the endpoint accepts, and what it saw when not',
    run: async (t, bench) => {
      const { origin, upstream } = await bench.pair(() => {})
      t.equal(await upstream.probe(1000), null)
      await origin.close()
      t.type(await upstream.probe(1000), 'string')
    },
  },
  ...reuseCases,
  ...staleCases,
]
