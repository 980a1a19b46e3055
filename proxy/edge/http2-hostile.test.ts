// HTTP/2 as bytes, from peers that mean harm: what must be refused before it is seen by anybody, what must be bounded,
// and what must not be taken for something else.

import { test } from 'tap'
import type { Test } from 'tap'
import type { BodySink } from '../core/body.ts'
import type { Work } from '../core/work.ts'
import {
  endHeaders, endStream, fieldBlock, frame, frameTypes, head, request, resetStream, settings, windowUpdate,
} from './fixtures/http2-frames.ts'
import { RawHttp2Client } from './fixtures/raw-http2-client.ts'
import { reply, stubHouse } from './fixtures/stub-house.ts'
import type { StubHouse, StubOptions } from './fixtures/stub-house.ts'
import { seen, turn } from './fixtures/turn.ts'

const protocolError = 1
const refusedStream = 7
const cancel = 8
const enhanceYourCalm = 11
const post = head({ ':method': 'POST' })

interface Pair { readonly house: StubHouse; readonly client: RawHttp2Client; readonly works: Work[] }

async function pair(t: Test, options: StubOptions = {}): Promise<Pair> {
  const works: Work[] = []
  const { handle } = options
  const house = await stubHouse({
    http2: true, ...options,
    handle: async (work) => {
      works.push(work)
      const isGood = handle === undefined || work.exchange.caller.head.path === '/good'
      return isGood ? reply(200, 'hello') : handle(work)
    },
  })
  const client = new RawHttp2Client(house.url)
  t.teardown(() => {
    client.destroy()
    house.close()
  })
  return { house, client, works }
}

/** A good request on a connection of its own: others are served. */
async function othersAreServed(t: Test, house: StubHouse): Promise<void> {
  const good = new RawHttp2Client(house.url)
  good.send(request(1, endStream, ...head({ ':path': '/good' })))
  t.equal((await good.until('data', 1)).payload.toString(), 'hello', 'others are served')
  good.destroy()
}

const never = (): Promise<never> => new Promise(() => {})

test('heads that could mean something else in HTTP/1.1 never reach a route', async (t) => {
  const heads: readonly (readonly (readonly [string, string])[])[] = [
    [...head(), ['connection', 'close']], [...head(), ['transfer-encoding', 'chunked']],
    [...head(), ['upgrade', 'websocket']], [...head(), ['te', 'gzip']], [...head(), ['keep-alive', '1']],
    [...head(), ['X-Upper', 'a']],
    [...head(), ['content-length', '5']], [...head(), ['content-length', '0'], ['content-length', '0']],
    [...head(), ['host', 'b.test']], [...head(), [':path', '/b']], [['x', 'y'], ...head()],
    [...head(), [':protocol', 'websocket']], [...head(), [':status', '200']],
    head({ ':path': '' }), head({ ':path': 'b' }), head({ ':path': '/\r\nx: y' }), head({ ':path': '/ HTTP/1.1' }),
    head({ ':path': 'http://b.test/' }), head({ ':method': 'GET / HTTP/1.1\r\nx:' }), head({ ':method': '' }),
    head({ ':method': 'CONNECT' }), head({ ':scheme': 'ftp' }), head({ ':authority': 'u@b.test' }),
    head().filter(([name]) => name !== ':path'), head().filter(([name]) => name !== ':method'),
    head().filter(([name]) => name !== ':scheme'), head().filter(([name]) => name !== ':authority'),
  ]
  for (const fields of heads) {
    const { client, works, house } = await pair(t)
    client.send(request(1, endStream, ...fields), request(3, endStream, ...head({ ':path': '/good' })))
    await client.until('data', 3)
    t.same(works.map(({ exchange }) => exchange.caller.head.path), ['/good'], JSON.stringify(fields))
    const isAnswered = client.of('headers', 1).length > 0
    t.ok(isAnswered || client.resetOf(1) === protocolError, 'refused by an answer or a reset')
    t.ok(!isAnswered || house.unrouted.length === 1)
    client.destroy()
    house.close()
  }
})

test('fields that no head can hold go no further', async (t) => {
  const fields: readonly (readonly [string, string])[] = [
    ['x', 'a\r\nevil: 1'], ['x', 'a\nevil: 1'], ['x', 'a\0'], ['x\r\nevil', 'a'], ['x y', 'a'], ['x:', 'a'],
    ['x\0', 'a'], ['x', '\x7f'], ['\xe9', 'a'],
  ]
  for (const field of fields) {
    const { client, works, house } = await pair(t)
    client.send(request(1, endStream, ...head(), field, ['y', 'good']))
    await seen(() => client.resetOf(1) >= 0 || client.of('headers', 1)[0] || null)
    const received = works[0]?.exchange.caller.head.headers
    t.ok(received === undefined || received.join() === 'y,good', JSON.stringify([field, received]))
    client.destroy()
    house.close()
  }
})

test('white space around a value is refused, not taken away', async (t) => {
  for (const value of [' a', 'a ', '\ta', 'a\t', ' ']) {
    const { client, works, house } = await pair(t)
    client.send(request(1, endStream, ...head(), ['x', value]))
    await client.until('headers', 1)
    t.strictSame([works.length, house.unrouted], [0, ['request.malformed']], JSON.stringify(value))
    client.destroy()
    house.close()
  }
})

test('a body that is not as long as its head says is never a whole one', async (t) => {
  for (const [said, bytes] of [['5', 'abcd'], ['3', 'abcd'], ['0', 'x']] as const) {
    let end = ''
    const { client, works } = await pair(t, {
      handle: ({ exchange }) => {
        exchange.caller.body?.flow({ write: () => true, end: () => { end = 'end' }, fail: () => { end = 'fail' } })
        return never()
      },
    })
    client.send(request(1, 0, ...post, ['content-length', said]))
    await seen(() => works[0])
    client.send(frame(frameTypes.data, endStream, 1, bytes))
    t.equal(await seen(() => end || null), 'fail', `${said} said, ${bytes.length} sent`)
    client.destroy()
  }
})

for (const method of ['POST', 'HEAD']) {
  for (const code of [0, cancel]) {
    test(`a reset (${code}) in the middle of a ${method}'s upload is no end of it`, async (t) => {
      let text = ''
      let end = ''
      const { client, house } = await pair(t, {
        handle: ({ exchange }) => {
          exchange.caller.body?.flow({
            write: (chunk) => { text += Buffer.from(chunk).toString(); return true },
            end: () => { end = 'end' },
            fail: () => { end = 'fail' },
          })
          return never()
        },
      })
      client.send(request(1, 0, ...head({ ':method': method })), frame(frameTypes.data, 0, 1, 'half'))
      await seen(() => text === 'half' || null)
      client.send(resetStream(1, code))
      t.equal(await seen(() => end || null), 'fail')
      await seen(() => house.ended[0])
    })
  }
}

test('a connection that ends in the middle of an upload is no end of it', async (t) => {
  for (const leave of ['fin', 'rst'] as const) {
    let end = ''
    let text = ''
    const { client, house } = await pair(t, {
      handle: ({ exchange }) => {
        exchange.caller.body?.flow({
          write: (chunk) => { text += Buffer.from(chunk).toString(); return true },
          end: () => { end = 'end' },
          fail: () => { end = 'fail' },
        })
        return never()
      },
    })
    client.send(request(1, 0, ...post), frame(frameTypes.data, 0, 1, 'half'))
    await seen(() => text === 'half' || null)
    if (leave === 'fin') client.socket.end()
    else client.socket.resetAndDestroy()
    t.equal(await seen(() => end || null), 'fail', leave)
    await seen(() => house.ended[0])
    await seen(() => house.server.connections() === 0 || null)
  }
})

test('an answer that breaks off has no end before its reset', async (t) => {
  let sink: BodySink | null = null
  const { client } = await pair(t, {
    handle: async () => ({
      ...reply(200, ''), body: { length: -1, flow: (to) => { sink = to }, resume: () => {}, discard: () => {} },
    }),
  })
  client.send(request(1, endStream, ...head()))
  const begun = await seen(() => sink)
  begun.write(Buffer.from('half'))
  await client.until('data', 1)
  begun.fail('the origin broke off')
  await client.until('resetStream', 1)
  t.equal(client.resetOf(1), 2)
  t.ok([...client.of('data', 1), ...client.of('headers', 1)].every(({ flags }) => (flags & endStream) === 0))
})

test('an early answer is whole before the upload is called off', async (t) => {
  const { client } = await pair(t)
  client.send(request(1, 0, ...post), frame(frameTypes.data, 0, 1, 'some'))
  await client.until('resetStream', 1)
  t.equal(client.resetOf(1), 0)
  t.equal(client.of('data', 1).map(({ payload }) => payload.toString()).join(''), 'hello')
  t.ok(client.of('data', 1).some(({ flags }) => (flags & endStream) !== 0))
})

test('more streams at once than were offered are refused, unseen', async (t) => {
  const { client, works } = await pair(t, { handle: never })
  const opened = Array.from({ length: 150 }, (_, i) => request(2 * i + 1, endStream, ...head()))
  client.send(...opened)
  await seen(() => client.of('resetStream').length === 50 || null)
  t.ok(client.of('resetStream').every(({ payload }) => payload.readUInt32BE(0) === refusedStream))
  t.equal(works.length, 100)
})

/** Ten streams, each opened and reset. */
function resetTen(round: number): Buffer[] {
  return Array.from({ length: 10 }, (_, j) => 2 * (10 * round + j) + 1)
    .flatMap((stream) => [request(stream, endStream, ...head()), resetStream(stream, cancel)])
}

test('streams opened and reset in a row end the connection, and cost nobody else anything', async (t) => {
  const { client, house, works } = await pair(t, { handle: never })
  for (let round = 0; round < 100 && !client.isClosed; round++) {
    client.send(...resetTen(round), frame(frameTypes.ping, 0, 0, '12345678'))
    await seen(() => client.isClosed || client.of('ping').length > round || null)
  }
  await client.closed()
  t.equal(client.goaways.at(-1)?.code, enhanceYourCalm)
  t.ok(works.length <= 260, `${works.length} reached a route`)
  await seen(() => house.server.connections() === 0 || null)
  await othersAreServed(t, house)
})

test('streams opened and reset faster than anybody can look end the connection as well', async (t) => {
  const { client, house, works } = await pair(t, { handle: never })
  for (let round = 0; round < 500 && !client.isClosed; round++) client.send(...resetTen(round))
  await client.closed()
  t.ok((client.goaways.at(-1)?.code ?? 0) !== 0, JSON.stringify(client.goaways))
  t.ok(works.length <= 260, `${works.length} reached a route`)
  await seen(() => house.server.connections() === 0 || null)
  await othersAreServed(t, house)
})

for (const code of [0, cancel]) {
  test(`what is left of an answer goes with its stream, reset with ${code}`, { timeout: 10_000 }, async (t) => {
    const { house, client } = await pair(t, {
      timeouts: { requestIdleMs: 100 }, handle: async () => reply(200, 'x'.repeat(200_000)),
    })
    client.send(request(1, endStream, ...head()), resetStream(1, code))
    client.send(request(3, endStream, ...head()))
    await client.until('data', 3)
    t.equal(house.server.unsent(), 1)
    client.send(resetStream(3, code))
    await seen(() => house.server.unsent() === 0 || null)
    client.send(windowUpdate(0, 65_535), request(5, endStream, ...head({ ':path': '/good' })))
    t.equal((await client.until('data', 5)).payload.toString(), 'hello')
  })
}

test('a head without an end is bounded in frames and in bytes', async (t) => {
  const { client, house } = await pair(t)
  client.send(frame(frameTypes.headers, 0, 1, fieldBlock(...head())))
  for (let i = 0; i < 1000 && !client.isClosed; i++) {
    client.send(frame(frameTypes.continuation, 0, 1, fieldBlock([`x-${i}`, 'y'.repeat(1000)])))
    await turn()
  }
  await client.closed()
  t.ok(client.goaways.length > 0)
  await othersAreServed(t, house)
})

test('a head that is far too large is refused, and reaches no route', async (t) => {
  const { client, house, works } = await pair(t)
  const large = Array.from({ length: 14 }, (_, i) => [`x-${i}`, 'y'.repeat(1000)] as const)
  const block = fieldBlock(...head(), ...large, ...large, ...large, ...large, ...large, ...large)
  client.send(
    frame(frameTypes.headers, endStream, 1, block.subarray(0, 16_000)),
    ...[1, 2, 3, 4].map((i) => frame(frameTypes.continuation, 0, 1, block.subarray(16_000 * i, 16_000 * (i + 1)))),
    frame(frameTypes.continuation, endHeaders, 1, block.subarray(80_000)),
  )
  await seen(() => client.isClosed || client.resetOf(1) >= 0 || client.of('headers', 1)[0] || null)
  t.same(works, [])
  await othersAreServed(t, house)
})

/** What is sent once, and what is sent again and again. */
const floods: Readonly<Record<string, readonly [Buffer, Buffer]>> = {
  'ping': [Buffer.alloc(0), frame(frameTypes.ping, 0, 0, '12345678')],
  'settings': [Buffer.alloc(0), settings([4, 65_535])],
  'empty data': [request(1, 0, ...post), frame(frameTypes.data, 0, 1)],
  'window update': [Buffer.alloc(0), windowUpdate(0, 1)],
  'priority': [Buffer.alloc(0), frame(frameTypes.priority, 0, 1, '\0\0\0\0\x10')],
  'unknown': [Buffer.alloc(0), frame(0xee, 0, 0, 'x'.repeat(100))],
}

for (const [name, [first, again]] of Object.entries(floods)) {
  test(`a flood of ${name} frames ends the connection`, async (t) => {
    const { client, house } = await pair(t, { handle: never, timeouts: { keepAliveMs: 100 } })
    const many = Buffer.concat(Array.from({ length: Math.ceil(65_536 / again.length) }, () => again))
    client.send(first)
    for (let i = 0; i < 2000 && !client.isClosed; i++) {
      // What has not left yet would only fill our own memory.
      await seen(() => client.isClosed || client.socket.writableLength < 1_000_000 || null)
      client.send(many)
      await turn()
    }
    await client.closed()
    t.ok(client.goaways.length > 0 && client.goaways.at(-1)?.code !== 0, JSON.stringify(client.goaways))
    await seen(() => house.server.connections() === 0 || null)
    await othersAreServed(t, house)
  })
}

test('a connection that never asks is closed after the time for a head', async (t) => {
  const { client, house } = await pair(t, { timeouts: { headMs: 60 } })
  await client.closed()
  const mute = new RawHttp2Client(house.url)
  mute.send(frame(frameTypes.headers, 0, 1, fieldBlock(...head())))
  await mute.closed()
})

test('garbage in frames crashes nothing', async (t) => {
  const house = await stubHouse({ http2: true })
  t.teardown(() => house.close())
  const seed = 20_261_121
  let state = seed
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff
    return Math.floor(state / 0x80000000 * below)
  }
  for (let round = 0; round < 200; round++) {
    const client = new RawHttp2Client(house.url)
    for (let i = 0; i < 1 + random(10); i++) {
      const good = [request(2 * i + 1, random(2), ...head()), settings([random(8), random(70_000)]),
        resetStream(2 * random(5) + 1, random(14)), windowUpdate(random(3), random(2 ** 31)),
        frame(frameTypes.data, random(16), 2 * random(5) + 1, 'x'.repeat(random(300))),
        frame(random(12), random(256), random(12), Buffer.from(Array.from({ length: random(60) }, () => random(256))))]
      const bytes = Buffer.from(good[random(good.length)] as Buffer)
      if (random(3) === 0) bytes[random(bytes.length)] = random(256)
      client.send(bytes)
    }
    if (random(3) === 0) client.socket.resetAndDestroy()
    else if (random(2) === 0) client.socket.end()
    if (round % 20 === 0) await othersAreServed(t, house)
    client.destroy()
  }
  t.same(house.defects, [], `seed ${seed}`)
  await seen(() => house.server.connections() === 0 || null)
})
