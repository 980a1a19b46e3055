// What flows over HTTP/2 and when it stops: back-pressure both ways, one stream beside another, and the end of an
// instance that leaves.

import { connect, constants } from 'node:http2'
import type { ClientHttp2Session } from 'node:http2'
import { test } from 'tap'
import type { Test } from 'tap'
import type { BodySource } from '../core/body.ts'
import type { Work } from '../core/work.ts'
import { endStream, frame, frameTypes, head, request, settings, windowUpdate } from './fixtures/http2-frames.ts'
import { RawHttp2Client } from './fixtures/raw-http2-client.ts'
import { reply, stubHouse } from './fixtures/stub-house.ts'
import type { StubHouse, StubOptions } from './fixtures/stub-house.ts'
import { seen, turn } from './fixtures/turn.ts'

const kib = 1024

const never = (): Promise<never> => new Promise(() => {})

async function pair(t: Test, options: StubOptions = {}): Promise<{ house: StubHouse; client: RawHttp2Client }> {
  const house = await stubHouse({ http2: true, ...options })
  const client = new RawHttp2Client(house.url)
  t.teardown(() => {
    client.destroy()
    house.close()
  })
  return { house, client }
}

/** As many turns as any reaction needs. */
async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await turn()
}

/** A body that never ends and writes for as long as it may; `written`: bytes. */
class Endless implements BodySource {
  readonly length = -1
  written = 0
  #write: (() => void) | null = null

  flow(sink: Parameters<BodySource['flow']>[0]): void {
    const chunk = Buffer.alloc(16 * kib)
    this.#write = () => {
      do this.written += chunk.length
      while (sink.write(chunk))
    }
    this.#write()
  }

  resume(): void { this.#write?.() }
  discard(): void { this.#write = null }
}

test('a window does not grow beyond what is wanted', async (t) => {
  let received = 0
  let body: BodySource | null = null
  const { client } = await pair(t, {
    handle: ({ exchange }) => {
      body = exchange.caller.body
      body?.flow({ write: (chunk) => { received += chunk.length; return false }, end: () => {}, fail: () => {} })
      return new Promise(() => {})
    },
  })
  client.send(request(1, 0, ...head({ ':method': 'POST' })))
  await seen(() => body)
  const grown = (stream: number): number =>
    client.of('windowUpdate', stream).reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)
  let sent = 0
  /** Sends all that both windows let through, again and again. */
  const push = async (): Promise<void> => {
    for (let i = 0; i < 100; i++) {
      const bytes = Math.min(16_384, 65_535 + Math.min(grown(0), grown(1)) - sent)
      if (bytes > 0) client.send(frame(frameTypes.data, 0, 1, Buffer.alloc(bytes)))
      sent += Math.max(0, bytes)
      await turn()
    }
  }
  await push()
  t.ok(sent <= 256 * kib, `${sent} bytes were let in while nobody had room`)
  t.ok(received < sent)
  const held = sent
  for (let i = 0; i < 100; i++) {
    (body as unknown as BodySource).resume()
    await turn()
  }
  t.equal(received, held)
  await push()
  t.ok(sent > held, 'room again for what was taken')
})

test('a body that nobody asked for yet is not read', async (t) => {
  const works: Work[] = []
  const { client } = await pair(t, { handle: (work) => { works.push(work); return new Promise(() => {}) } })
  client.send(request(1, 0, ...head({ ':method': 'POST' })), frame(frameTypes.data, 0, 1, Buffer.alloc(16_384)))
  await seen(() => works[0])
  await settled()
  t.equal(works[0]?.exchange.caller.body?.length, -1)
  t.strictSame(client.of('windowUpdate', 1), [])
})

test('a body without a byte that ended before anybody asked for it is an empty body, and no broken one', async (t) => {
  for (const length of [[], ['content-length', '0']]) {
    const works: Work[] = []
    const { client } = await pair(t, { handle: (work) => { works.push(work); return new Promise(() => {}) } })
    client.send(request(1, 0, ...head({ ':method': 'POST' }), ...length.length > 0 ? [length as [string, string]] : []),
      frame(frameTypes.data, endStream, 1, Buffer.alloc(0)))
    const work = await seen(() => works[0])
    await settled()
    let end = ''
    work.exchange.caller.body?.flow({
      write: () => true, fail: () => { end = 'fail' },
      end: (trailers) => { end = trailers === null ? 'end null' : 'trailers' },
    })
    t.equal(await seen(() => end || null), 'end null')
    client.destroy()
  }
})

test('an answer that is not read is held back, and others flow', async (t) => {
  const endless = new Endless()
  const { client } = await pair(t, {
    handle: async ({ exchange }) =>
      exchange.caller.head.path === '/endless' ? { ...reply(200, ''), body: endless } : reply(200, 'hello'),
  })
  client.send(windowUpdate(0, 1_000_000), request(1, endStream, ...head({ ':path': '/endless' })))
  await client.until('data', 1)
  await settled()
  const held = endless.written
  t.ok(held <= 512 * kib, `${held} bytes were taken from the source`)
  client.send(request(3, endStream, ...head()))
  t.equal((await client.until('data', 3)).payload.toString(), 'hello')
  t.equal(endless.written, held)
  client.send(windowUpdate(1, 200_000))
  await seen(() => endless.written > held || null)
})

test('a hundred answers that nobody reads cost a bounded number of bytes', async (t) => {
  const bodies: Endless[] = []
  const { client, house } = await pair(t, {
    handle: async () => {
      const body = new Endless()
      bodies.push(body)
      return { ...reply(200, ''), body }
    },
  })
  client.send(settings([4, 0]), ...Array.from({ length: 100 }, (_, i) => request(2 * i + 1, endStream, ...head())))
  await seen(() => bodies.length === 100 || null)
  await settled()
  const written = bodies.reduce((sum, body) => sum + body.written, 0)
  t.ok(written <= 100 * 128 * kib, `${Math.round(written / kib)} KiB for a hundred streams`)
  t.equal(client.of('data').length, 0, 'their windows are closed')
  client.destroy()
  await seen(() => house.ended.length === 100 || null)
})

test('a hundred streams interleave, up and down', async (t) => {
  const { client: raw, house } = await pair(t, {
    handle: async ({ exchange }) => ({ ...reply(200, ''), body: exchange.caller.body }),
  })
  raw.destroy()
  const client = connect(house.url, { maxSessionMemory: 100 })
  t.teardown(() => client.destroy())
  const text = 'x'.repeat(200 * kib)
  const echo = (i: number): Promise<string> => new Promise((resolve, reject) => {
    const stream = client.request({ ':method': 'POST', ':path': `/${i}` })
    let got = ''
    stream.setEncoding('latin1')
    stream.on('data', (chunk: string) => { got += chunk })
    stream.on('error', reject)
    stream.on('end', () => resolve(got))
    stream.end(`${i} ${text}`)
  })
  const all = await Promise.all(Array.from({ length: 100 }, (_, i) => echo(i)))
  t.ok(all.every((got, i) => got === `${i} ${text}`))
})

/** Sends requests one after another on as many streams at once until told to go; the numbers of what came of them. */
async function under(client: ClientHttp2Session, streams: number): Promise<{ served: number; lost: number }> {
  const told = { served: 0, lost: 0 }
  const one = (): Promise<void> => new Promise((resolve) => {
    const stream = client.request({ ':path': '/' })
    let status = 0
    stream.on('response', (headers) => { status = headers[':status'] ?? 0 })
    stream.on('error', () => {})
    stream.resume()
    stream.on('close', () => {
      if (status === 200 && stream.rstCode === constants.NGHTTP2_NO_ERROR) told.served++
      else told.lost++
      resolve()
    })
  })
  const each = async (): Promise<void> => { while (!client.closed) await one() }
  await Promise.all(Array.from({ length: streams }, each))
  return told
}

test('an instance that leaves says so, serves what is on its way, and closes', async (t) => {
  let isDraining = false
  const { client: raw, house } = await pair(t, { isDraining: () => isDraining })
  const client = connect(house.url)
  t.teardown(() => client.destroy())
  const closed = new Promise((resolve) => { client.on('close', () => resolve(true)) })
  const goaways: number[] = []
  client.on('goaway', (_code: number, last: number) => { goaways.push(last) })
  const load = under(client, 50)
  await seen(() => house.ended.length > 500 || null)
  isDraining = true
  const { served, lost } = await load
  t.ok(served > 500)
  t.equal(lost, 0)
  t.ok(await closed)
  t.equal(goaways[0], 2 ** 31 - 1, 'first: the end is near')
  t.ok(goaways.length >= 2 && (goaways[1] ?? 0) < 2 ** 31 - 1, 'then: this was the last')
  await raw.until('goaway')
  raw.send(request(1, endStream, ...head()))
  t.equal((await raw.until('data', 1)).payload.toString(), 'hello')
  await raw.closed()
  t.equal(raw.goaways[0]?.last, 2 ** 31 - 1)
  t.equal(raw.goaways.at(-1)?.last, 1)
  t.ok(raw.goaways.every(({ code }) => code === constants.NGHTTP2_NO_ERROR))
})

test('an answer that is long in coming is waited for', async (t) => {
  let isDraining = false
  let finish: (() => void) | null = null
  const { client, house } = await pair(t, {
    isDraining: () => isDraining, timeouts: { keepAliveMs: 40 },
    handle: () => new Promise((resolve) => { finish = () => resolve(reply(200, 'at last')) }),
  })
  client.send(request(1, endStream, ...head()))
  const finishIt = await seen(() => finish)
  isDraining = true
  const notice = await client.until('goaway')
  t.equal(notice.payload.readUInt32BE(0), 2 ** 31 - 1)
  client.send(...client.of('ping').map(({ payload }) => frame(frameTypes.ping, 1, 0, payload)))
  await seen(() => client.of('goaway').length > 1 || null)
  t.equal(client.goaways[1]?.last, 1)
  finishIt()
  t.equal((await client.until('data', 1)).payload.toString(), 'at last')
  await client.closed()
  t.equal(house.server.unsent(), 0)
})

test('what comes between the two words is served; who does not hear the first is not waited for', async (t) => {
  const { client } = await pair(t, {
    limits: { requestsPerConnection: 1 },
    handle: async ({ exchange }) => exchange.caller.head.path === '/late' ? reply(200, 'served') : never(),
  })
  client.send(request(1, endStream, ...head()))
  await client.until('ping')
  client.send(request(3, endStream, ...head({ ':path': '/late' })))
  t.equal((await client.until('data', 3)).payload.toString(), 'served')
  await seen(() => client.goaways.length > 1 || null)
  t.strictSame(client.goaways.map(({ last, code }) => ({ last, code })),
    [{ last: 2 ** 31 - 1, code: 0 }, { last: 3, code: 0 }])
  client.send(request(5, endStream, ...head()))
  await turn()
  t.strictSame(client.of('headers', 5), [], 'what comes behind is nobody\'s')
})

test('a connection that has served its share is told to go, and loses nothing', async (t) => {
  const { client, house } = await pair(t, { limits: { requestsPerConnection: 3 } })
  client.send(...[1, 3, 5, 7].map((stream) => request(stream, endStream, ...head())))
  await client.closed()
  t.equal(client.of('data').filter(({ payload }) => payload.toString() === 'hello').length, 4)
  t.ok(client.goaways.length >= 1)
  t.equal(house.ended.length, 4)
})

test('closing everything tells those who wait that theirs is lost', async (t) => {
  const { client, house } = await pair(t, { handle: () => new Promise(() => {}) })
  client.send(request(1, endStream, ...head()))
  await seen(() => house.server.connections() === 1 || null)
  await settled()
  house.close()
  await client.closed()
  t.equal(client.of('headers', 1).length, 0)
  await seen(() => house.ended[0])
})
