// The way of one request: which endings the caller, the gates and the observer are told of, and that it is once.

import { test } from 'tap'
import type { Exchange } from '../core/exchange.ts'
import type { Outcome } from '../core/outcome.ts'
import { WAIT } from '../core/scope.ts'
import type { GateRun, Scope } from '../core/scope.ts'
import { RawClient } from './fixtures/raw-client.ts'
import { reply, stubHouse } from './fixtures/stub-house.ts'
import { nothing, seen, turn } from './fixtures/turn.ts'
import type { BodySink, BodySource } from '../core/body.ts'

const get = (...fields: string[]): string => ['GET / HTTP/1.1', 'Host: x', ...fields, '', ''].join('\r\n')

test('every outcome becomes the answer that its code means', async (t) => {
  const cases: { outcome: Outcome, status: number, code: string, error: string, retryAfter: string | null }[] = [
    { outcome: { kind: 'refused', by: 'shed', code: 'shed.limit', status: 503, retryAfterMs: 0 },
      status: 503, code: 'shed.limit', error: 'http_request_denied', retryAfter: '2' },
    { outcome: { kind: 'refused', by: 'shed', code: 'bulkhead.full', status: 503, retryAfterMs: 4100 },
      status: 503, code: 'bulkhead.full', error: 'connection_limit_reached', retryAfter: '5' },
    { outcome: { kind: 'refused', by: 'deadline', code: 'deadline.expired', status: 504, retryAfterMs: 0 },
      status: 504, code: 'deadline.expired', error: 'http_response_timeout', retryAfter: null },
    { outcome: { kind: 'failed', fault: 'upstream.refused', cause: 'x' },
      status: 502, code: 'upstream.refused', error: 'connection_refused', retryAfter: null },
    { outcome: { kind: 'failed', fault: 'upstream.timeout', cause: 'x' },
      status: 504, code: 'upstream.timeout', error: 'http_response_timeout', retryAfter: null },
    { outcome: { kind: 'abandoned', by: 'deadline', elapsedMs: 5 },
      status: 504, code: 'deadline.expired', error: 'http_response_timeout', retryAfter: null },
    { outcome: { kind: 'abandoned', by: 'drain', elapsedMs: 5 },
      status: 503, code: 'drain.closing', error: 'http_request_denied', retryAfter: '2' },
  ]
  let outcome = (cases[0] as { outcome: Outcome }).outcome
  const house = await stubHouse({ handle: async () => outcome })
  t.teardown(() => house.close())
  for (const c of cases) {
    outcome = c.outcome
    const client = new RawClient(house.url)
    client.send(get('X-Request-Id: abc'))
    const received = await client.until(/\}\n$/)
    const [head, body] = received.split('\r\n\r\n') as [string, string]
    t.match(head, new RegExp(`^HTTP/1\\.1 ${c.status} `), c.code)
    t.ok(head.includes(`proxy-status: seawall; error=${c.error}; details="${c.code}"`), c.code)
    t.match(JSON.parse(body), { type: `urn:seawall:${c.code}`, status: c.status, code: c.code, title: String })
    t.match(head, /content-type: application\/problem\+json/)
    t.match(head, /x-request-id: abc/)
    t.equal(/retry-after: (\d+)/.exec(head)?.[1] ?? null, c.retryAfter, c.code)
    t.match(house.ended.at(-1), { code: c.code, status: c.status })
    client.destroy()
  }
  t.equal(house.ended.length, cases.length)
})

test('a request id is continued when it is sane, and made when it is not', async (t) => {
  const house = await stubHouse()
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  for (const id of ['abc-123', 'a'.repeat(129), 'with space', 'caf\xe9']) client.send(get(`X-Request-Id: ${id}`))
  await client.until(/(hello.*){4}/s)
  const ids = house.ended.map((exchange) => exchange.requestId)
  t.equal(ids[0], 'abc-123')
  for (const id of ids.slice(1)) t.match(id, /^[0-9a-f]{32}$/)
  client.destroy()
})

test('a request without a route is counted and refused, and the connection goes on', async (t) => {
  const house = await stubHouse()
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send('GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n' + get())
  t.match(await client.until(/hello/), /^HTTP\/1\.1 404 .*route\.none.*HTTP\/1\.1 200 /s)
  t.same(house.unrouted, ['route.none'])
  client.destroy()
})

/** Doors that let nobody in until their test decides. */
function waitingDoors(): { doors: Partial<GateRun>, exchange: () => Exchange, left: () => number } {
  let waiting: Scope | null = null
  let left = 0
  return {
    doors: {
      enter: (scope) => {
        waiting = scope
        return WAIT
      },
      leaveLine: () => { left++ },
    },
    exchange: () => waiting as Exchange,
    left: () => left,
  }
}

test('a request that waits at a door goes on when the door decides', async (t) => {
  const line = waitingDoors()
  const house = await stubHouse({ doors: line.doors })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get())
  while (line.exchange() === null) await turn()
  t.equal(client.received, '')
  line.exchange().decided(null, 0)
  t.match(await client.until(/hello/), /^HTTP\/1\.1 200 /)
  client.destroy()
})

test('a door may answer by itself', async (t) => {
  const house = await stubHouse({ doors: { enter: () => reply(201, 'replayed') } })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get())
  t.match(await client.until(/replayed/), /^HTTP\/1\.1 201 /)
  client.destroy()
})

test('a deadline that passes in the line leaves it and tells the caller', async (t) => {
  const line = waitingDoors()
  const house = await stubHouse({ doors: line.doors })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get())
  while (line.exchange() === null) await turn()
  line.exchange().expire(line.exchange().startedAt + 5)
  t.match(await client.until(/\}\n$/), /^HTTP\/1\.1 504 .*deadline\.expired/s)
  t.ok(line.left() > 0)
  t.match(house.ended[0]?.outcome, { kind: 'abandoned', by: 'deadline', elapsedMs: 5 })
  client.destroy()
})

test('a deadline that passes at the upstream answers once; what comes later is dropped', async (t) => {
  let exchange: Exchange | null = null
  let isDiscarded = false
  let resolve: (outcome: Outcome) => void = nothing
  const house = await stubHouse({ handle: (work) => {
    exchange = work.exchange
    return new Promise((r) => { resolve = r })
  } })
  t.teardown(() => house.close())
  const client = new RawClient(house.url)
  client.send(get())
  ;(await seen<Exchange>(() => exchange)).expire(0)
  const discard = (): void => { isDiscarded = true }
  resolve({ ...reply(200, null), body: { length: 1, flow: nothing, resume: nothing, discard } })
  t.match(await client.until(/\}\n$/), /^HTTP\/1\.1 504 /)
  await turn()
  t.equal(isDiscarded, true)
  t.equal(house.ended.length, 1)
  client.destroy()
})

test('a deadline that passes within the body cuts it, unless it is a stream', async (t) => {
  for (const isStream of [false, true]) {
    let exchange: Exchange | null = null
    let sink: BodySink | null = null
    const body: BodySource = { length: -1, flow: (to) => { sink = to }, resume: () => {}, discard: () => {} }
    const house = await stubHouse({ plan: { isStream }, handle: async (work) => {
      exchange = work.exchange
      return { ...reply(200, null), body }
    } })
    const client = new RawClient(house.url)
    client.send(get())
    await client.until(/\r\n\r\n/)
    ;(exchange as unknown as Exchange).expire(0)
    if (isStream) {
      ;(sink as unknown as BodySink).end(null)
      t.match(await client.until(/0\r\n\r\n$/), /200/)
    } else t.notMatch(await client.closed(), /0\r\n\r\n$/)
    client.destroy()
    house.close()
  }
})

test('a defect costs its request, is announced, and spares the next', async (t) => {
  let calls = 0
  const house = await stubHouse({ handle: () => {
    if (++calls === 1) return Promise.reject(new Error('a bug in a layer'))
    if (calls === 2) throw new Error('a bug before the layers')
    return Promise.resolve(reply(200, 'fine'))
  } })
  t.teardown(() => house.close())
  for (let i = 0; i < 2; i++) {
    const client = new RawClient(house.url)
    client.send(get())
    t.equal(await client.closed(), '')
    client.destroy()
  }
  const client = new RawClient(house.url)
  client.send(get())
  t.match(await client.until(/fine/), /200/)
  t.same(house.defects.map((error) => (error as Error).message), ['a bug in a layer', 'a bug before the layers'])
  t.equal(house.ended.length, 3)
  client.destroy()
})
