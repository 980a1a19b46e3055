// Where the learned limit meets queues, deadlines, classes, time and reloads: one test a seam, over real plans in
// virtual time.

import { test } from 'tap'
import type { Door } from '../../../proxy/policies/shed/door.ts'
import { compile } from '../../../proxy/pipeline/compile.ts'
import { configurationOf } from '../../support/plans.ts'
import type { Sketch } from '../../support/plans.ts'
import { exponential, seededRandom } from '../seeded-random.ts'
import { KeyedWorld } from '../keyed-world.ts'
import type { SimCaller } from '../sim-caller.ts'
import { World } from '../world.ts'

const seeds = [1, 2]

const service = (options: object): NonNullable<Sketch['upstreams']> =>
  [{ name: 'service', startupMs: 0, options: { breaker: 'off', ...options } }]

const doorOf = (world: World): Door => [...world.joined.parts.named<Door>('door:')][0]?.[1] as Door

/** Eight slots of 20 ms: 400 a second. */
function slots(seed: number, rest: Sketch = {}): World {
  const random = seededRandom(seed, 'service')
  return new World({
    seed, upstream: { slots: 8, serviceMs: () => exponential(random, 20) }, sketch: { upstreams: service({}), ...rest },
  })
}

const served = (callers: readonly SimCaller[]): SimCaller[] => callers.filter(({ status }) => status === 200)
const between = (world: World, fromMs: number, untilMs: number): SimCaller[] =>
  world.callers.filter(({ askedAt }) => askedAt >= fromMs && askedAt < untilMs)

function p99(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? 0
}

for (const seed of seeds) {
  void test(`five times the capacity is served at capacity, the rest refused at once (seed ${seed})`, async (t) => {
    const world = slots(seed)
    world.arrive({ ratePerSecond: 2_000, fromMs: 0, untilMs: 9_000, patienceMs: 500 })
    await world.run(12_000)
    const late = between(world, 4_000, 9_000)
    const good = served(late)
    const refused = late.filter(({ code }) => code === 'shed.limit')
    t.ok(good.length > 1_860, `${good.length} of 2,000`)
    t.ok(p99(good.map((caller) => caller.headAt - caller.askedAt)) < 150)
    t.ok(refused.every((caller) => caller.endedAt === caller.askedAt), 'on arrival')
    t.ok(late.filter(({ code }) => code === 'shed.queue').length < 0.02 * refused.length)
    t.strictSame(world.broken(), [])
  })
}

test('of many callers the same ones are served while not all can be, and the capacity is used', async (t) => {
  const world = slots(1)
  const random = seededRandom(3, 'callers')
  const ask = (): void => {
    const caller = Math.floor(random() * 400)
    world.ask({ remoteAddress: `10.0.${caller >> 7}.${caller & 127}` })
    if (world.clock.now() < 15_000) world.clock.after(exponential(random, 1000 / 1_200), ask)
  }
  ask()
  await world.run(20_000)
  const late = between(world, 5_000, 15_000)
  t.ok(served(late).length > 0.95 * 4_000, `${served(late).length} of 4,000`)
  const byCaller = Map.groupBy(late, (caller) => caller.remoteAddress)
  const ratios = [...byCaller.values()].map((asked) => served(asked).length / asked.length)
  const sure = ratios.filter((ratio) => ratio < 0.05 || ratio > 0.7).length
  t.ok(sure > 0.9 * ratios.length, `${sure} of ${ratios.length} get nearly all or nothing`)
  t.strictSame(world.broken(), [])
})

test('S1: time spent waiting for a permit is not the upstream\'s: the baseline is its own time', async (t) => {
  const world = new World({
    upstream: { serviceMs: () => 50 },
    sketch: { upstreams: service({ bulkhead: { maxConcurrent: 1, maxWait: 60_000 } }) },
  })
  for (let i = 0; i < 100; i++) world.ask()
  await world.run(60_000)
  t.equal(served(world.callers).length, 100)
  const { baselineMs } = doorOf(world).admission.limit
  t.ok(Math.abs(baselineMs - 50) < 5, `${baselineMs}`)
  t.strictSame(world.broken(), [])
})

test('S2: who has waited so long that its time cannot suffice is never sent, and told early', async (t) => {
  const world = new World({
    upstream: { serviceMs: () => 100 },
    sketch: {
      upstreams: service({ bulkhead: { maxConcurrent: 1, maxWait: 10_000 } }), routes: [{ options: { deadline: {} } }],
    },
  })
  for (let i = 0; i < 40; i++) world.ask()
  await world.run(4_100)
  const { baselineMs } = doorOf(world).admission.limit
  t.ok(Math.abs(baselineMs - 100) < 10, `${baselineMs}`)
  world.ask()
  world.upstream.behaviour.serviceMs = () => 1_000
  world.ask()
  await world.run(4_210)
  const before = world.upstream.received
  const late = world.ask({ headers: ['x-request-timeout-ms', '300'] })
  await world.run(9_000)
  t.equal(late.code, 'deadline.doomed')
  t.ok(late.endedAt - late.askedAt <= 255, `${late.endedAt - late.askedAt}`)
  t.equal(world.upstream.received, before)
  t.strictSame(world.broken(), [])
})

test('S3: no attempt is sent with nothing left of its time', async (t) => {
  for (const seed of seeds) {
    const world = slots(seed, { routes: [{ options: { deadline: { default: 60 } } }] })
    const left: number[] = []
    const send = world.upstream.send.bind(world.upstream)
    world.upstream.send = (attempt) => {
      left.push(attempt.work.exchange.deadlineAt - world.clock.now())
      send(attempt)
    }
    world.arrive({ ratePerSecond: 1_200, fromMs: 0, untilMs: 3_000 })
    await world.run(6_000)
    t.ok(left.length > 700)
    t.ok(left.every((ms) => ms > 0), `seed ${seed}: at least ${Math.min(...left)} ms`)
    t.strictSame(world.broken(), [])
  }
})

test('S6: what we refused ourselves is never sent again by us', async (t) => {
  const world = slots(1, { routes: [{ options: { retry: { maxAttempts: 3 } } }] })
  world.arrive({ ratePerSecond: 2_000, fromMs: 0, untilMs: 2_000 })
  await world.run(10_000)
  const refused = world.callers.filter(({ code }) => code?.startsWith('shed.') === true)
  t.ok(refused.length > 1_000)
  t.ok(world.joined.record.exchanges.filter(({ code }) => code?.startsWith('shed.') === true)
    .every(({ work }) => work.attempts === 0))
})

test('S20: critical work does not wait behind a flood of sheddable work', async (t) => {
  for (const seed of seeds) {
    const world = slots(seed, { routes: [{ options: { priority: 'critical' } }] })
    const low = { headers: ['x-request-priority', 'sheddable'] }
    world.arrive({ ratePerSecond: 1_200, fromMs: 0, untilMs: 10_000, ask: low, patienceMs: 500 }, 'low')
    world.arrive({ ratePerSecond: 100, fromMs: 2_000, untilMs: 10_000, patienceMs: 500 }, 'high')
    await world.run(12_000)
    const high = between(world, 3_000, 10_000).filter(({ head }) => head.headers.length === 0)
    const rest = between(world, 3_000, 10_000).filter(({ head }) => head.headers.length > 0)
    t.ok(served(high).length >= 0.995 * high.length, `seed ${seed}: ${served(high).length} of ${high.length}`)
    t.ok(served(rest).length > 0.9 * 300 * 7, `seed ${seed}: ${served(rest).length} sheddable ones`)
    t.strictSame(world.broken(), [])
  }
})

test('with nothing configured the whole limit can be used', async (t) => {
  const world = new World({
    upstream: { mode: 'hang' }, sketch: { upstreams: service({ limit: { initial: 10, min: 10, max: 10 } }) },
  })
  for (let i = 0; i < 10; i++) world.ask({ headers: i % 2 === 0 ? [] : ['x-request-priority', 'default'] })
  await world.run(0)
  t.equal(world.upstream.received, 10)
})

test('S19: answers of a plain 503 at one rate, whatever the limit, do not take the limit down for good', async (t) => {
  let refused = 0
  let asked = 0
  for (const seed of [1, 2, 3, 4]) {
    const world = slots(seed)
    const random = seededRandom(7, 'faults')
    world.arrive({ ratePerSecond: 280, fromMs: 0, untilMs: 20_000 })
    const flip = (): void => {
      world.upstream.behaviour.status = random() < 0.1 ? 503 : 200
      if (world.clock.now() < 20_000) world.clock.after(5, flip)
    }
    flip()
    await world.run(25_000)
    const late = between(world, 8_000, 20_000)
    asked += late.length
    refused += late.filter(({ code }) => code !== null).length
  }
  t.ok(refused < 0.02 * asked, `${refused} of ${asked} are refused`)
})

test('S21: sheddable work that a critical duplicate waits for is served as critical', async (t) => {
  const orderOf = async (isWanted: boolean): Promise<readonly string[]> => {
    const world = new KeyedWorld({
      route: { priority: 'critical' },
      upstream: { breaker: 'off', limit: 'off', bulkhead: { maxConcurrent: 1, maxWait: 1_000 } },
    })
    const low = { headers: ['x-request-priority', 'sheddable'] }
    await world.chargeAt(0, { key: 'running' })
    const first = await world.chargeAt(1, { key: 'wanted', ...low })
    const others = [await world.chargeAt(2, { key: 'one' }), await world.chargeAt(3, { key: 'two' })]
    const duplicate = isWanted ? await world.chargeAt(4, { key: 'wanted' }) : first
    const last = await world.chargeAt(5, { key: 'last' })
    await world.run(2_000)
    t.strictSame([first, ...others, duplicate, last].map(({ status }) => status), [201, 201, 201, 201, 201])
    t.strictSame(world.broken(), [])
    return world.upstream.rows.map(({ key }) => key.split(':').pop() ?? key)
  }
  t.strictSame(await orderOf(false), ['running', 'one', 'two', 'last', 'wanted'])
  t.strictSame(await orderOf(true), ['running', 'one', 'two', 'wanted', 'last'], 'behind those critical before')
})

test('S21: a critical duplicate of sheddable work stands for itself as soon as that is gone',
  async (t) => {
    const world = new KeyedWorld({
      route: { priority: 'critical' }, upstream: { breaker: 'off', limit: { initial: 1, min: 1, max: 1 } },
    })
    const low = { headers: ['x-request-priority', 'sheddable'] }
    for (let i = 0; i < 20; i++) await world.chargeAt(200 * i, { key: `before-${i}` })
    await world.chargeAt(5_000, { key: 'running' })
    const first = await world.chargeAt(5_001, { key: 'twice', ...low })
    const duplicate = await world.chargeAt(5_002, { key: 'twice' })
    first.leave()
    await world.run(5_003)
    const after = await world.chargeAt(5_004, { key: 'after', ...low })
    await world.run(6_000)
    t.equal(duplicate.status, 201)
    t.ok(duplicate.endedAt <= 5_020, 'next in turn, though it came behind another')
    t.ok(after.endedAt > duplicate.endedAt, 'who is worth less waits longer')
    t.equal(world.upstream.rows.filter(({ key }) => key.includes('twice')).length, 1)
    t.strictSame(world.broken(), [])
  })

test('S30: a loop that was held up says nothing of the upstream', async (t) => {
  const world = slots(1)
  world.arrive({ ratePerSecond: 600, fromMs: 0, untilMs: 10_000 })
  await world.run(5_000)
  const { limit } = doorOf(world).admission
  const before = limit.limit
  // Everything of 200 ms happens in one turn.
  world.clock.skip(200)
  await world.run(5_400)
  t.ok(Math.abs(limit.limit - before) <= Math.max(1, 0.4 * before), `${before}, then ${limit.limit}`)
  await world.run(15_000)
  t.ok(served(between(world, 6_000, 10_000)).length > 0.9 * 400 * 4)
  t.strictSame(world.broken(), [])
})

test('S38: the line is bounded in bytes, and gives all of them back', async (t) => {
  const world = new World({
    upstream: { mode: 'hang' },
    sketch: { upstreams: service({ bulkhead: { maxConcurrent: 1, maxWait: 1_000, maxQueue: 100_000 } }) },
  })
  const { line, maxQueuedBytes } = doorOf(world).admission
  const headers = ['x-long', 'x'.repeat(60_000)]
  for (let i = 0; i < 5_000; i++) world.ask({ headers })
  await world.run(0)
  t.ok(line.bytes > 0.9 * maxQueuedBytes && line.bytes <= maxQueuedBytes, `${line.bytes} of ${maxQueuedBytes}`)
  await world.run(1_001)
  t.equal(line.bytes, 0)
})

test('S39: a step of the wall clock changes nothing', async (t) => {
  const trace = async (stepMs: number): Promise<string> => {
    const world = slots(3)
    world.arrive({ ratePerSecond: 900, fromMs: 0, untilMs: 5_000 })
    await world.run(2_500)
    world.clock.wallStepMs = stepMs
    await world.run(10_000)
    return world.callers.map((caller) => `${caller.status} ${caller.endedAt.toFixed(6)}`).join('\n')
  }
  const still = await trace(0)
  t.equal(await trace(3_600_000), still)
  t.equal(await trace(-3_600_000), still)
})

test('S40: what was learned outlives another configuration, and so does what is in flight', async (t) => {
  const world = slots(1)
  world.arrive({ ratePerSecond: 800, fromMs: 0, untilMs: 10_000 })
  await world.run(5_000)
  const door = doorOf(world)
  const { limit, baselineMs } = door.admission.limit
  const { inUse } = door.admission
  const changed = { upstreams: service({ limit: { max: 500 }, bulkhead: { maxConcurrent: 100 } }) }
  compile(configurationOf(changed), world.joined.ground)
  t.equal(doorOf(world), door)
  t.strictSame([door.admission.limit.limit, door.admission.limit.baselineMs], [limit, baselineMs])
  t.equal(door.admission.inUse, inUse)
  t.equal(door.admission.ceiling, 100)
  compile(configurationOf({ upstreams: service({ limit: { max: 4 } }) }), world.joined.ground)
  t.equal(door.admission.capacity, 4, 'a bound that is written holds from then on')
  await world.run(20_000)
  t.strictSame(world.broken(), [])
})
