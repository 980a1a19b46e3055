import { test } from 'tap'
import { inTurn, layeredWorld } from '../../../test/sim/layered-world.ts'
import type { LayeredShape, LayeredWorld } from '../../../test/sim/layered-world.ts'
import type { Play } from '../../../test/sim/scripted-upstream.ts'
import type { SimCaller } from '../../../test/sim/sim-caller.ts'
import type { Ask } from '../../../test/sim/sim-caller.ts'
import { World } from '../../../test/sim/world.ts'
import { firstValue } from '../../core/raw-headers.ts'

const down: Play = { status: 503, body: 'down' }
const reset: Play = { fault: 'upstream.reset' }
const on = ['upstream.reset', 'upstream.timeout', 'deadline.expired', 'breaker.open', 503]

function good(body: string, headers: readonly string[] = []): Play {
  return { status: 200, body, headers }
}

/** Asks one after the other, a second and a half apart, and gives the callers. */
async function asked(made: LayeredWorld, ...asks: Ask[]): Promise<SimCaller[]> {
  const callers: SimCaller[] = []
  const startsAt = made.world.clock.now()
  for (const [i, ask] of asks.entries()) {
    callers.push(made.world.ask(ask))
    await made.world.run(startsAt + (i + 1) * 1_500)
  }
  return callers
}

function lastGood(plays: readonly Play[], rest: object = {}, shape: Partial<LayeredShape> = {}): LayeredWorld {
  return layeredWorld({
    route: { fallback: { on, lastGood: { maxStale: 60_000, ...rest } } }, service: { play: inTurn(...plays) }, ...shape,
  })
}

test('a fixed answer stands in the place of a failure, and says so', async (t) => {
  const fallback = { on, status: 503, headers: { 'x-degraded': 'yes' }, body: { code: 'payment.unavailable' } }
  const made = layeredWorld({ route: { fallback }, service: { play: inTurn(reset, down, good('fine')) } })
  const [first, second, third] = await asked(made, { method: 'POST' }, {}, {})
  t.equal(first?.status, 503)
  t.equal(first?.text, '{"code":"payment.unavailable"}')
  t.equal(firstValue(first?.fields ?? [], 'content-type'), 'application/json')
  t.equal(firstValue(first?.fields ?? [], 'x-degraded'), 'yes')
  t.match(firstValue(first?.fields ?? [], 'proxy-status'), /^seawall; error=.*details="upstream\.reset"$/)
  t.match(firstValue(first?.fields ?? [], 'retry-after'), /^[123]$/)
  t.equal(firstValue(first?.fields ?? [], 'idempotency-status'), undefined, 'it was sent')
  t.equal(firstValue(second?.fields ?? [], 'proxy-status'), 'seawall; received-status=503')
  t.equal(third?.text, 'fine')
  t.equal(made.counted('seawall_fallbacks_total'), 2)
  t.strictSame(made.world.broken(), [])
})

test('what was never sent is said not to be processed', async (t) => {
  const made = layeredWorld({
    route: { fallback: { on: ['upstream.refused'], status: 503 } },
    service: { play: () => ({ fault: 'upstream.refused' }) },
  })
  const [caller] = await asked(made, { method: 'POST' })
  t.equal(firstValue(caller?.fields ?? [], 'idempotency-status'), 'not-processed')
})

test('a fixed 2xx is never the answer to what changes something', async (t) => {
  const made = layeredWorld({
    route: { fallback: { on, status: 200, body: 'all is well' } }, service: { play: () => reset },
  })
  const [read, written] = await asked(made, {}, { method: 'POST' })
  t.equal(read?.status, 200)
  t.equal(written?.code, 'upstream.reset')
})

test('only the endings that are named are replaced', async (t) => {
  const made = layeredWorld({
    route: { fallback: { on: [500], status: 200, body: 'x' } }, service: { play: inTurn(down, reset, { status: 500 }) },
  })
  const callers = await asked(made, {}, {}, {})
  t.strictSame(callers.map(({ status }) => status), [503, 502, 200])
})

test('the last good answer is given again, with its age and how it came', async (t) => {
  const made = lastGood([good('one', ['etag', '"1"', 'Age', '7', 'cache-control', 'max-age=8']), reset, down])
  const path = '/a?b=1'
  const [, first, second] = await asked(made, { path }, { path }, { path, method: 'HEAD' })
  t.equal(first?.status, 200)
  t.equal(first?.text, 'one')
  t.equal(firstValue(first?.fields ?? [], 'etag'), '"1"')
  t.strictSame(first?.fields.filter((_, i, all) => all[i - 1]?.toLowerCase() === 'age'), ['8'], 'one age, of now')
  t.equal(firstValue(first?.fields ?? [], 'cache-status'), 'seawall; fwd=stale; ttl=-1; detail="upstream.reset"')
  t.equal(firstValue(second?.fields ?? [], 'cache-status'), 'seawall; fwd=stale; fwd-status=503; ttl=-2; detail="503"')
  t.equal(second?.status, 200)
  t.equal(made.shown('fallback')['keptAnswers'], 1)
  t.strictSame(made.world.broken(), [])
})

test('another target, host or method has its own last good answer, or none', async (t) => {
  const made = lastGood([good('one'), reset])
  const path = '/a'
  const [, ...others] = await asked(made, { path }, { path: '/b' }, { path: '/a?x' }, { path, method: 'POST' })
  t.strictSame(others.map(({ code }) => code), ['upstream.reset', 'upstream.reset', 'upstream.reset'])
})

test('it is given as long as it may be stale, and no longer', async (t) => {
  for (const [headers, maxStale, waits, status] of [
    [[], 3_000, 2_500, 200], [[], 3_000, 3_500, 502],
    [['cache-control', 'max-age=10'], 3_000, 12_500, 200], [['cache-control', 'max-age=10'], 3_000, 13_500, 502],
    [['cache-control', 'max-age=1, stale-if-error=2'], 60_000, 2_500, 200],
    [['cache-control', 'max-age=1, stale-if-error=2'], 60_000, 3_500, 502],
    [['cache-control', 'max-age=1, must-revalidate'], 60_000, 1_500, 502],
    [['cache-control', 's-maxage=1'], 60_000, 1_500, 502],
    [['cache-control', 'max-age=5, must-revalidate'], 60_000, 2_500, 200],
  ] as [string[], number, number, number][]) {
    const made = lastGood([good('one', headers), reset], { maxStale })
    made.world.ask()
    await made.world.run(10 + waits)
    const caller = made.world.ask()
    await made.world.run(100_000)
    t.equal(caller.status, status, `${headers.join(': ')} after ${waits} ms of ${maxStale}`)
  }
})

test('what is for one caller alone is never kept for others', async (t) => {
  for (const [headers, ask] of [
    [['cache-control', 'private'], {}], [['cache-control', 'no-store'], {}], [['cache-control', 'no-cache'], {}],
    [['set-cookie', 'a=b'], {}], [['vary', '*'], {}], [['pragma', 'no-cache', 'cache-control', 'no-store'], {}],
    [[], { headers: ['authorization', 'Bearer x'] }], [[], { headers: ['Cookie', 'session=1'] }],
    [[], { headers: ['cache-control', 'no-store'] }], [['content-range', 'bytes 0-1/3'], {}],
  ] as [string[], Ask][]) {
    const made = lastGood([good('mine', headers), reset])
    const [, other] = await asked(made, ask, ask)
    t.equal(other?.status, 502, `${headers.join(': ')} ${JSON.stringify(ask)}`)
    t.equal(made.shown('fallback')['keptAnswers'], 0)
  }
  const open = lastGood([good('ours', ['cache-control', 'public']), reset])
  const [, other] = await asked(open, { headers: ['authorization', 'x'] }, { headers: ['authorization', 'y'] })
  t.equal(other?.text, 'ours', 'public says that it is for all')
})

test('an answer that has become private takes the last one with it', async (t) => {
  const made = lastGood([good('old'), good('mine', ['cache-control', 'private']), reset])
  const [, , last] = await asked(made, {}, {}, {})
  t.equal(last?.status, 502)
})

test('requests that the answer, or the route, tells apart have each their own', async (t) => {
  const headers = ['vary', 'Accept-Language']
  const [de, en, fr] = ['de', 'en', 'fr'].map((language) => ({ headers: ['accept-language', language] }))
  const varied = lastGood([good('guten Tag', headers), good('good day', headers), reset])
  const [, , one, two, three] = await asked(varied, de as Ask, en as Ask, de as Ask, en as Ask, fr as Ask)
  t.strictSame([one?.text, two?.text, three?.status], ['guten Tag', 'good day', 502])
  const named = lastGood([good('of a'), reset], { vary: ['X-Merchant'] })
  const [, own, other] = await asked(named, { headers: ['x-merchant', 'a'] }, { headers: ['X-Merchant', 'a'] },
    { headers: ['x-merchant', 'b'] })
  t.strictSame([own?.text, other?.status], ['of a', 502])
  const coded = lastGood([good('packed', ['content-encoding', 'gzip']), reset])
  const [, plain] = await asked(coded, { headers: ['accept-encoding', 'gzip'] }, {})
  t.equal(plain?.status, 502, 'nobody gets a coding that was not asked for')
})

test('a change forgets the last good answer', async (t) => {
  const made = lastGood([good('old'), good('changed'), reset])
  const [, , last] = await asked(made, { path: '/a' }, { path: '/a', method: 'PUT' }, { path: '/a' })
  t.equal(last?.status, 502)
})

test('failures, errors and broken bodies are not kept', async (t) => {
  for (const status of [404, 500, 206, 302, 503]) {
    const made = lastGood([{ status, body: 'x' }, reset])
    await asked(made, {})
    t.equal(made.shown('fallback')['keptAnswers'], 0, String(status))
  }
  const made = lastGood([{ status: 200, body: 'half', bodyMs: 500 }, reset])
  const leaves = made.world.ask()
  made.world.clock.after(100, () => { leaves.leave() })
  await made.world.run(1_000)
  t.equal(made.shown('fallback')['keptAnswers'], 0, 'its caller left in the middle')
  t.strictSame(made.world.broken(), [])
})

test('when the deadline passes, the last good answer comes instead of a 504', async (t) => {
  const made = layeredWorld({
    route: { fallback: { on, lastGood: {} }, deadline: { default: 200 }, retry: { maxAttempts: 3 } },
    service: { play: inTurn(good('one'), 'hang') },
  })
  const [, caller] = await asked(made, {}, {})
  t.equal(caller?.text, 'one')
  t.equal((caller?.endedAt ?? 0) - (caller?.askedAt ?? 0), 200)
  t.equal(made.service.calls.at(-1)?.attempt.row, 'cut-late', 'the attempt was cut, and judged as what it was')
  t.strictSame(made.world.broken(), [])
})

test('S34: what limits and breakers see is the attempt, not the fallback', async (t) => {
  const breaker = { failures: 3, window: 60_000, openFor: 60_000 }
  const made = lastGood([good('one'), down], {}, { upstream: { breaker } })
  const callers = await asked(made, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})
  t.ok(callers.every(({ text }) => text === 'one'), 'everybody was served')
  t.ok(made.service.calls.length < 9, `and the breaker opened: ${made.service.calls.length} calls of 10`)
  t.equal(firstValue(callers.at(-1)?.fields ?? [], 'cache-status')?.startsWith('seawall; hit;'), true)
  t.strictSame(made.world.broken(), [])
})

test('observe keeps copies, answers nothing, and counts what it would have answered', async (t) => {
  const made = lastGood([good('one'), reset], {}, { mode: 'observe' })
  const [, caller] = await asked(made, {}, {})
  t.equal(caller?.code, 'upstream.reset')
  t.equal(made.shown('fallback')['wouldHaveAnswered'], 1)
  t.equal(made.counted('seawall_fallbacks_total'), 0)
})

test('refusals of the admission are answered too, where the route says so, without an attempt', async (t) => {
  const sketch = {
    routes: [{ options: { fallback: { on: ['bulkhead.full'], lastGood: { maxStale: 60_000 } } } }],
    upstreams: [{ name: 'service', options: { bulkhead: { maxConcurrent: 1, maxWait: 0 } } }],
  }
  const world = new World({ sketch })
  world.upstream.behaviour.headers = ['cache-control', 'max-age=0']
  const kept = world.ask({ path: '/kept' })
  await world.run(1_000)
  t.equal(kept.status, 200)
  const [inside, instead, other, unsafe] = [
    world.ask({ path: '/inside' }), world.ask({ path: '/kept' }), world.ask({ path: '/other' }),
    world.ask({ path: '/kept', method: 'POST' }),
  ]
  await world.run(2_000)
  t.equal(inside.status, 200)
  t.equal(instead.status, 200, 'the last good answer')
  t.match(firstValue(instead.fields, 'cache-status') ?? '', /detail="bulkhead.full"/)
  t.equal(other.code, 'bulkhead.full', 'nothing was kept for it')
  t.equal(unsafe.code, 'bulkhead.full')
  t.equal(world.joined.record.attempts.length, 2)
  t.strictSame(world.broken(), [])
})
