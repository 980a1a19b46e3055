// Requests with bodies: limits, stalls, broken framing, and answers that come before the upload is over.

import { test } from 'tap'
import type { BodySink } from '../core/body.ts'
import type { Work } from '../core/work.ts'
import { PerTurn } from '../upstream/fixtures/leaf-bodies.ts'
import { RawClient } from './fixtures/raw-client.ts'
import { readBody, reply, stubHouse } from './fixtures/stub-house.ts'
import { nothing, seen, turn } from './fixtures/turn.ts'

const post = (...fields: string[]): string => ['POST / HTTP/1.1', 'Host: x', ...fields, '', ''].join('\r\n')
const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

/** A handler that reads the body and never answers; it tells what became of the body. */
function reading(): { handle: (work: Work) => Promise<never>, text: string, failed: string | null, hasBegun: boolean } {
  const state = { text: '', failed: null as string | null, hasBegun: false, handle: (_work: Work) => endless }
  state.handle = (work) => {
    const sink: BodySink = {
      write: (chunk) => {
        state.text += Buffer.from(chunk).toString('latin1')
        return true
      },
      end: () => { state.text += '.' },
      fail: (cause) => { state.failed = cause },
    }
    work.exchange.caller.body?.flow(sink)
    state.hasBegun = true
    return endless
  }
  return state
}

const endless = new Promise<never>(() => {})

test(`a length beyond the route's limit is refused before anything is asked`, async (t) => {
  let asked = 0
  const house = await stubHouse({ plan: { maxBodyBytes: 10 }, handle: async () => {
    asked++
    return reply(200, 'x')
  } })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(post('Content-Length: 11'))
  t.match(await client.closed(), /^HTTP\/1\.1 413 .*connection: close.*request\.body-too-large/si)
  t.equal(asked, 0)
  t.equal(house.ended[0]?.code, 'request.body-too-large')
  client.destroy()
})

test(`a chunked body is counted and cut at the limit`, async (t) => {
  const service = reading()
  const house = await stubHouse({ plan: { maxBodyBytes: 10 }, handle: service.handle })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(post('Transfer-Encoding: chunked') + 'a\r\n0123456789\r\n')
  while (service.text !== '0123456789') await turn()
  client.send('1\r\nx\r\n0\r\n\r\n')
  t.match(await client.closed(), /^HTTP\/1\.1 413 .*connection: close/si)
  t.equal(service.text, '0123456789', 'the byte too many has not been handed on')
  t.type(service.failed, 'string')
  t.equal(house.ended[0]?.code, 'request.body-too-large')
  client.destroy()
})

test(`a body that stops coming is 408 and the end`, async (t) => {
  const service = reading()
  const house = await stubHouse({ timeouts: { requestIdleMs: 60 }, handle: service.handle })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(post('Content-Length: 10') + 'abc')
  t.match(await client.closed(), /^HTTP\/1\.1 408 .*connection: close.*request\.timeout/si)
  t.equal(service.text, 'abc')
  t.type(service.failed, 'string')
  t.equal(house.ended[0]?.code, 'request.timeout')
  client.destroy()
})

test(`a service that does not read is not the caller's stall`, async (t) => {
  let go: () => void = nothing
  const house = await stubHouse({ timeouts: { requestIdleMs: 40 }, handle: async (work) => {
    await new Promise<void>((resolve) => { go = resolve })
    return reply(200, `[${await readBody(work)}]`)
  } })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(post('Content-Length: 3') + 'abc')
  await new Promise((resolve) => { setTimeout(resolve, 150) })
  t.equal(client.received, '')
  go()
  t.match(await client.until(/\[abc\]/), /^HTTP\/1\.1 200 /)
  client.destroy()
})

for (const chunk of ['x\r\n', '-1\r\n', '0x1\r\na', ' 1\r\na', '1\r\nab', '1_0\r\n', `1;${'e'.repeat(20_000)}\r\n`]) {
  const what = JSON.stringify(chunk.slice(0, 12))
  test(`the chunk ${what} breaks the request, not the server`, async (t) => {
    const service = reading()
    const house = await stubHouse({ handle: service.handle })
    t.teardown(() => house.close())
    const client = new RawClient(house.url)
    client.send(post('Transfer-Encoding: chunked'))
    while (!service.hasBegun) await turn()
    client.send(chunk + '\r\n0\r\n\r\n' + get)
    const received = await client.closed()
    t.match(received, /^HTTP\/1\.1 4(00|13) .*connection: close/si)
    t.equal((received.match(/HTTP\/1\.1/g) ?? []).length, 1)
    t.type(service.failed, 'string', 'upstream is told that the body will never be complete')
    client.destroy()
  })
}

test(`a caller that leaves in mid-body never completes it`, async (t) => {
  for (const halfClose of ['leave', 'serve'] as const) {
    const service = reading()
    const house = await stubHouse({ halfClose, handle: service.handle })
    const client = new RawClient(house.url)
    client.send(post('Content-Length: 10') + 'abc')
    while (service.text !== 'abc') await turn()
    client.finish()
    await client.closed()
    while (house.ended.length === 0) await turn()
    t.type(service.failed, 'string', halfClose)
    t.equal(service.text, 'abc', halfClose)
    client.destroy()
    house.close()
  }
})

test('a FIN behind a whole body that nobody has asked for yet is not the end of its request', async (t) => {
  const { promise: isWanted, resolve: want } = Promise.withResolvers<void>()
  const house = await stubHouse({ halfClose: 'serve', handle: async (work) => {
    await isWanted
    return reply(200, await readBody(work))
  } })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(post('Content-Length: 3') + 'abc' + post('Content-Length: 3') + 'def')
  client.finish()
  for (let i = 0; i < 50; i++) await turn()
  want()
  t.match(await client.closed(), /^HTTP\/1\.1 200 .*\r\n\r\nabcHTTP\/1\.1 200 .*\r\n\r\ndef$/s)
  client.destroy()
})

test('a FIN in the middle of the next head: what was asked for before is answered, and that is the end', async (t) => {
  const house = await stubHouse({ halfClose: 'serve', handle: async () => {
    await turn()
    return reply(200, 'one')
  } })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get + 'GET /two HT')
  client.finish()
  t.match(await client.closed(), /^HTTP\/1\.1 200 .*\r\n\r\none$/s)
  client.destroy()
})

test('a FIN in the middle of a body that nobody has asked for yet: it is never whole', async (t) => {
  const service = reading()
  const { promise: isWanted, resolve: want } = Promise.withResolvers<void>()
  const house = await stubHouse({ halfClose: 'serve', handle: async (work) => {
    await isWanted
    return service.handle(work)
  } })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(post('Content-Length: 4') + 'abc')
  client.finish()
  for (let i = 0; i < 50; i++) await turn()
  want()
  t.equal(await client.closed(), '')
  t.type(service.failed, 'string')
  client.destroy()
})

test(`an early refusal reaches a caller that is still uploading`, async (t) => {
  const house = await stubHouse({ handle: async () => ({
    kind: 'refused', by: 'shed', code: 'shed.limit', status: 503, retryAfterMs: 0,
  }) })
  t.teardown(() => house.close())
  const megabyte = Buffer.alloc(1024 * 1024, 'x')
  for (let i = 0; i < 100; i++) {
    const client = new RawClient(house.url)
    // A caller that writes before it reads: a reset would throw away the answer that lies in its kernel.
    client.socket.pause()
    client.send(post(`Content-Length: ${20 * megabyte.length}`))
    for (let n = 0; n < 20; n++) client.socket.write(megabyte)
    await seen(() => house.ended[i])
    for (let n = 0; n < 5; n++) await turn()
    client.socket.resume()
    const received = await client.until(/\}\n$/)
    if (!/^HTTP\/1\.1 503 .*connection: close/si.test(received)) t.fail(`round ${i}: ${received.slice(0, 80)}`)
    client.destroy()
  }
  t.equal(house.ended.length, 100)
})

test(`a small unread body is read away and the connection goes on`, async (t) => {
  let answers = 0
  const house = await stubHouse({ handle: async () => reply(200, `[${++answers}]`) })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(post('Content-Length: 1000'))
  t.notMatch(await client.until(/\[1\]/), /connection: close/i)
  client.send('x'.repeat(1000) + get)
  t.match(await client.until(/\[2\]/), /200/)
  client.destroy()
})

test('what lies behind the last request is not begun, behind a body that nobody read neither', async (t) => {
  for (const fields of [['Connection: close'], []]) {
    const asked: string[] = []
    const house = await stubHouse({ handle: async ({ exchange }) => {
      asked.push(exchange.caller.head.path)
      await turn()
      return reply(200, 'done')
    } })
    const client = new RawClient(house.url)
    client.send(post('Content-Length: 3', ...fields) + 'abc' + get.replace('/', '/next'))
    if (fields.length > 0) await client.closed()
    else while (asked.length < 2) await turn()
    t.strictSame(asked, fields.length > 0 ? ['/'] : ['/', '/next'])
    client.destroy()
    house.close()
  }
})

test(`an upload outlived by its answer fails towards upstream`, async (t) => {
  let failed: string | null = null
  const house = await stubHouse({ handle: async (work) => {
    work.exchange.caller.body?.flow({ write: () => true, end: () => {}, fail: (cause) => { failed = cause } })
    return reply(200, 'early')
  } })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(post('Content-Length: 1000000') + 'abc')
  t.match(await client.closed(), /^HTTP\/1\.1 200 .*connection: close.*early$/si)
  t.type(failed, 'string')
  client.destroy()
})

test(`back-pressure of the service stops the caller`, async (t) => {
  let resume: () => void = nothing
  let taken = 0
  const house = await stubHouse({ handle: (work) => new Promise((resolve) => {
    const body = work.exchange.caller.body
    resume = () => body?.resume()
    body?.flow({
      write: (chunk) => {
        taken += chunk.length
        return false
      },
      end: () => resolve(reply(200, `[${taken}]`)),
      fail: () => {},
    })
  }) })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  const size = 16 * 1024 * 1024
  client.send(post(`Content-Length: ${size}`))
  client.socket.write(Buffer.alloc(size, 'x'))
  await seen(() => (taken === 0 ? null : taken))
  for (let i = 0; i < 50; i++) await turn()
  t.ok(taken <= 128 * 1024, `${taken} bytes were handed on before anybody asked again`)
  while (!client.received.endsWith(']')) {
    resume()
    await turn()
  }
  t.match(client.received, new RegExp(`\\[${size}\\]$`))
  client.destroy()
})

const many = 'x'.repeat(6 * 2 ** 20)

for (const upload of [post(`Content-Length: ${many.length}`) + many,
  `${post('Transfer-Encoding: chunked')}${many.length.toString(16)}\r\n${many}\r\n0\r\n\r\n`]) {
  test(`an upload, however fast it comes, leaves the others their turns: ${upload.slice(25, 44)}`, async (t) => {
    const inTurn = new PerTurn()
    const house = await stubHouse({ handle: async ({ exchange }) => {
      exchange.caller.body?.flow(inTurn)
      await inTurn.over
      return reply(200, 'had it')
    } })
    t.teardown(() => house.close())
    const client = new RawClient(house.url)
    client.send(upload)
    await client.until(/had it$/)
    t.equal(inTurn.bytes, many.length)
    t.ok(inTurn.mostInTurn <= 3 * 64 * 1024, `${inTurn.mostInTurn / 1024} KiB in one turn`)
    client.send(get)
    await client.until(/had it.*had it$/s)
    client.destroy()
  })
}

test(`a caller that leaves behind a fast upload is seen to leave`, async (t) => {
  const house = await stubHouse({ handle: ({ exchange }) => {
    exchange.caller.body?.flow(new PerTurn())
    return endless
  } })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(post(`Content-Length: ${many.length}`) + many)
  client.finish()
  t.equal((await seen(() => house.ended[0])).code, 'caller.gone')
  client.destroy()
})
