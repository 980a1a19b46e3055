// Laws of repetition, under seeds: how much is sent at most, what is never sent twice, and where retries meet hedges,
// breakers, fallbacks and keys.

import { test } from 'tap'
import { isIdempotent } from '../../../proxy/core/methods.ts'
import { firstValue } from '../../../proxy/core/raw-headers.ts'
import { WholeBody } from '../../../proxy/core/whole-body.ts'
import { layeredWorld } from '../layered-world.ts'
import type { LayeredShape, LayeredWorld } from '../layered-world.ts'
import type { Play } from '../scripted-upstream.ts'
import { seededRandom } from '../seeded-random.ts'
import { seedsOf } from '../seeds.ts'

const seeds = seedsOf([1, 2, 3, 4, 5], 2)
const defaults = { limit: {}, breaker: {} }

/** Attempts, and requests that came, from a time on. */
function attemptsFrom({ world, service }: LayeredWorld, fromMs: number): { attempts: number; requests: number } {
  return {
    attempts: service.calls.filter(({ at }) => at >= fromMs).length,
    requests: world.callers.filter(({ askedAt }) => askedAt >= fromMs).length,
  }
}

function outage(seed: number, upstream: LayeredShape['upstream'], play: Play): LayeredWorld {
  const made = layeredWorld({
    seed, route: { retry: { maxAttempts: 3 } }, upstream: upstream ?? {},
    service: { endpoints: 3, play: ({ attempt }) => attempt.clock.now() < 20_000 ? { status: 200 } : play },
  })
  made.world.arrive({ ratePerSecond: 60, fromMs: 0, untilMs: 80_000 })
  return made
}

for (const seed of seeds) {
  void test(`S5: seed ${seed}: in a total outage attempts fall to one a request, by the budget alone`, async (t) => {
    const made = outage(seed, { limit: 'off', breaker: 'off' }, { fault: 'upstream.reset' })
    await made.world.run(100_000)
    const { attempts, requests } = attemptsFrom(made, 25_000)
    t.ok(attempts / requests <= 1.02, `${attempts} attempts for ${requests} requests`)
    t.strictSame(made.world.broken(), [])
  })

  void test(`S5: seed ${seed}: with the breaker next to nothing is sent at all`, async (t) => {
    const made = outage(seed, defaults, { status: 503 })
    await made.world.run(100_000)
    const { attempts, requests } = attemptsFrom(made, 25_000)
    t.ok(attempts / requests <= 0.1, `${attempts} attempts for ${requests} requests`)
    t.strictSame(made.world.broken(), [])
  })

  void test(`seed ${seed}: one failure in ten is made good, at one attempt more in ten`, async (t) => {
    const dice = seededRandom(seed, 'faults')
    // One of each ten, by lot which: it is the tenth that is meant, not what a short run makes of it.
    const unlucky: number[] = []
    const isFaulty = (n: number): boolean => {
      const ten = Math.floor(n / 10)
      while (unlucky.length <= ten) unlucky.push(Math.floor(dice() * 10))
      return n % 10 === unlucky[ten]
    }
    const made = layeredWorld({
      seed, route: { retry: { maxAttempts: 3 } }, upstream: defaults,
      service: { endpoints: 2, play: ({ n }) => ({ status: isFaulty(n) ? 503 : 200 }) },
    })
    made.world.arrive({ ratePerSecond: 60, fromMs: 0, untilMs: 60_000 })
    await made.world.run(80_000)
    const { attempts, requests } = attemptsFrom(made, 0)
    const served = made.world.callers.filter(({ status }) => status === 200).length
    t.ok(served / requests >= 0.98, `${served} of ${requests} served`)
    t.ok(attempts / requests <= 1.10, `${attempts} attempts for ${requests} requests`)
    t.strictSame(made.world.broken(), [])
  })
}

const faults: readonly Play[] = [
  { fault: 'upstream.reset' }, { fault: 'upstream.refused' }, { status: 503 }, { status: 502 }, { status: 504 }, 'hang',
  { status: 500 }, { status: 503, headers: ['x-envoy-overloaded', '1'] },
  { status: 429, headers: ['retry-after', '1'] },
  { fault: 'upstream.connect-timeout' }, { status: 503, body: 'slow', bodyMs: 40 },
]

/** Everything that can go wrong, at random, with everything that repeats switched on. */
function havoc(seed: number, deduplicates: object | null): LayeredWorld {
  const dice = seededRandom(seed, 'havoc')
  const fate = new Map<number, Play>()
  const of = (n: number): Play => {
    const known = fate.get(n)
      ?? (dice() < 0.5 ? { status: 200, body: 'ok' } : (faults[Math.floor(dice() * faults.length)] ?? 'hang'))
    fate.set(n, known)
    return known
  }
  const script = { endpoints: 3, slots: 8, serviceMs: () => 5 + dice() * 60, play: ({ n }: { n: number }) => of(n) }
  const made = layeredWorld({
    seed,
    route: {
      retry: { maxAttempts: 3, backoff: { base: 20 } }, hedge: { after: 30 }, failover: { to: 'second' },
      fallback: { on: ['breaker.open', 503], status: 503 }, deadline: { default: 400 }, timeouts: { attempt: 150 },
    },
    upstream: { ...defaults, bulkhead: { maxConcurrent: 30 }, ...(deduplicates === null ? {} : { deduplicates }) },
    service: script, second: script,
  })
  const rates = { fromMs: 0, untilMs: 20_000 }
  made.world.arrive({ ...rates, ratePerSecond: 40 }, 'gets')
  made.world.arrive({ ...rates, ratePerSecond: 20, ask: { method: 'POST' } }, 'posts')
  const headers = ['idempotency-key', 'k']
  made.world.arrive({ ...rates, ratePerSecond: 10, ask: { method: 'PATCH', headers } }, 'keyed')
  made.world.arrive({ ...rates, ratePerSecond: 20, ask: { method: 'PUT' }, patienceMs: 120 }, 'impatient')
  return made
}

for (const seed of seeds) {
  for (const deduplicates of [null, {}, { key: 'passthrough' }]) {
    void test(`seed ${seed}, deduplicates ${JSON.stringify(deduplicates)}: laws of havoc`, async (t) => {
      const made = havoc(seed, deduplicates)
      await made.world.run(60_000)
      const { record } = made.world.joined
      t.ok(record.attempts.length > record.exchanges.length, `${record.attempts.length} attempts`)
      const doubled = record.exchanges.filter(({ work, caller }) =>
        work.attempts > 1 && !isIdempotent(caller.head.method))
      t.ok(doubled.length > 0, 'some unsafe requests were repeated')
      for (const { work, caller } of record.exchanges) checkSends(made, work, caller.head.method, deduplicates !== null)
      t.strictSame(unsafe, [], 'unsafe requests sent again, or elsewhere, after they may have been acted on')
      const most = Math.max(...record.exchanges.map(({ work }) => work.attempts))
      t.ok(most <= 4, `S4: three attempts at most, and one at another upstream: ${most}`)
      const late = [...made.service.calls, ...made.second.calls].filter(({ attempt, at }) =>
        at >= attempt.work.exchange.deadlineAt)
      t.equal(late.length, 0, 'S4: nothing is sent at or after the deadline')
      const hedges = record.attempts.filter(({ kind }) => kind === 'hedge').map(({ work }) => work)
      t.equal(new Set(hedges).size, hedges.length, 'S4: one hedge at most')
      t.ok(record.attempts.every(({ isJudged, isReleased }) => isJudged && isReleased))
      t.strictSame(made.world.broken(), [])
    })
  }
}

const unsafe: string[] = []

/** Notes every second send of an unsafe work that was not covered by a key at the same upstream. */
function checkSends(made: LayeredWorld, work: object, method: string, isCovered: boolean): void {
  if (isIdempotent(method)) return
  const sentTo = [made.service, made.second].map(({ calls }) => calls.filter(({ attempt }) => attempt.work === work))
  const [first = [], second = []] = sentTo
  if (first.length > 0 && second.length > 0) unsafe.push(`${method} to both upstreams`)
  for (const calls of sentTo) {
    if (calls.length < 2) continue
    const keys = new Set(calls.map(({ attempt }) => firstValue(
      [...attempt.work.requestFields ?? [], ...attempt.work.exchange.caller.head.headers], 'idempotency-key')))
    if (!isCovered || keys.size !== 1 || keys.has(undefined)) unsafe.push(`${method} ${calls.length} times`)
  }
}

test('retry × breaker × fallback × key after a maybe-delivered attempt', async (t) => {
  const fallback = { on: ['breaker.open'], status: 503, body: { code: 'payment.unavailable' } }
  const made = layeredWorld({
    route: { retry: { maxAttempts: 3, backoff: { base: 500 } }, fallback, failover: { to: 'second' } },
    upstream: { breaker: { failures: 3, window: 10_000, openFor: 60_000 }, deduplicates: {} },
    service: { play: () => ({ fault: 'upstream.reset' }) },
  })
  const pay = (): ReturnType<typeof made.world.ask> => made.world.ask({
    method: 'POST', headers: ['idempotency-key', 'k-1'], body: new WholeBody([Buffer.from('pay')], 3, null),
  })
  // The first is reset and backs off; others open the breaker meanwhile; its retry is refused by the breaker.
  const first = pay()
  const others = [made.world.ask({ method: 'PATCH' }), made.world.ask({ method: 'PATCH' })]
  await made.world.run(10_000)
  t.equal(first.code, 'upstream.reset', 'the last word of the wire, not "breaker.open"')
  t.equal(firstValue(first.fields, 'idempotency-status'), undefined, 'and never "not processed": it may have been')
  t.equal(made.second.calls.length, 0, 'nor is it sent to somebody else')
  t.ok(others.every(({ code }) => code === 'upstream.reset'))
  // One that comes now was never sent: the fallback may say so.
  const late = pay()
  await made.world.run(20_000)
  t.equal(made.second.calls.length, 1, 'this one may go elsewhere')
  t.equal(late.status, 200)
  t.strictSame(made.world.broken(), [])
})

test('S23: a back-off ends with its caller, and a drain hedges nobody', async (t) => {
  const made = layeredWorld({
    route: { retry: { backoff: { base: 60_000, max: 60_000 } }, hedge: { after: 20 } },
    service: { endpoints: 2, serviceMs: () => 100, play: () => ({ status: 503 }) },
  })
  made.world.joined.house.phase = 'refusing'
  const sleeping = Array.from({ length: 5 }, () => made.world.ask({ headers: ['x-request-timeout-ms', '200000'] }))
  await made.world.run(1_000)
  for (const caller of sleeping) caller.leave()
  await made.world.run(1_001)
  t.ok(made.world.joined.record.attempts.every(({ kind }) => kind !== 'hedge'))
  t.strictSame(made.world.broken(), [])
})
