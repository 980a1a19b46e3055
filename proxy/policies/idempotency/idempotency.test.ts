// What callers with a key are told while everything works as it should: first requests, repetitions at once and later,
// keys that are none, and whose they are. The numbers are those of the catalogue of cases.

import { test } from 'tap'
import { field, KeyedWorld } from '../../../test/sim/keyed-world.ts'

test('case 1: a fresh key is executed once, and the caller is told so', async (t) => {
  const world = new KeyedWorld()
  const caller = await world.chargeAt(0)
  await world.run(1_000)
  t.equal(caller.status, 201)
  t.equal(caller.text, '{"id":1}')
  t.equal(field(caller, 'idempotency-status'), 'executed')
  t.equal(field(caller, 'idempotency-replayed'), undefined)
  t.equal(world.charged, 1)
  t.equal(world.count('executed'), 1)
  t.strictSame(world.broken(), [])
})

test('case 2: the same request again gets the same answer, and nothing reaches the service', async (t) => {
  const world = new KeyedWorld()
  const first = await world.chargeAt(0)
  const again = await world.chargeAt(5_000)
  await world.run(6_000)
  t.equal(again.status, first.status)
  t.equal(again.text, first.text)
  t.equal(field(again, 'location'), field(first, 'location'))
  t.equal(field(again, 'idempotency-replayed'), 'true')
  t.equal(field(again, 'idempotency-status'), 'replayed')
  t.equal(field(again, 'cache-control'), 'no-store')
  t.equal(world.upstream.received, 1)
  t.strictSame(world.broken(), [])
})

test('case 2: a replay says when the work was begun, and in the words of Stripe where it is asked to', async (t) => {
  for (const compatHeaders of [false, true]) {
    const world = new KeyedWorld({ idempotency: { compatHeaders } })
    world.upstream.step = () => ({ afterMs: 300, headers: ['idempotency-created', 'by the service'] })
    await world.run(1_000)
    const begun = new Date(world.clock.wallMs()).toISOString()
    const first = await world.chargeAt(1_000)
    await world.run(2_000)
    t.equal(field(first, 'idempotent-replayed'), undefined)
    const again = await world.chargeAt(5_000)
    t.equal(field(again, 'idempotency-created'), begun)
    t.equal(field(again, 'idempotent-replayed'), compatHeaders ? 'true' : undefined)
  }
})

for (const onConcurrent of ['wait', 'reject']) {
  test(`case 3: fifty at once are one charge, with ${onConcurrent}`, async (t) => {
    const world = new KeyedWorld({ idempotency: { onConcurrent } })
    world.upstream.step = () => ({ afterMs: 500 })
    const callers = Array.from({ length: 50 }, () => world.charge())
    await world.run(2_000)
    t.equal(world.charged, 1)
    const executed = callers.filter((caller) => field(caller, 'idempotency-status') === 'executed')
    t.equal(executed.length, 1)
    if (onConcurrent === 'wait') {
      t.ok(callers.every((caller) => caller.status === 201 && caller.text === '{"id":1}'))
      t.equal(world.count('replayed'), 49)
    } else {
      const told = callers.filter((caller) => caller.code === 'idempotency.in-progress')
      t.equal(told.length, 49)
      t.ok(told.every((caller) => field(caller, 'retry-after') === '1'))
      t.ok(told.every((caller) => field(caller, 'idempotency-status') === 'in-progress'))
    }
    t.strictSame(world.broken(), [])
  })
}

test('case 3: who waits longer than allowed is told that it is in progress, before the deadline is', async (t) => {
  const world = new KeyedWorld({ idempotency: { wait: 300 }, route: { deadline: { default: 400 } } })
  world.upstream.step = () => ({ afterMs: 350 })
  const first = await world.chargeAt(0)
  const second = world.charge()
  await world.run(200)
  const third = world.charge({ headers: ['x-request-timeout-ms', '100'] })
  await world.run(2_000)
  t.equal(first.status, 201)
  t.equal(second.code, 'idempotency.in-progress')
  t.equal(second.endedAt, 300)
  t.equal(third.code, 'idempotency.in-progress')
  t.ok(third.endedAt < 300)
  t.strictSame(world.broken(), [])
})

test('case 3: 64 wait for one key and no more, whoever they are', async (t) => {
  const world = new KeyedWorld()
  world.upstream.step = () => ({ afterMs: 500 })
  const callers = Array.from({ length: 70 }, () => world.charge())
  await world.run(2_000)
  t.equal(callers.filter(({ status }) => status === 201).length, 65, 'the first, and those who waited')
  t.equal(callers.filter(({ code }) => code === 'idempotency.in-progress').length, 5)
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('case 6: another body with a used key is refused', async (t) => {
  const world = new KeyedWorld()
  await world.chargeAt(0)
  const other = await world.chargeAt(1_000, { body: '{"amount":2}' })
  t.equal(other.status, 422)
  t.equal(other.code, 'idempotency.key-reused')
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('case 7: another body is refused as such while the first is in flight, not told to wait', async (t) => {
  const world = new KeyedWorld()
  world.charge()
  const other = world.charge({ body: '{"amount":2}' })
  await world.run(1)
  t.strictSame([other.status, other.code], [422, 'idempotency.key-reused'])
  await world.run(1_000)
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('case 8: another path, query or method with a used key is refused', async (t) => {
  const world = new KeyedWorld()
  await world.chargeAt(0)
  await world.run(1_000)
  for (const other of [{ path: '/refund' }, { path: '/charge?n=1' }, { method: 'PATCH' }]) {
    t.equal((await world.chargeAt(1_000, other)).status, 422, JSON.stringify(other))
  }
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('case 8: with perRoute a key that another route has used is new, and is refused without it', async (t) => {
  for (const perRoute of [false, true]) {
    const refunds = { path: '/refund', options: { idempotency: { perRoute } } }
    const world = new KeyedWorld({ routesBefore: [refunds] })
    await world.chargeAt(0)
    const other = await world.chargeAt(1_000, { path: '/refund' })
    await world.run(2_000)
    t.equal(other.status, perRoute ? 201 : 422)
    t.equal(field(await world.chargeAt(3_000), 'idempotency-replayed'), 'true')
    t.equal(world.charged, perRoute ? 2 : 1)
    t.strictSame(world.broken(), [])
  }
})

test('case 9: a key that is missing or none is refused, and nothing is sent', async (t) => {
  const world = new KeyedWorld({ idempotency: { required: true } })
  const long = 'k'.repeat(256)
  const bad = [
    '', long, `"${long}"`, 'a, b', '"a", "b"', '"k', 'k"', '""', 'a\u0001b', 'caf\u00e9', 'a b', 'k;p=1', '"k";p=1',
  ]
  t.equal((await world.chargeAt(0, { key: null })).code, 'idempotency.key-missing')
  for (const key of bad) {
    const caller = await world.chargeAt(0, { key })
    t.equal(caller.code, 'idempotency.key-invalid', JSON.stringify(key))
    t.equal(caller.status, 400)
  }
  const twice = await world.chargeAt(0, { key: 'k', headers: ['idempotency-key', 'k'] })
  t.equal(twice.code, 'idempotency.key-invalid')
  t.equal(world.upstream.received, 0)
  t.strictSame(world.broken(), [])
})

test('case 9: a key may be as long as 255 characters, and hold a list inside quotes', async (t) => {
  const world = new KeyedWorld({ idempotency: { required: true } })
  for (const key of ['k'.repeat(255), '"a, b"', '"say \\"k\\""', 'order:1/2']) {
    const caller = await world.chargeAt(world.clock.now(), { key })
    await world.run(world.clock.now() + 100)
    t.equal(caller.status, 201, key)
  }
  t.equal(world.charged, 4)
})

test('case 9: with minKeyLength a shorter key is none', async (t) => {
  const world = new KeyedWorld({ idempotency: { minKeyLength: 8 } })
  for (const key of ['short-7', '"short-7"']) {
    const caller = await world.chargeAt(0, { key })
    t.equal(caller.code, 'idempotency.key-invalid')
    t.match(caller.members, { minLength: 8, maxLength: 255 })
  }
  t.equal(world.charged, 0)
  await world.chargeAt(0, { key: 'longer-8' })
  await world.run(1_000)
  t.equal(world.charged, 1)
})

test('case 9: where no key is required, a request without one is sent, and told that nobody keeps it', async (t) => {
  const world = new KeyedWorld()
  const first = world.charge({ key: null })
  const second = world.charge({ key: null })
  await world.run(1_000)
  t.equal(field(first, 'idempotency-status'), 'bypassed')
  t.equal(second.status, 201)
  t.equal(world.charged, 2)
  t.strictSame(world.broken(), [])
})

test('case 10: a key in quotes and the same bare are one key', async (t) => {
  const world = new KeyedWorld()
  await world.chargeAt(0, { key: '"abc"' })
  const bare = await world.chargeAt(1_000, { key: 'abc' })
  t.equal(field(bare, 'idempotency-replayed'), 'true')
  t.equal(world.charged, 1)
})

test('case 11: on methods that ask for nothing a key means nothing', async (t) => {
  const world = new KeyedWorld()
  for (const method of ['GET', 'HEAD', 'PUT']) {
    const before = world.upstream.received
    const first = await world.chargeAt(world.clock.now(), { method })
    await world.run(world.clock.now() + 100)
    await world.chargeAt(world.clock.now(), { method })
    await world.run(world.clock.now() + 100)
    t.equal(world.upstream.received - before, 2, method)
    t.equal(field(first, 'idempotency-status'), undefined)
  }
  t.strictSame(world.broken(), [])
})

test('case 12: a declined charge stays declined', async (t) => {
  const world = new KeyedWorld()
  world.upstream.step = () => ({ status: 402, executes: false })
  await world.chargeAt(0)
  const again = await world.chargeAt(1_000)
  t.equal(again.status, 402)
  t.equal(field(again, 'idempotency-replayed'), 'true')
  t.equal(world.upstream.received, 1)
})

for (const status of [429, 401]) {
  test(`case 13: after a ${status} the key is free, and the next answer is kept`, async (t) => {
    const world = new KeyedWorld()
    world.upstream.step = (count) => count === 1 ? { status, executes: false } : {}
    const first = await world.chargeAt(0)
    const second = await world.chargeAt(1_000)
    const third = await world.chargeAt(2_000)
    t.equal(first.status, status)
    t.equal(field(first, 'idempotency-status'), 'released')
    t.equal(second.status, 201)
    t.equal(field(third, 'idempotency-replayed'), 'true')
    t.equal(world.upstream.received, 2)
    t.strictSame(world.broken(), [])
  })
}

for (const status of [503, 408, 500]) {
  test(`case 13 and 14: a ${status} may come after a charge: it is replayed`, async (t) => {
    const world = new KeyedWorld()
    world.upstream.step = () => ({ status, headers: ['retry-after', '1'] })
    await world.chargeAt(0)
    const again = await world.chargeAt(1_000)
    t.equal(again.status, status)
    t.equal(field(again, 'idempotency-replayed'), 'true')
    t.equal(world.charged, 1)
  })
}

test('case 14: with onServerError retry a 5xx frees the key', async (t) => {
  const world = new KeyedWorld({ idempotency: { onServerError: 'retry' } })
  world.upstream.step = (count) => count === 1 ? { status: 500 } : {}
  await world.chargeAt(0)
  const again = await world.chargeAt(1_000)
  await world.run(2_000)
  t.equal(again.status, 201)
  t.equal(world.charged, 2)
})

test('case 30: past its ttl a key is new', async (t) => {
  const world = new KeyedWorld({ idempotency: { ttl: 3_000 } })
  await world.chargeAt(0)
  t.equal(field(await world.chargeAt(2_000), 'idempotency-replayed'), 'true')
  await world.chargeAt(4_000)
  await world.run(5_000)
  t.equal(world.charged, 2)
})

test('case 2: past replay.maxAge an answer is not shown any more, and its key is not executed again', async (t) => {
  const world = new KeyedWorld({ idempotency: { ttl: 60_000, replay: { maxAge: 3_000 } } })
  world.upstream.step = () => ({ afterMs: 500 })
  const first = await world.chargeAt(0)
  t.equal(field(await world.chargeAt(3_400), 'idempotency-replayed'), 'true', 'counted from the answer')
  const late = await world.chargeAt(3_600)
  t.equal(first.status, 201)
  t.equal(late.status, 409)
  t.equal(late.code, 'idempotency.result-unavailable')
  t.strictSame(late.members, { reason: 'too-old' }, 'nothing of the answer is told')
  t.equal(field(late, 'idempotency-status'), 'executed')
  t.equal((await world.chargeAt(4_000, { body: '{"amount":2}' })).status, 422, 'it is still the key of that request')
  t.equal(world.charged, 1)
  t.equal(world.count('result-unavailable'), 1)
  t.strictSame(world.broken(), [])
})

const minute = 60_000

/** A key made at that time of the wall clock, ms. */
function uuidv7(madeAtMs: number, end = '7abc-8def-0123456789ab'): string {
  const hex = madeAtMs.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-${end}`
}

test('case 30: a key that tells its time is not executed again when its record may be gone', async (t) => {
  const ttl = 10 * minute
  const world = new KeyedWorld({ idempotency: { ttl, timeBased: 'uuidv7' } })
  const key = uuidv7(minute)
  await world.chargeAt(minute, { key })
  const replayed = await world.chargeAt(minute + ttl - 1, { key })
  t.equal(field(replayed, 'idempotency-replayed'), 'true')
  for (const at of [ttl + minute, ttl + 20 * minute, 100 * ttl]) {
    const late = await world.chargeAt(at, { key })
    t.equal(late.status, 400)
    t.equal(late.code, 'idempotency.key-expired')
    t.match(late.members, { header: 'idempotency-key', maxAgeMs: ttl })
    t.equal(field(late, 'idempotency-status'), 'not-processed')
  }
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('case 30: no moment is left between a record that tells its time and its refusal, for clocks 5 min off',
  async (t) => {
    const ttl = 2 * minute
    const world = new KeyedWorld({ idempotency: { ttl, timeBased: 'uuidv7' } })
    // The caller is ahead of us by all that it may be, and the wall clock is set back behind the claim by as much.
    const key = uuidv7(20 * minute + 5 * minute)
    await world.chargeAt(20 * minute, { key })
    world.clock.wallStepMs = -5 * minute
    for (let at = 20 * minute; at < 40 * minute; at += minute / 4) await world.chargeAt(at, { key })
    t.equal(world.charged, 1)
    t.ok(world.count('replayed') > 0)
    t.ok(world.count('invalid') > 0)
  })

test('case 9: where keys tell their time, any other key and one of the future is refused', async (t) => {
  const world = new KeyedWorld({ idempotency: { timeBased: 'uuidv7' } })
  await world.run(minute)
  const others = [
    'k-1', uuidv7(minute, '4abc-8def-0123456789ab'), uuidv7(minute, '7abc-cdef-0123456789ab'),
    uuidv7(minute).toUpperCase(), `${uuidv7(minute)}0`, uuidv7(minute).replaceAll('-', ''), uuidv7(7 * minute),
  ]
  for (const key of others) {
    const caller = await world.chargeAt(minute, { key })
    t.equal(caller.code, 'idempotency.key-invalid', key)
    t.match(caller.members, { format: 'uuidv7' })
  }
  const ahead = await world.chargeAt(minute, { key: uuidv7(6 * minute) })
  const again = await world.chargeAt(2 * minute, { key: `"${uuidv7(6 * minute)}"` })
  await world.run(3 * minute)
  t.equal(ahead.status, 201, 'a clock may be ahead a little')
  t.equal(field(again, 'idempotency-replayed'), 'true')
  t.equal(world.charged, 1)
})

test('case 52: in JSON the order of members and spaces make no other request; in raw bytes they do', async (t) => {
  const same = '{ "b": [1, 2.0], "a": 1e400 }'
  for (const mode of ['json', 'raw']) {
    const world = new KeyedWorld({ idempotency: { fingerprint: { mode } } })
    await world.chargeAt(0, { body: '{"a":1e400,"b":[1,2.0]}' })
    t.equal((await world.chargeAt(1_000, { body: same })).status, mode === 'json' ? 201 : 422)
    t.equal((await world.chargeAt(1_000, { body: '{"a":1e401,"b":[1,2.0]}' })).status, 422)
  }
})

test('case 52: members that the route excludes make no other request, also after it is told so', async (t) => {
  const before = new KeyedWorld({ idempotency: { fingerprint: { mode: 'json' } } })
  const exclude = ['$.sent_at']
  const world = new KeyedWorld({ beside: before, idempotency: { fingerprint: { mode: 'json', exclude } } })
  await world.chargeAt(0, { body: '{"amount":1,"sent_at":1}' })
  t.equal(field(await world.chargeAt(1_000, { body: '{"sent_at":2,"amount":1}' }), 'idempotency-replayed'), 'true')
  t.equal((await world.chargeAt(1_000, { body: '{"sent_at":2,"amount":2}' })).status, 422)
  await before.chargeAt(2_000, { key: 'old', body: '{"amount":1,"sent_at":1}' })
  const again = await world.chargeAt(3_000, { key: 'old', body: '{"amount":1,"sent_at":1}' })
  t.equal(field(again, 'idempotency-replayed'), 'true', 'what was fingerprinted before is compared as it was')
  t.equal(world.charged, 2)
})

test('a form that is sent again under another boundary is the same request', async (t) => {
  const world = new KeyedWorld()
  const send = (at: number, boundary: string, amount: string) => world.chargeAt(at, {
    type: `multipart/form-data; boundary=${boundary}`,
    body: `--${boundary}\r\nContent-Disposition: form-data; name="amount"\r\n\r\n${amount}\r\n--${boundary}--\r\n`,
  })
  await send(0, 'aaa', '1999')
  t.equal(field(await send(1_000, 'bbb', '1999'), 'idempotency-replayed'), 'true')
  t.equal((await send(1_000, 'bbb', '1998')).code, 'idempotency.key-reused')
  t.equal(world.charged, 1)
})

test('what differs is told to whoever sent the first request, and to nobody else', async (t) => {
  const world = new KeyedWorld({ idempotency: { scope: 'header:x-tenant' } })
  const bearer = (token: string) => ['x-tenant', 'a', ...token === '' ? [] : ['authorization', token]]
  await world.chargeAt(0, { headers: bearer('Bearer 1') })
  const own = await world.chargeAt(1_000, { headers: bearer('Bearer 1'), body: '{"amount":2}' })
  t.strictSame([own.code, own.members], ['idempotency.key-reused', { differs: ['body'] }])
  const moved = await world.chargeAt(1_000, { headers: bearer('Bearer 1'), path: '/refund' })
  t.strictSame(moved.members, { differs: ['path'] })
  for (const token of ['Bearer 2', '']) {
    const other = await world.chargeAt(1_000, { headers: bearer(token), body: '{"amount":2}' })
    t.strictSame([other.code, other.members], ['idempotency.key-reused', {}])
  }
  await world.chargeAt(2_000, { key: 'k-2', headers: bearer('') })
  t.strictSame((await world.chargeAt(3_000, { key: 'k-2', headers: bearer(''), body: 'x' })).members, {},
    'without a credential nobody can be told from another')
})

test('a refusal of a key says what is wrong with it, and where to read on', async (t) => {
  const docs = 'https://docs.example/keys'
  const world = new KeyedWorld({ idempotency: { required: true, describedBy: docs, maxRequestBody: 10 } })
  const [missing, invalid] = [await world.chargeAt(0, { key: null }), await world.chargeAt(0, { key: 'a b' })]
  t.strictSame(missing.members, { header: 'idempotency-key' })
  t.strictSame(invalid.members, { header: 'idempotency-key', maxLength: 255 })
  for (const caller of [missing, invalid]) t.equal(field(caller, 'link'), `<${docs}>; rel="describedby"`)
  t.strictSame((await world.chargeAt(0)).members, { maxBytes: 10 })
})

test('a field that the route names is part of the request', async (t) => {
  const world = new KeyedWorld({ idempotency: { fingerprint: { headers: ['X-Merchant'] } } })
  await world.chargeAt(0, { headers: ['x-merchant', 'a'] })
  t.equal((await world.chargeAt(1_000, { headers: ['x-merchant', 'b'] })).status, 422)
  t.equal((await world.chargeAt(1_000, { headers: ['x-merchant', 'a', 'x-request-id', 'r'] })).status, 201)
  t.equal(world.charged, 1)
})

test('case 27: two tenants may use one key, and neither sees the answer of the other', async (t) => {
  const world = new KeyedWorld({ idempotency: { scope: 'header:X-Tenant' } })
  world.upstream.step = (count) => ({ chunks: [`marker-${count}`] })
  await world.chargeAt(0, { headers: ['x-tenant', 'a'] })
  const other = await world.chargeAt(1_000, { headers: ['x-tenant', 'b'] })
  await world.run(2_000)
  t.equal(other.text, 'marker-2')
  t.equal(world.charged, 2)
})

test('case 28: another credential of the same scope neither charges again nor reads the answer', async (t) => {
  const world = new KeyedWorld({ idempotency: { scope: 'header:x-tenant' } })
  await world.chargeAt(0, { headers: ['x-tenant', 'a', 'authorization', 'Bearer 1'] })
  const rotated = await world.chargeAt(1_000, { headers: ['x-tenant', 'a', 'authorization', 'Bearer 2'] })
  t.equal(rotated.code, 'idempotency.result-unavailable')
  t.strictSame(rotated.members, {}, 'and nothing is said of the answer')
  t.equal(world.charged, 1)
})

test('case 28: with replayAuth same-scope everybody in the scope gets the answer', async (t) => {
  const world = new KeyedWorld({ idempotency: { scope: 'mtls', replayAuth: 'same-scope' } })
  await world.chargeAt(0, { identity: 'spiffe://a', headers: ['authorization', 'Bearer 1'] })
  const rotated = await world.chargeAt(1_000, { identity: 'spiffe://a', headers: ['authorization', 'Bearer 2'] })
  t.equal(field(rotated, 'idempotency-replayed'), 'true')
  t.equal((await world.chargeAt(1_000, { identity: 'spiffe://b' })).end, null, 'another identity is another scope')
  await world.run(2_000)
  t.equal(world.charged, 2)
})

test('a body larger than may be read whole is refused, whether or not it says its length', async (t) => {
  const world = new KeyedWorld({ idempotency: { maxRequestBody: 10 } })
  const caller = await world.chargeAt(0, { body: 'x'.repeat(11) })
  t.equal(caller.code, 'idempotency.body-too-large')
  t.equal(caller.status, 413)
  t.equal(field(caller, 'idempotency-status'), 'not-processed')
  t.equal((await world.chargeAt(0, { body: 'x'.repeat(10) })).end, null)
  await world.run(1_000)
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('a missing key is said not to be processed also where the route says where to read on', async (t) => {
  const world = new KeyedWorld({ idempotency: { required: true, describedBy: 'https://docs.example/keys' } })
  const caller = await world.chargeAt(0, { key: null })
  t.equal(caller.code, 'idempotency.key-missing')
  t.match(field(caller, 'link'), /docs\.example/)
  t.equal(field(caller, 'idempotency-status'), 'not-processed')
})
