// What a connection owes its peer: order, one exchange at a time, and an end that can be told from a break.

import { test } from 'tap'
import type { Outcome } from '../core/outcome.ts'
import type { Work } from '../core/work.ts'
import { RawClient } from './fixtures/raw-client.ts'
import { readBody, reply, stubHouse } from './fixtures/stub-house.ts'
import { turn } from './fixtures/turn.ts'

const get = (target: string, ...fields: string[]): string =>
  [`GET ${target} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')

/** A handler whose answers wait until they are let go, and which knows how many wait. */
function gated(): { handle: (work: Work) => Promise<Outcome>, seen: string[], most: () => number, next: () => void } {
  const waiting: (() => void)[] = []
  const seen: string[] = []
  let running = 0
  let most = 0
  return {
    seen,
    most: () => most,
    next: () => { waiting.shift()?.() },
    handle: (work) => new Promise((resolve) => {
      const { target } = work.exchange.caller.head
      seen.push(target)
      most = Math.max(most, ++running)
      waiting.push(() => {
        running--
        resolve(reply(200, `[${target}]`))
      })
    }),
  }
}

test(`pipelined requests are answered in order, one in flight at a time`, async (t) => {
  const service = gated()
  const house = await stubHouse({ handle: service.handle })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  const targets = Array.from({ length: 20 }, (_, i) => `/${i}`)
  client.send(targets.map((target) => get(target)).join(''))
  for (const target of targets) {
    while (service.seen.at(-1) !== target) await turn()
    service.next()
    await client.until(new RegExp(`\\[${target}\\]`))
  }
  t.same([...client.received.matchAll(/\[(\/\d+)\]/g)].map((match) => match[1]), targets)
  t.equal(service.most(), 1, 'never two at once')
  client.destroy()
})

test(`pipelined bodies belong to their own requests`, async (t) => {
  const house = await stubHouse({ handle: async (work) => reply(200, `[${await readBody(work)}]`) })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none'
    + 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;e="x"\r\ntw\r\n1\r\no\r\n0\r\n\r\n'
    + 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nthree')
  await client.until(/\[three\]/)
  t.same(client.received.match(/\[\w*\]/g), ['[one]', '[two]', '[three]'])
  client.destroy()
})

test(`a flood of pipelined requests costs one in flight and ends`, async (t) => {
  const service = gated()
  const house = await stubHouse({ handle: service.handle })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get('/x').repeat(5000))
  while (service.seen.length === 0) await turn()
  for (let i = 0; i < 50; i++) await turn()
  t.equal(service.seen.length, 1)
  service.next()
  await client.until(/\[\/x\]/)
  client.destroy()
  // A reader that keeps the rest in its socket sees the FIN only behind it: it answers until writing fails.
  while (house.server.connections() > 0) {
    service.next()
    await turn()
  }
  t.equal(service.most(), 1)
})

test(`nothing behind "connection: close" is processed or disturbs the answer`, async (t) => {
  const service = gated()
  const house = await stubHouse({ handle: service.handle })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get('/last', 'Connection: close') + get('/more') + 'no HTTP at all\r\n\r\n')
  while (service.seen.length === 0) await turn()
  client.send(get('/still'))
  for (let i = 0; i < 10; i++) await turn()
  service.next()
  const received = await client.closed()
  t.match(received, /^HTTP\/1\.1 200 .*connection: close.*\[\/last\]$/si)
  t.same(service.seen, ['/last'])
  client.destroy()
})

test(`what came before broken bytes is served, then 400 and the end`, async (t) => {
  const service = gated()
  const house = await stubHouse({ handle: service.handle })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get('/1') + get('/2') + 'no HTTP at all\r\n\r\n' + get('/3'))
  for (const target of ['/1', '/2']) {
    while (service.seen.at(-1) !== target) await turn()
    service.next()
  }
  const received = await client.closed()
  t.same([...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => match[1]), ['200', '200', '400'])
  t.same(service.seen, ['/1', '/2'])
  client.destroy()
})

test(`a caller that sends FIN before its answer has left`, async (t) => {
  const service = gated()
  const house = await stubHouse({ handle: service.handle })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get('/'))
  while (service.seen.length === 0) await turn()
  client.finish()
  t.equal(await client.closed(), '')
  await emptied(house)
  t.equal(house.ended.length, 1)
  t.equal(house.ended[0]?.code, 'caller.gone')
  client.destroy()
})

test(`a listener that serves half-closed callers delivers the answer`, async (t) => {
  const service = gated()
  const house = await stubHouse({ handle: service.handle, halfClose: 'serve' })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get('/half'))
  while (service.seen.length === 0) await turn()
  client.finish()
  for (let i = 0; i < 20; i++) await turn()
  service.next()
  t.match(await client.closed(), /\[\/half\]$/)
  t.equal(house.ended[0]?.code, null)
  client.destroy()
})

test(`a reset connection ends its exchange once`, async (t) => {
  const service = gated()
  const house = await stubHouse({ handle: service.handle })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get('/'))
  while (service.seen.length === 0) await turn()
  client.socket.resetAndDestroy()
  await emptied(house)
  service.next()
  await turn()
  t.same(house.ended.map((exchange) => exchange.code), ['caller.gone'])
  t.same(house.defects, [])
})

test(`a caller of HTTP/1.0 is answered without chunks and closed`, async (t) => {
  const house = await stubHouse()
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
  const received = await client.closed()
  t.match(received, /content-length: 5.*connection: close.*\r\n\r\nhello$/si)
  client.destroy()
})

test(`while draining every answer says that the connection ends`, async (t) => {
  let isDraining = false
  const house = await stubHouse({ isDraining: () => isDraining })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get('/'))
  t.notMatch(await client.until(/hello/), /connection: close/i)
  isDraining = true
  client.send(get('/'))
  t.match(await client.closed(), /hello.*connection: close.*hello$/si)
  client.destroy()
})

test(`closing what is idle leaves what is under way`, async (t) => {
  const service = gated()
  const house = await stubHouse({ handle: service.handle })
  t.teardown(() => house.close())
  const [fresh, used, busy] = [new RawClient(house.url), new RawClient(house.url), new RawClient(house.url)]
  used.send(get('/used'))
  while (service.seen.length === 0) await turn()
  service.next()
  await used.until(/used/)
  busy.send(get('/busy'))
  while (service.seen.length === 1 || house.server.connections() < 3) await turn()
  house.server.closeIdle()
  await Promise.all([fresh.closed(), used.closed()])
  t.equal(busy.isClosed, false)
  service.next()
  t.match(await busy.until(/busy/), /200/)
  for (const client of [fresh, used, busy]) client.destroy()
})

test(`a server that accepts no more still serves its connections`, async (t) => {
  const house = await stubHouse()
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get('/'))
  await client.until(/hello/)
  house.server.stopAccepting()
  const late = new RawClient(house.url)
  await late.closed()
  t.equal(late.error?.code, 'ECONNREFUSED')
  client.send(get('/'))
  t.match(await client.until(/hello.*hello/s), /200/)
  client.destroy()
})

test(`one address cannot hold more connections than its share`, async (t) => {
  const house = await stubHouse({ limits: { connectionsPerCaller: 2 } })
  t.teardown(() => house.close())
  const kept = [new RawClient(house.url), new RawClient(house.url)]
  for (const client of kept) {
    client.send(get('/'))
    await client.until(/hello/)
  }
  const refused = new RawClient(house.url)
  t.equal(await refused.closed(), '')
  t.equal(house.server.inspect()['refusedConnections'], 1)
  kept.pop()?.destroy()
  while (house.server.connections() > 1) await turn()
  const next = new RawClient(house.url)
  next.send(get('/'))
  t.match(await next.until(/hello/), /200/)
  for (const client of [...kept, refused, next]) client.destroy()
})


async function emptied(house: { server: { connections(): number } }): Promise<void> {
  while (house.server.connections() > 0) await turn()
}
