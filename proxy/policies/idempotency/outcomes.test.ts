// What becomes of a key when something goes wrong between caller, service and us: late answers, broken ones, callers
// that leave, refusals of our own, answers that are too large. The numbers are those of the catalogue of cases.

import { test } from 'tap'
import { field, KeyedWorld } from '../../../test/sim/keyed-world.ts'
import type { StoredAnswer } from '../../core/record-store.ts'

test('case 15: an answer that comes after its caller was told 504 is recorded and replayed', async (t) => {
  const world = new KeyedWorld({ idempotency: { wait: 0 }, route: { deadline: { default: 300 } } })
  world.upstream.step = () => ({ afterMs: 2_000 })
  const first = await world.chargeAt(0)
  const second = await world.chargeAt(1_000)
  const third = await world.chargeAt(3_000)
  await world.run(4_000)
  t.equal(first.code, 'deadline.expired')
  t.equal(field(first, 'idempotency-status'), 'in-progress')
  t.strictSame(first.members, { retry: 'same-key', idempotencyState: 'in-progress' })
  t.equal(second.code, 'idempotency.in-progress')
  t.equal(third.status, 201)
  t.equal(third.text, '{"id":1}')
  t.equal(field(third, 'idempotency-replayed'), 'true')
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('case 15: the same when the attempt ran out of its own time', async (t) => {
  const world = new KeyedWorld({ idempotency: { wait: 0 }, route: { timeouts: { attempt: 300 } } })
  world.upstream.step = () => ({ afterMs: 2_000 })
  const first = await world.chargeAt(0)
  const second = await world.chargeAt(1_000)
  const third = await world.chargeAt(3_000)
  await world.run(4_000)
  t.equal(first.code, 'upstream.timeout')
  t.equal(first.status, 504)
  t.equal(field(first, 'idempotency-status'), 'in-progress')
  t.strictSame(first.members, { retry: 'same-key', idempotencyState: 'in-progress' })
  t.equal(second.code, 'idempotency.in-progress')
  t.equal(field(third, 'idempotency-replayed'), 'true')
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('case 16: what never answers is in progress while the window runs, then unknown until the ttl', async (t) => {
  const options = { wait: 0, lateResponseWindow: 2_000 }
  const world = new KeyedWorld({ idempotency: options, route: { deadline: { default: 300 } } })
  world.upstream.step = () => ({ afterMs: Infinity })
  await world.chargeAt(0)
  t.equal((await world.chargeAt(1_000)).code, 'idempotency.in-progress')
  t.equal((await world.chargeAt(2_200)).code, 'idempotency.in-progress')
  for (const at of [2_400, 5_000, 10_000]) {
    const caller = await world.chargeAt(at)
    t.equal(caller.code, 'idempotency.outcome-unknown', `at ${at}`)
    t.equal(caller.status, 409)
    t.equal(field(caller, 'idempotency-status'), 'unknown')
    t.equal(field(caller, 'retry-after'), undefined)
    t.match(caller.members, { reason: 'timeout', ref: /^[\w-]+:[\w-]+$/, since: /^19/ })
  }
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('case 17: a connection that breaks after the charge leaves a doubt, and nothing is sent again', async (t) => {
  const world = new KeyedWorld({ route: { retry: { maxAttempts: 3 } } })
  world.upstream.step = () => ({ fails: 'upstream.reset' })
  const first = await world.chargeAt(0)
  const again = await world.chargeAt(1_000)
  await world.run(2_000)
  t.equal(first.status, 502)
  t.equal(field(first, 'idempotency-status'), 'unknown')
  t.strictSame(first.members, { retry: 'reconcile', idempotencyState: 'unknown' })
  t.equal(again.code, 'idempotency.outcome-unknown')
  t.match(again.members, { reason: 'reset' })
  t.equal(world.upstream.received, 1)
  t.strictSame(world.broken(), [])
})

test('case 17: with unknownReplay original a doubt is told as the first time, and nothing is sent', async (t) => {
  const options = { wait: 0, lateResponseWindow: 100, unknownReplay: 'original' }
  for (const [step, code] of [
    [{ afterMs: Infinity }, 'upstream.timeout'], [{ fails: 'upstream.reset' }, 'upstream.reset'],
  ] as const) {
    const world = new KeyedWorld({ idempotency: options, route: { timeouts: { attempt: 300 } } })
    world.upstream.step = () => step
    const first = await world.chargeAt(0)
    const again = await world.chargeAt(1_000)
    t.strictSame([first.code, again.code], [code, code])
    t.equal(again.status, first.status)
    t.equal(field(again, 'idempotency-status'), 'unknown')
    t.equal(field(again, 'retry-after'), undefined)
    t.match(again.members, { retry: 'reconcile', reason: /^(?:timeout|reset)$/, ref: /^[\w-]+:[\w-]+$/ })
    t.equal(world.upstream.received, 1)
    t.equal(world.count('unknown'), 2, 'to both')
    t.strictSame(world.broken(), [])
  }
})

test('case 17: with inDoubt retry the next repetition is sent, and the doubt is over', async (t) => {
  const world = new KeyedWorld({ idempotency: { inDoubt: 'retry' } })
  world.upstream.step = (count) => count === 1 ? { fails: 'upstream.reset' } : {}
  await world.chargeAt(0)
  const again = await world.chargeAt(1_000)
  const third = await world.chargeAt(2_000)
  t.equal(field(again, 'idempotency-status'), 'executed')
  t.equal(field(third, 'idempotency-replayed'), 'true')
  t.equal(world.charged, 2)
  t.strictSame(world.broken(), [])
})

test('case 18: where nothing could be sent the key is free again', async (t) => {
  const world = new KeyedWorld()
  world.upstream.step = () => ({ isRefused: true })
  const first = await world.chargeAt(0)
  world.upstream.step = () => ({})
  const again = await world.chargeAt(1_000)
  await world.run(2_000)
  t.equal(first.code, 'upstream.refused')
  t.equal(field(first, 'idempotency-status'), 'not-processed')
  t.equal(again.status, 201)
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('case 18: a retry that gets through is part of the same claim', async (t) => {
  const world = new KeyedWorld({ route: { retry: { maxAttempts: 3 } } })
  let refusals = 1
  world.upstream.step = () => ({ isRefused: refusals-- > 0 })
  const first = await world.chargeAt(0)
  await world.run(2_000)
  t.equal(first.status, 201)
  t.equal(world.store.calls.filter((call) => call === 'claim').length, 1)
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('case 20 and S11: a caller that leaves changes nothing; who repeats gets the answer of that one charge',
  async (t) => {
    const world = new KeyedWorld()
    world.upstream.step = () => ({ afterMs: 200 })
    const first = await world.chargeAt(0)
    await world.run(50)
    first.leave()
    const again = await world.chargeAt(100)
    await world.run(1_000)
    t.equal(again.status, 201)
    t.equal(again.endedAt, 200)
    t.equal(world.charged, 1)
    t.strictSame(world.broken(), [])
  })

test('S11: while nobody waits for it, the permit is held until the service has answered', async (t) => {
  const world = new KeyedWorld({ upstream: { bulkhead: { maxConcurrent: 1, maxWait: 0 }, limit: 'off' } })
  world.upstream.step = () => ({ afterMs: 200 })
  const first = await world.chargeAt(0)
  await world.run(50)
  first.leave()
  t.equal((await world.chargeAt(100, { key: 'other' })).code, 'bulkhead.full')
  t.equal(world.joined.house.inFlight, 1, 'a drain waits for it')
  await world.run(300)
  t.equal((await world.chargeAt(300, { key: 'other' })).end, null)
  await world.run(1_000)
  t.strictSame(world.broken(), [])
})

test('case 21 and S9: a request that was shed has no key, and its repetition is executed once', async (t) => {
  const world = new KeyedWorld({ upstream: { bulkhead: { maxConcurrent: 1, maxWait: 0 }, limit: 'off' } })
  world.upstream.step = () => ({ afterMs: 50 })
  world.charge({ key: 'other' })
  const shed = world.charge()
  await world.run(1)
  t.equal(shed.code, 'bulkhead.full')
  t.equal(field(shed, 'idempotency-status'), 'not-processed')
  const again = await world.chargeAt(100)
  await world.run(1_000)
  t.equal(again.status, 201)
  t.equal(world.upstream.rows.filter(({ key }) => key === 'k-1').length, 1)
  t.strictSame(world.broken(), [])
})

test('case 21 and 22: a rate limit or an open breaker takes no key, and what is known is answered', async (t) => {
  const limits = { rateLimit: [{ key: 'all', rate: '1/s', burst: 1 }] }
  const limited = new KeyedWorld({ route: limits })
  await limited.chargeAt(0)
  await limited.run(100)
  const refused = await limited.chargeAt(100, { key: 'k-2' })
  t.equal(refused.code, 'rate-limit.exceeded')
  t.equal(field(refused, 'idempotency-status'), 'not-processed')
  await limited.chargeAt(2_000, { key: 'k-2' })
  await limited.run(3_000)
  t.equal(limited.charged, 2)
  t.strictSame(limited.broken(), [])

  const failing = new KeyedWorld({ upstream: { limit: 'off' } })
  await failing.chargeAt(0)
  failing.upstream.step = () => ({ status: 500, executes: false })
  let code: string | null | undefined
  for (let i = 0; i < 1_000 && code !== 'breaker.open'; i++) {
    code = (await failing.chargeAt(100 + i * 10, { key: `f-${i}` })).code
    await failing.run(105 + i * 10)
  }
  t.equal(code, 'breaker.open')
  const now = failing.clock.now()
  t.equal(field(await failing.chargeAt(now), 'idempotency-replayed'), 'true')
  const shut = await failing.chargeAt(now, { key: 'k-2' })
  t.strictSame([shut.code, field(shut, 'idempotency-status')], ['breaker.open', 'not-processed'])
  failing.upstream.step = () => ({})
  let again = shut
  for (let at = now; again.status !== 201 && at < now + 60_000; at += 500) {
    again = await failing.chargeAt(at, { key: 'k-2' })
    await failing.run(at + 100)
  }
  t.equal(again.status, 201)
  t.equal(failing.upstream.rows.filter(({ key }) => key === 'k-2').length, 1)
})

test('S10: ten duplicates at a limit of one are one request upstream, and all get its answer', async (t) => {
  const world = new KeyedWorld({ upstream: { bulkhead: { maxConcurrent: 1, maxWait: 0 }, limit: 'off' } })
  world.upstream.step = () => ({ afterMs: 100 })
  const callers = Array.from({ length: 10 }, () => world.charge())
  const late = await world.chargeAt(50)
  await world.run(1_000)
  t.ok([...callers, late].every(({ status, text }) => status === 201 && text === '{"id":1}'))
  t.equal(world.upstream.received, 1)
  t.strictSame(world.broken(), [])
})

test('case 22: a known key is answered while no permit is left, and while the house drains', async (t) => {
  const world = new KeyedWorld({ upstream: { bulkhead: { maxConcurrent: 1, maxWait: 0 }, limit: 'off' } })
  await world.chargeAt(0)
  await world.run(100)
  world.upstream.step = () => ({ afterMs: 500 })
  world.charge({ key: 'other' })
  t.equal(field(await world.chargeAt(101), 'idempotency-replayed'), 'true')
  world.joined.house.phase = 'refusing'
  t.equal(field(await world.chargeAt(200), 'idempotency-replayed'), 'true')
  t.equal((await world.chargeAt(200, { key: 'new' })).code, 'drain.closing')
  t.equal((await world.chargeAt(200, { key: null })).code, 'drain.closing')
  await world.run(1_000)
  t.equal(world.charged, 2)
  t.strictSame(world.broken(), [])
})

test('case 23: an answer too large to keep reaches its caller whole, and is never executed again', async (t) => {
  for (const isChunked of [false, true]) {
    const world = new KeyedWorld({ idempotency: { maxResponseBody: 10 } })
    const chunks = ['12345678', '9abcdefg', 'hij']
    const headers = ['location', '/charges/1', 'content-type', 'text/plain', 'x-other', 'o']
    world.upstream.step = () => ({ chunks, isChunked, headers, chunkMs: 5 })
    const first = await world.chargeAt(0)
    await world.run(100)
    t.equal(first.text, chunks.join(''))
    t.equal(first.end, 'complete')
    const again = await world.chargeAt(1_000)
    t.equal(again.code, 'idempotency.result-unavailable')
    t.strictSame(again.members, {
      originalStatus: 201, originalHeaders: { location: '/charges/1', 'content-type': 'text/plain' },
      reason: 'too-large',
    })
    t.equal(world.charged, 1)
    t.strictSame(world.broken(), [])
  }
})

test('case 24: an event stream flows while it is made, and is not kept', async (t) => {
  const world = new KeyedWorld()
  const headers = ['content-type', 'text/event-stream']
  const chunks = ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']
  world.upstream.step = () => ({ chunks, isChunked: true, headers, chunkMs: 100 })
  const first = await world.chargeAt(0)
  await world.run(50)
  t.equal(first.text, 'data: 1\n\n', 'the first event is there before the last is made')
  t.equal((await world.chargeAt(60)).code, 'idempotency.result-unavailable')
  await world.run(1_000)
  t.equal(first.end, 'complete')
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('an event stream ends with its caller', async (t) => {
  const world = new KeyedWorld()
  const chunks = Array.from({ length: 100 }, () => 'data: 1\n\n')
  const headers = ['content-type', 'text/event-stream']
  world.upstream.step = () => ({ chunks, isChunked: true, headers, chunkMs: 100 })
  const first = await world.chargeAt(0)
  await world.run(250)
  first.leave()
  await world.run(400)
  t.equal(world.joined.house.inFlight, 0)
  await world.run(1_000)
  t.strictSame(world.broken(), [])
})

test('case 25: repeated fields, bytes and trailers are replayed, cookies and what is momentary are not', async (t) => {
  const headers = [
    'Link', '</a>', 'Set-Cookie', 'a=1', 'link', '</b>', 'set-cookie', 'b=2', 'Date', 'Sat, 21 Nov 2026 00:00:00 GMT',
    'X-RateLimit-Remaining', '3', 'server-timing', 'db', 'content-encoding', 'gzip',
  ]
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1')
  for (const setCookie of [false, true]) {
    const world = new KeyedWorld({ idempotency: { replay: { setCookie } } })
    world.upstream.step = () => ({ headers, chunks: [bytes, bytes], trailers: ['x-checksum', 'c'] })
    const first = await world.chargeAt(0)
    await world.run(100)
    const again = await world.chargeAt(1_000)
    t.equal(first.text, bytes + bytes)
    t.equal(again.text, first.text)
    t.strictSame([first.trailers, again.trailers], [['x-checksum', 'c'], ['x-checksum', 'c']])
    t.strictSame(again.fields, [
      'Link', '</a>', ...setCookie ? ['Set-Cookie', 'a=1'] : [], 'link', '</b>',
      ...setCookie ? ['set-cookie', 'b=2'] : [], 'content-encoding', 'gzip', 'cache-control', 'no-store',
      'idempotency-replayed', 'true', 'idempotency-status', 'replayed',
      'idempotency-created', new Date(world.clock.wallMs() - 1_000).toISOString(),
    ])
  }
})

test('what is redacted, and cookies, reach the first caller and are neither stored nor replayed', async (t) => {
  const headers = ['X-Email', 'a@b', 'content-type', 'text/plain', 'Set-Cookie', 'session=1', 'x-email', 'c@d']
  for (const [chunks, maxResponseBody] of [[['short'], 100], [['too long to keep'], 10], [[], 100]] as const) {
    const world = new KeyedWorld({ idempotency: { redact: ['X-EMAIL'], maxResponseBody } })
    const stored: StoredAnswer[] = []
    const finish = world.memory.finish.bind(world.memory)
    world.memory.finish = (key, token, answer, ttlMs) => {
      stored.push(answer)
      return finish(key, token, answer, ttlMs)
    }
    world.upstream.step = () => ({ headers, chunks: [...chunks], trailers: ['x-email', 'e@f', 'x-sum', '1'] })
    const first = await world.chargeAt(0)
    const again = await world.chargeAt(1_000)
    t.match(first.fields.join(' '), /X-Email a@b.* Set-Cookie session=1 x-email c@d/)
    t.notMatch(again.fields.concat(JSON.stringify(again.members ?? {})).join(' '), /email|session/i)
    t.equal(stored.length, 1)
    t.notMatch(JSON.stringify(stored), /a@b|c@d|e@f|session/)
  }
})

test('case 26: interim answers are not replayed', async (t) => {
  const world = new KeyedWorld()
  world.upstream.step = () => ({ interim: [103] })
  const first = await world.chargeAt(0)
  const again = await world.chargeAt(1_000)
  t.strictSame(first.interim, [103])
  t.strictSame(again.interim, [])
})

test('an answer whose body breaks is never replayed: nobody knows what it would have said', async (t) => {
  const world = new KeyedWorld()
  world.upstream.step = () => ({ chunks: ['half'], isChunked: true, breaks: true })
  const first = await world.chargeAt(0)
  const again = await world.chargeAt(1_000)
  t.equal(first.code, 'upstream.reset')
  t.equal(field(first, 'idempotency-status'), 'unknown')
  t.equal(again.code, 'idempotency.outcome-unknown')
  t.match(again.members, { reason: 'truncated' })
  t.equal(world.charged, 1)
  t.strictSame(world.broken(), [])
})

test('an answer without a body is replayed as one', async (t) => {
  const world = new KeyedWorld()
  world.upstream.step = () => ({ status: 204, chunks: [], headers: [] })
  await world.chargeAt(0)
  t.equal((await world.chargeAt(1_000)).status, 204)
  t.equal(world.charged, 1)
})

test('case 50: a Seawall behind us that sent nothing frees our key, any other upstream does not', async (t) => {
  for (const type of ['seawall', undefined]) {
    const world = new KeyedWorld({ upstream: type === undefined ? {} : { type } })
    const step = { status: 503, executes: false, headers: ['idempotency-status', 'not-processed'] }
    world.upstream.step = (count) => count === 1 ? step : {}
    await world.chargeAt(0)
    const again = await world.chargeAt(1_000)
    await world.run(2_000)
    t.equal(again.status, type === undefined ? 503 : 201)
    t.strictSame(again.fields.filter((name) => name === 'idempotency-status').length, 1)
    t.strictSame(world.broken(), [])
  }
})

test('case 45: what is in flight when the instance ends is recorded as unknown', async (t) => {
  const world = new KeyedWorld()
  world.upstream.step = () => ({ afterMs: 30_000 })
  await world.chargeAt(0)
  await world.desk.shutDown()
  const after = new KeyedWorld({ beside: world })
  const again = await after.chargeAt(1_000)
  t.equal(again.code, 'idempotency.outcome-unknown')
  t.match(again.members, { reason: 'shutdown' })
})

test('case 48: a scope over its quota is told so, and another is not', async (t) => {
  const quota = { keys: 3, inFlight: 2 }
  const world = new KeyedWorld({ idempotency: { scope: 'header:x-tenant', quota, ttl: 10_000 } })
  world.upstream.step = () => ({ afterMs: 100 })
  const of = (key: string, tenant = 'a'): { key: string; headers: string[] } => ({ key, headers: ['x-tenant', tenant] })
  world.charge(of('1'))
  world.charge(of('2'))
  const third = world.charge(of('3'))
  world.charge(of('1', 'b'))
  await world.run(200)
  t.equal(third.code, 'idempotency.quota')
  t.equal(third.status, 429)
  await world.chargeAt(200, of('3'))
  await world.run(400)
  t.equal((await world.chargeAt(400, of('4'))).code, 'idempotency.quota')
  t.equal(field(await world.chargeAt(400, of('1')), 'idempotency-replayed'), 'true')
  t.equal(world.charged, 4)
  t.strictSame(world.broken(), [])
})

test('case 49: under pressure a body goes and its key stays', async (t) => {
  const world = new KeyedWorld({ memory: { maxRecords: 100, maxBytes: 1_000 } })
  world.upstream.step = () => ({ chunks: ['x'.repeat(600)] })
  await world.chargeAt(0, { key: 'a' })
  await world.chargeAt(1_000, { key: 'b' })
  const again = await world.chargeAt(2_000, { key: 'a' })
  t.equal(again.code, 'idempotency.result-unavailable')
  t.match(again.members, { originalStatus: 201, reason: 'evicted' })
  t.equal(world.charged, 2)
})

test('a store with no room for one more key refuses, and nothing is sent', async (t) => {
  const world = new KeyedWorld({ memory: { maxRecords: 1, maxBytes: 1_000 } })
  await world.chargeAt(0, { key: 'a' })
  const caller = await world.chargeAt(1_000, { key: 'b' })
  t.equal(caller.code, 'idempotency.store-full')
  t.equal(caller.retryAfterS, 2)
  t.equal(world.upstream.received, 1)
  t.strictSame(world.broken(), [])
})

test('the body is read whole before a permit is taken: a slow upload holds none', async (t) => {
  const world = new KeyedWorld({ upstream: { bulkhead: { maxConcurrent: 1, maxWait: 0 }, limit: 'off' } })
  const slow = world.charge({ slowBody: 500 })
  const fast = await world.chargeAt(100, { key: 'other' })
  await world.run(300)
  t.equal(fast.status, 201)
  t.equal(slow.end, null)
  await world.run(1_000)
  t.equal(slow.status, 201)
  t.equal(world.upstream.rows.find(({ key }) => key === 'k-1')?.body, '{"amount":1}')
  t.strictSame(world.broken(), [])
})

test('a caller that leaves while its body is read leaves nothing behind', async (t) => {
  const world = new KeyedWorld()
  const slow = await world.chargeAt(0, { slowBody: 500 })
  await world.run(100)
  slow.leave()
  await world.run(1_000)
  t.equal(world.upstream.received, 0)
  t.strictSame(world.broken(), [])
})

test('a 429 after an attempt that perhaps charged frees nothing: it is the answer', async (t) => {
  const upstream = { deduplicates: { header: 'idempotency-key', for: 86_400_000 } }
  const world = new KeyedWorld({ route: { retry: { maxAttempts: 2 } }, upstream })
  world.upstream.step = (count) => count === 1 ? { fails: 'upstream.reset' } : { status: 429, executes: false }
  const first = await world.chargeAt(0)
  await world.run(2_000)
  t.equal(first.status, 429)
  t.equal(field(first, 'idempotency-status'), 'executed')
  const again = await world.chargeAt(3_000)
  t.equal(field(again, 'idempotency-replayed'), 'true')
  t.equal(world.upstream.received, 2)
  t.strictSame(world.broken(), [])
})

test('a 401 of a service that has called somebody for it frees nothing', async (t) => {
  const world = new KeyedWorld()
  world.upstream.step = (_count, attempt) => {
    // As the gate of egress calls does, when one made for this exchange was sent.
    attempt.work.exchange.unsafeCalls++
    return { status: 401 }
  }
  await world.chargeAt(0)
  t.equal(field(await world.chargeAt(1_000), 'idempotency-replayed'), 'true')
  t.equal(world.upstream.received, 1)
})
