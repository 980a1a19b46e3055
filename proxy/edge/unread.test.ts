// Answers that are over for us and not yet read by their callers: they are neither lost nor made to look whole.

import { test } from 'tap'
import type { BodySource } from '../core/body.ts'
import type { Reply } from '../core/outcome.ts'
import { RawClient } from './fixtures/raw-client.ts'
import { readBody, reply, stubHouse } from './fixtures/stub-house.ts'
import { turn } from './fixtures/turn.ts'

/** More than two kernels keep between them. */
const large = 'x'.repeat(32 * 1024 * 1024)

/** A body that begins and never ends. */
const endless: BodySource = {
  length: -1,
  flow: (sink) => { sink.write(Buffer.from('begun')) },
  resume: () => {},
  discard: () => {},
}

const endlessReply: Reply = { kind: 'reply', status: 200, reason: '', headers: [], body: endless, origin: 'upstream' }

test('an answer that has not left counts as unsent, and its connection is not idle', async (t) => {
  const house = await stubHouse({ handle: async () => reply(200, large) })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.socket.pause()
  client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  while (house.ended.length === 0) await turn()
  t.equal(house.server.unsent(), 1)
  house.server.closeIdle()
  client.socket.resume()
  while (client.received.length < large.length && !client.hasEnded && !client.isClosed) await turn()
  t.ok(client.received.endsWith('xx') && client.received.length > large.length, 'all of it came')
  while (house.server.unsent() > 0) await turn()
  t.equal(house.server.connections(), 1)
  client.destroy()
})

test('a forced end in the middle of an answer to HTTP/1.0 is a reset, because a FIN would complete it', async (t) => {
  const house = await stubHouse({ handle: async () => endlessReply })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send('GET / HTTP/1.0\r\n\r\n')
  await client.until(/begun/)
  house.server.closeAll()
  while (!client.isClosed && !client.hasEnded) await turn()
  t.equal(client.error?.code, 'ECONNRESET')
  client.destroy()
})

test('a caller that asked for 100 and never sends its body is timed out, though no 100 came', async (t) => {
  const house = await stubHouse({
    handle: async (work) => reply(200, await readBody(work)), timeouts: { requestIdleMs: 60 },
  })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send('POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\nx')
  t.match(await client.closed(), /^HTTP\/1\.1 408 /)
  client.destroy()
})

test('a caller that leaves is noticed though more of its requests lie behind the one in flight', async (t) => {
  const house = await stubHouse({ handle: () => new Promise(() => {}) })
  t.teardown(() => house.close())
  for (const leave of ['destroy', 'end'] as const) {
    const ended = house.ended.length
    const client = new RawClient(house.url)
    client.send('GET /1 HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(4))
    while (house.server.connections() === 0) await turn()
    if (leave === 'destroy') client.destroy()
    else client.socket.end()
    while (house.ended.length === ended) await turn()
    t.equal(house.ended.at(-1)?.code, 'caller.gone', leave)
    client.destroy()
    while (house.server.connections() > 0) await turn()
  }
})
