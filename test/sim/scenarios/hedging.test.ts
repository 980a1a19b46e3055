// What hedging buys and what it costs, on three hosts whose answers are mostly quick and sometimes very slow.

import { test } from 'tap'
import { layeredWorld } from '../layered-world.ts'
import type { LayeredWorld } from '../layered-world.ts'
import { seededRandom } from '../seeded-random.ts'

const slots = 16
const hosts = 3

/** Log-normal around 10 ms, and 1 of 100 answers takes 500 ms. */
function hostsUnder(load: number, seed: number, after: 'p95' | 'p98' | null, seconds = 60): LayeredWorld {
  const dice = seededRandom(seed, 'service')
  const meanMs = 0.99 * 10 + 0.01 * 500
  const made = layeredWorld({
    seed, route: after === null ? {} : { hedge: { after } }, upstream: { bulkhead: { maxConcurrent: hosts * slots } },
    service: {
      endpoints: hosts, slots,
      serviceMs: () => {
        if (dice() < 0.01) return 500
        const normal = Math.sqrt(-2 * Math.log(1 - dice())) * Math.cos(2 * Math.PI * dice())
        return 10 * Math.exp(0.3 * normal - 0.045)
      },
    },
  })
  const ratePerSecond = Math.min(400, load * hosts * slots * 1000 / meanMs)
  made.world.arrive({ ratePerSecond, fromMs: 0, untilMs: seconds * 1000 })
  return made
}

interface Seen { readonly p99: number; readonly p999: number; readonly extra: number }

async function seen(made: LayeredWorld): Promise<Seen> {
  await made.world.run(200_000)
  const callers = made.world.callers.filter(({ askedAt }) => askedAt > 5_000)
  const took = callers.map(({ askedAt, endedAt }) => endedAt - askedAt).toSorted((a, b) => a - b)
  const at = (part: number): number => took[Math.floor(took.length * part)] as number
  const hedges = made.service.calls.filter((call) => call.at > 5_000 && call.attempt.kind === 'hedge').length
  return { p99: at(0.99), p999: at(0.999), extra: hedges / callers.length }
}

for (const [after, most] of [['p95', 0.055], ['p98', 0.025]] as const) {
  void test(`at light load hedging at ${after} cuts the tail for at most ${most * 100} % more`, async (t) => {
    const plain = await seen(hostsUnder(0.12, 1, null))
    const made = hostsUnder(0.12, 1, after)
    const hedged = await seen(made)
    t.ok(plain.p999 >= 5 * hedged.p999, `p99.9 ${plain.p999.toFixed()} ms without, ${hedged.p999.toFixed()} ms with`)
    t.ok(hedged.extra <= most, `${(hedged.extra * 100).toFixed(2)} % more`)
    t.ok(hedged.extra > 0.005, 'and it did something')
    t.strictSame(made.world.broken(), [])
  })
}

test('at full load next to nothing is hedged', async (t) => {
  const made = layeredWorld({
    seed: 2, route: { hedge: { after: 'p95' } }, upstream: { bulkhead: { maxConcurrent: 12, maxWait: 100 } },
    service: { endpoints: 3, slots: 4, serviceMs: ({ n }) => n % 20 === 0 ? 200 : 30 },
  })
  made.world.arrive({ ratePerSecond: 0.95 * 12 * 1000 / 38.5, fromMs: 0, untilMs: 40_000 })
  const { extra } = await seen(made)
  t.ok(extra <= 0.005, `${(extra * 100).toFixed(2)} % more`)
  t.strictSame(made.world.broken(), [])
})

test('when everything becomes three times slower, hedges stay within their share', async (t) => {
  const made = layeredWorld({
    seed: 3, route: { hedge: { after: 'p95' } },
    service: {
      endpoints: 3, serviceMs: ({ attempt, n }) => (attempt.clock.now() < 20_000 ? 10 : 30) + n % 7,
    },
  })
  made.world.arrive({ ratePerSecond: 200, fromMs: 0, untilMs: 40_000 })
  await made.world.run(60_000)
  for (let from = 0; from < 40_000; from += 10_000) {
    const calls = made.service.calls.filter(({ at }) => at >= from && at < from + 10_000)
    const hedges = calls.filter(({ attempt }) => attempt.kind === 'hedge').length
    t.ok(hedges <= 0.06 * (calls.length - hedges), `${hedges} of ${calls.length} in the ten seconds from ${from}`)
  }
  t.strictSame(made.world.broken(), [])
})

test('one slow host of three costs its callers a hedge, not their patience', async (t) => {
  const made = layeredWorld({
    seed: 4, route: { hedge: { after: 50 } },
    service: { endpoints: 3, serviceMs: ({ endpoint }) => endpoint === 0 ? 900 : 10 },
  })
  made.world.arrive({ ratePerSecond: 20, fromMs: 0, untilMs: 30_000 })
  const { p99 } = await seen(made)
  const slow = made.world.callers.filter(({ askedAt, endedAt }) => endedAt - askedAt > 500).length
  t.ok(slow <= 0.3 * made.world.callers.length, `${slow} of ${made.world.callers.length} met the slow host; p99 ${p99}`)
  t.strictSame(made.world.broken(), [])
})
