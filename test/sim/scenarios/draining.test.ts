// Where a drain meets the rest: who waits, who sleeps between two tries and who is in work when it begins (S23), and
// what peers make of one that leaves (S24).

import { test } from 'tap'
import { createDrain } from '../../../proxy/lifecycle/drain.ts'
import { doorKey } from '../../../proxy/policies/shed/door.ts'
import type { Door } from '../../../proxy/policies/shed/door.ts'
import { layeredWorld } from '../layered-world.ts'
import type { LayeredWorld } from '../layered-world.ts'
import type { Play } from '../scripted-upstream.ts'

/** The drain of the house of that world, of 5 s without a delay. */
function drainOf({ world }: LayeredWorld): { at: number } {
  const { house, announced } = world.joined
  const drain = createDrain({
    house, clock: world.clock, announce: (announcement) => { announced.push(announcement) },
    times: () => ({ delayMs: 0, timeoutMs: 5_000, egressQuietMs: 0 }),
    inFlight: () => house.inFlight, isServiceGone: async () => false, turnAway: () => { world.turnAway() },
  })
  drain.begin('SIGTERM')
  const over = { at: Infinity }
  void drain.finished.then(({ durationMs }) => { over.at = durationMs })
  return over
}

test('S23: in flight 200, queued 100, sleeping 10: all in work are answered, sleepers at once, in 5 s', async (t) => {
  const made = layeredWorld({
    route: { retry: { maxAttempts: 3, backoff: { base: 60_000, max: 60_000 } } },
    upstream: { bulkhead: { maxConcurrent: 200, maxWait: 60_000 } },
    service: {
      serviceMs: ({ attempt }) => attempt.work.exchange.caller.head.path === '/bad' ? 10 : 1_500,
      play: ({ attempt }) => ({ status: attempt.work.exchange.caller.head.path === '/bad' ? 503 : 200, body: 'ok' }),
    },
  })
  const { world } = made
  // As many as the budget pays for.
  const sleeping = Array.from({ length: 10 }, () => world.ask({ path: '/bad' }))
  await world.run(100)
  const asked = Array.from({ length: 300 }, () => world.ask())
  await world.run(200)
  t.ok(sleeping.every(({ end }) => end === null), 'they wait for another try')
  const over = drainOf(made)
  await world.run(201)
  t.strictSame([...new Set(sleeping.map(({ status }) => status))], [503], 'the last word of the upstream, at once')
  t.ok(sleeping.every(({ code }) => code === null), 'and not one of ours')
  const late = world.ask()
  t.equal(late.code, 'drain.closing')
  await world.run(10_000)
  t.strictSame([...new Set(asked.map(({ status }) => status))], [200], 'in work or in the queue: they were let in')
  t.ok(over.at <= 4_500, `${over.at} ms`)
  t.strictSame(world.broken(), [])
})

test('S23: a queue that is longer than the drain: nobody in it is reset, and nobody is sent in vain', async (t) => {
  const made = layeredWorld({
    route: {}, upstream: { bulkhead: { maxConcurrent: 2, maxWait: 60_000 } }, service: { serviceMs: () => 1_000 },
  })
  const { world, service } = made
  const asked = Array.from({ length: 30 }, () => world.ask())
  await world.run(10)
  drainOf(made)
  await world.run(4_999)
  const told = asked.filter(({ code }) => code === 'drain.closing').length
  const served = asked.filter(({ status }) => status === 200).length
  t.ok(served >= 8, `${served} served`)
  t.equal(service.calls.length + told, 30, 'sent or told')
  await world.run(70_000)
  t.strictSame(world.broken(), [])
})

test('S23: the service\'s own calls sleep and are sent again as ever: its work is to be finished', async (t) => {
  const made = layeredWorld({
    route: { retry: { maxAttempts: 3, backoff: { base: 100, max: 100 } } }, listenerKind: 'egress',
    service: { play: ({ n }): Play => n === 1 ? { status: 503 } : { status: 200, body: 'ok' } },
  })
  const { world } = made
  const call = world.ask()
  await world.run(11)
  drainOf(made)
  await world.run(1_000)
  t.equal(call.status, 200)
  t.strictSame(world.broken(), [])
})

function limitOf({ world }: LayeredWorld): number {
  const [door] = [...world.joined.parts.named<Door>(doorKey)].filter(([name]) => name === 'service')
  return door?.[1].limits.usable ?? NaN
}

const leaving: Play = {
  status: 503, headers: ['proxy-status', 'seawall; error=proxy_internal_response; details="drain.closing"',
    'retry-after', '2', 'idempotency-status', 'not-processed', 'connection', 'close'],
}

test('S24: peers restart in turn: nothing idempotent fails, no breaker trips, no limit shrinks', async (t) => {
  const seconds = 60
  const made = layeredWorld({
    route: { retry: { maxAttempts: 3 } },
    upstream: { type: 'seawall', limit: {}, breaker: {}, throttle: {}, balance: 'peak-ewma' },
    // Each of three leaves for 5 s, ten seconds after the one before.
    service: {
      endpoints: 3, serviceMs: () => 10,
      play: ({ endpoint, attempt }) => {
        const second = attempt.clock.now() / 1000
        const isLeaving = second >= 10 * (endpoint + 1) && second < 10 * (endpoint + 1) + 5
        return isLeaving ? leaving : { status: 200, body: 'ok' }
      },
    },
  })
  const { world } = made
  world.arrive({ ratePerSecond: 100, fromMs: 0, untilMs: seconds * 1000 })
  await world.run(9_999)
  const before = limitOf(made)
  await world.run(seconds * 1000 + 5_000)
  const failed = world.callers.filter(({ status }) => status !== 200)
  t.strictSame(failed.map(({ code, status }) => code ?? status), [])
  t.equal(made.counted('seawall_breaker_transitions_total'), 0)
  t.ok(limitOf(made) >= before, `${before} to ${limitOf(made)}`)
  t.equal(made.counted('seawall_throttled_total'), 0)
  const rows = world.joined.record.attempts.map(({ row }) => row)
  t.strictSame([...new Set(rows.map(String))].toSorted(), ['draining', 'success'], 'no word of overload or failure')
  t.strictSame(world.broken(), [])
})
