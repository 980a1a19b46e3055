// Conformance cases of leaves: bodies of requests, their framing, their breaks, and answers that come before their end.

import { always, answer, turn } from './leaf-bench.ts'
import type { LeafCase } from './leaf-bench.ts'
import { bodyOf, PushedBody } from './leaf-bodies.ts'

const expecting = { method: 'PUT', expectsContinue: true, headers: ['Host', 'a', 'Expect', '100-continue'] } as const

export const uploadCases: readonly LeafCase[] = [
  {
    name: 'a body of known length is framed by one content-length',
    run: async (t, bench) => {
      let received = ''
      const { send } = await bench.pair(async (peer) => {
        received = await peer.head() + await peer.take(11)
        peer.send(answer('ok'))
      })
      const sent = send({ method: 'POST', body: bodyOf(['hello', ' world'], 11) })
      t.equal((await sent.body()).text, 'ok')
      t.equal(received.match(/^content-length: 11\r$/gim)?.length, 1)
      t.notMatch(received, /transfer-encoding/i)
      t.ok(received.endsWith('\r\n\r\nhello world'))
    },
  },
  {
    name: 'a body of unknown length is chunked by us, trailers included',
    run: async (t, bench) => {
      let received = ''
      const { send } = await bench.pair(async (peer) => {
        received = await peer.head() + await peer.until('\r\n\r\n')
        peer.send(answer('ok'))
      })
      const trailers = ['X-Sum', '42', 'Content-Length', '3', 'Host', 'evil', 'Transfer-Encoding', 'gzip']
      const sent = send({ method: 'DELETE', body: bodyOf(['hello', '', ' world'], -1, trailers) })
      t.equal((await sent.body()).text, 'ok')
      t.equal(received.match(/^transfer-encoding: chunked\r$/gim)?.length, 1)
      t.notMatch(received, /content-length/i)
      t.ok(received.endsWith('\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 42\r\n\r\n'), received)
    },
  },
  {
    name: 'a request without a body is not framed, but for POST, PUT and PATCH',
    run: async (t, bench) => {
      const heads: string[] = []
      const { send } = await bench.pair(async (peer) => {
        for (;;) {
          heads.push(await peer.head())
          peer.send(answer('ok'))
        }
      })
      for (const method of ['GET', 'DELETE', 'OPTIONS', 'POST', 'PUT', 'PATCH']) {
        const sent = send({ method, headers: ['Host', 'a', 'Content-Length', '7', 'Transfer-Encoding', 'chunked'] })
        await sent.body()
        await sent.closed
      }
      t.same(heads.map((head) => /content-length: 0\r\n/i.test(head)), [false, false, false, true, true, true])
      t.same(heads.filter((head) => /content-length: 7|transfer-encoding/i.test(head)), [])
    },
  },
  {
    name: 'an origin that does not read slows the upload, and reading takes it up again',
    run: async (t, bench) => {
      const size = 32 * 1024 * 1024
      const { promise: reading, resolve: release } = Promise.withResolvers<void>()
      const { send } = await bench.pair(async (peer) => {
        await peer.head()
        peer.socket.pause()
        await reading
        peer.socket.resume()
        while (peer.total < size) {
          peer.received = ''
          await turn()
        }
        peer.send(answer('ok'))
      })
      const pump = new Pump(size)
      const sent = send({ method: 'POST', body: pump.body })
      await pump.body.flowing
      for (let idle = 0; idle < 100; idle++) await pump.turn()
      t.ok(pump.pushed < size, `${pump.pushed} bytes were taken while nobody read`)
      release()
      while (!pump.isDone) await pump.turn()
      pump.body.sink?.end(null)
      t.equal((await sent.body()).text, 'ok')
    },
  },
  {
    name: 'a body that breaks off ends the connection and is never completed',
    run: async (t, bench) => {
      const { origin, send } = await bench.pair(async (peer) => { await peer.head() })
      const body = new PushedBody(-1)
      const sent = send({ method: 'POST', body })
      await body.flowing
      body.push('hello')
      while (!(origin.peers[0]?.received ?? '').includes('hello')) {
        await turn()
      }
      body.sink?.fail('the caller left')
      await sent.closed
      await origin.peers[0]?.closed
      t.notMatch(origin.peers[0]?.received, /0\r\n\r\n$/)
      t.not((await sent.outcome).kind, 'reply')
    },
  },
  {
    name: 'an answer that comes during the upload is delivered, and the upload ends with it',
    run: async (t, bench) => {
      const { origin, send } = await bench.pair(async (peer, index) => {
        await peer.head()
        if (index === 0) await peer.take(5)
        peer.send(`HTTP/1.1 413 Too Much\r\nContent-Length: 4\r\n\r\nmuch`)
      })
      const body = new PushedBody(1_000_000)
      const sent = send({ method: 'POST', body })
      await body.flowing
      body.push('hello')
      t.equal((await sent.reply()).status, 413)
      t.equal((await sent.body()).text, 'much')
      await sent.closed
      await body.discarded
      // On the connection that still expects the rest of the upload this would get no answer.
      await send().body()
      await origin.peers[0]?.closed
      t.equal(origin.peers.length, 2)
    },
  },
  {
    name: 'an answer that streams while the upload does is complete when both are',
    run: async (t, bench) => {
      const { origin, send } = await bench.pair(async (peer) => {
        for (;;) {
          await peer.head()
          await peer.take(5)
          peer.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
          await peer.take(5)
          peer.send('world')
        }
      })
      for (let round = 0; round < 2; round++) {
        const body = new PushedBody(10)
        const sent = send({ method: 'POST', body })
        await body.flowing
        body.push('hello')
        await sent.reply()
        body.push('world')
        body.sink?.end(null)
        t.equal((await sent.body()).text, 'helloworld')
        await sent.closed
        t.notOk(body.isDiscarded)
      }
      t.equal(origin.peers.length, 1)
    },
  },
  {
    name: 'a body that expects a 100 waits for it, and the 100 is told',
    run: async (t, bench) => {
      const { send } = await bench.pair(async (peer) => {
        const head = await peer.head()
        t.match(head, /^expect: 100-continue\r$/im)
        await peer.sendApart('HTTP/1.1 100 Continue\r\n\r\n')
        await peer.take(5)
        peer.send(answer('ok'))
      })
      const body = bodyOf(['hello'], 5)
      const sent = send({ ...expecting, body })
      t.equal(body.sink, null)
      t.equal((await sent.body()).text, 'ok')
      t.same(sent.interim.map((i) => i.status), [100])
    },
  },
  {
    name: 'a final answer instead of the 100 leaves the body where it is',
    run: async (t, bench) => {
      const { origin, send } = await bench.pair(always('HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno'))
      const body = bodyOf(['hello'], 5)
      const sent = send({ ...expecting, body })
      t.equal((await sent.reply()).status, 417)
      t.equal((await sent.body()).text, 'no')
      await sent.closed
      t.equal(body.sink, null)
      await send().body()
      await origin.peers[0]?.closed
      t.equal(origin.peers.length, 2)
    },
  },
]

/** Pushes a body of `size` bytes in blocks, as fast as the leaf lets it. */
class Pump {
  readonly body: PushedBody
  readonly #size: number
  readonly #block = 'x'.repeat(64 * 1024)
  pushed = 0
  #isWaiting = false

  constructor(size: number) {
    this.#size = size
    this.body = new PushedBody(size)
  }

  get isDone(): boolean {
    return this.pushed >= this.#size
  }

  async turn(): Promise<void> {
    if (this.body.resumes > 0) {
      this.body.resumes = 0
      this.#isWaiting = false
    }
    while (!this.#isWaiting && !this.isDone) {
      this.pushed += this.#block.length
      this.#isWaiting = !this.body.push(this.#block)
    }
    await turn()
  }
}
