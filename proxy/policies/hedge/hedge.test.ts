import { test } from 'tap'
import { layeredWorld } from '../../../test/sim/layered-world.ts'
import type { LayeredShape, LayeredWorld } from '../../../test/sim/layered-world.ts'
import type { Play } from '../../../test/sim/scripted-upstream.ts'
import { LatencyQuantile } from '../../algorithms/latency-quantile.ts'
import { WholeBody } from '../../core/whole-body.ts'

const ok: Play = { status: 200, body: 'ok' }

/** Two endpoints; calls are answered after `ms` each, in turn, the last time for all that follow. */
function slow(list: readonly number[], plays: readonly Play[] = [ok], rest: Partial<LayeredShape> = {}): LayeredWorld {
  const warm = 60
  const at = <T>(of: readonly T[], n: number): T => of[Math.min(Math.max(0, n - warm - 1), of.length - 1)] as T
  const made = layeredWorld({
    route: { hedge: { after: 50 } },
    ...rest,
    service: {
      endpoints: 2, serviceMs: ({ n }) => n <= warm ? 1 : at(list, n), play: ({ n }) => n <= warm ? ok : at(plays, n),
      ...rest.service,
    },
  })
  // Hedges are paid for by requests that went well.
  for (let i = 0; i < warm; i++) made.world.ask()
  return made
}

test('a slow answer is asked of a second endpoint, the first good one taken and the other attempt cut', async (t) => {
  const { world, service, counted } = slow([1_000, 10])
  await world.run(10)
  const caller = world.ask()
  await world.run(5_000)
  t.equal(caller.status, 200)
  t.equal(caller.endedAt - caller.askedAt, 60)
  const [first, hedge] = service.calls.slice(-2)
  t.not(first?.endpoint, hedge?.endpoint)
  t.equal(first?.attempt.row, 'lost-hedge')
  t.equal(hedge?.attempt.kind, 'hedge')
  t.equal(counted('seawall_hedges_total'), 1)
  t.strictSame(world.broken(), [])
})

test('the first attempt may win after all', async (t) => {
  const { world, service } = slow([70, 1_000])
  await world.run(10)
  const caller = world.ask()
  await world.run(5_000)
  t.equal(caller.endedAt - caller.askedAt, 70)
  t.equal(service.calls.at(-1)?.attempt.row, 'lost-hedge')
  t.strictSame(world.broken(), [])
})

test('what comes in time is never hedged', async (t) => {
  const { world, service } = slow([49])
  await world.run(10)
  world.ask()
  await world.run(5_000)
  t.equal(service.calls.length, 61)
})

test('S4: a hedge that fails waits for the first, and starts no retry while that runs', async (t) => {
  for (const bad of [{ status: 503 }, { fault: 'upstream.reset' }, { fault: 'upstream.refused' }] as Play[]) {
    const route = { hedge: { after: 50 }, retry: { maxAttempts: 3 } }
    const { world, service } = slow([200, 10], [ok, bad], { route })
    await world.run(10)
    const caller = world.ask()
    await world.run(5_000)
    t.equal(caller.status, 200, JSON.stringify(bad))
    t.equal(caller.endedAt - caller.askedAt, 200)
    t.ok(service.calls.length <= 62, 'the first and its hedge')
    t.strictSame(world.broken(), [])
  }
})

test('a first attempt that fails waits for its hedge', async (t) => {
  const { world } = slow([100, 200], [{ status: 503, body: 'busy' }, ok])
  await world.run(10)
  const caller = world.ask()
  await world.run(5_000)
  t.equal(caller.status, 200)
  t.equal(caller.endedAt - caller.askedAt, 250)
  t.strictSame(world.broken(), [])
})

test('when both are bad the caller gets the first one\'s answer, and retries count both attempts', async (t) => {
  const both: Play[] = [{ status: 503, body: 'first' }, { status: 503, body: 'hedge' }, { status: 503, body: 'retry' }]
  const alone = slow([100, 200], both)
  await alone.world.run(10)
  const caller = alone.world.ask()
  await alone.world.run(5_000)
  t.equal(caller.text, 'first')
  const retried = slow([100, 200, 10], both, { route: { hedge: { after: 50 }, retry: { maxAttempts: 3 } } })
  await retried.world.run(10)
  const other = retried.world.ask()
  await retried.world.run(5_000)
  t.equal(other.text, 'retry')
  t.equal(retried.service.calls.length, 63, 'three in all')
  t.strictSame(retried.world.broken(), [])
})

test('only safe methods without a body are hedged', async (t) => {
  for (const ask of [
    { method: 'POST' }, { method: 'PUT' }, { method: 'DELETE' }, { body: new WholeBody([], 0, null) },
  ]) {
    const { world, service } = slow([500])
    await world.run(10)
    world.ask(ask)
    await world.run(5_000)
    t.equal(service.calls.length, 61, JSON.stringify(ask))
  }
})

test('a limited upstream gets no hedge, and the caller never hears of it', async (t) => {
  const { world, service, counted } = slow([500, 500], [ok], {
    upstream: { bulkhead: { maxConcurrent: 60 } }, service: { endpoints: 2, slots: 100 },
  })
  await world.run(10)
  const callers = Array.from({ length: 50 }, () => world.ask())
  await world.run(5_000)
  t.ok(callers.every(({ status }) => status === 200))
  t.equal(service.calls.length, 110)
  t.equal(counted('seawall_hedges_total'), 0)
  t.strictSame(world.broken(), [])
})

test('hedges are one in twenty at most, however slow everything becomes', async (t) => {
  const { world, service } = slow([100], [ok], { service: { endpoints: 2 } })
  await world.run(10)
  for (let i = 0; i < 400; i++) world.clock.after(i * 10, () => { world.ask() })
  await world.run(20_000)
  const extra = service.calls.length - 460
  t.ok(extra > 10 && extra <= 460 * 0.05, `${extra} hedges of 460 requests`)
  t.strictSame(world.broken(), [])
})

test('the delay is what 95 of 100 answers took less than, once 50 are known', async (t) => {
  const { world, service } = layeredWorld({
    route: { hedge: { after: 'p95' } },
    service: { endpoints: 2, serviceMs: ({ n }) => n <= 100 ? n : 1_000 },
  })
  for (let i = 0; i < 100; i++) world.clock.after(i, () => { world.ask() })
  await world.run(1_000)
  t.equal(service.calls.length, 100, 'nothing was known, nothing hedged')
  const caller = world.ask()
  await world.run(5_000)
  const delayMs = (service.calls[101]?.at ?? 0) - caller.askedAt
  t.ok(delayMs > 90 && delayMs < 105, `after ${delayMs} ms`)
})

test('a first attempt that lost teaches that it took at least as long, a hedge that lost nothing', async (t) => {
  for (const [list, learned] of [[[1_000, 10], 62], [[70, 1_000], 61]] as const) {
    const { world } = slow(list)
    await world.run(10)
    world.ask()
    await world.run(5_000)
    const pace = world.joined.parts.part('pace:service/route-0', () => new LatencyQuantile())
    t.equal(pace.count, learned)
    // Were the slow ones left out, all would seem fast, and ever more be hedged.
    if (learned === 62) t.ok(pace.at(1) >= 60, `${pace.at(1)} ms`)
  }
})

test('a caller that leaves, or a deadline, ends both', async (t) => {
  const { world, service } = slow([1_000, 1_000], [ok], {
    route: { hedge: { after: 50 }, deadline: { default: 100 } },
  })
  await world.run(10)
  const stays = world.ask()
  await world.run(5_000)
  t.equal(stays.code, 'deadline.expired')
  t.equal(service.calls.length, 62)
  t.strictSame(world.broken(), [])
})

test('with one endpoint there is nobody to ask', async (t) => {
  const { world, service } = slow([1_000], [ok], { service: { endpoints: 1 } })
  await world.run(10)
  world.ask()
  await world.run(5_000)
  t.equal(service.calls.length, 61)
})

test('observe sends nothing twice and counts who would have been hedged', async (t) => {
  const { world, service, shown } = slow([500], [ok], { mode: 'observe' })
  await world.run(10)
  world.ask()
  await world.run(5_000)
  t.equal(service.calls.length, 61)
  t.equal(shown('hedge')['wouldHaveHedged'], 1)
})
