// The learned limit at the door of an upstream and in the life of a permit: who is let in, refused or kept, what the
// limit is told, and what becomes of permits whose attempts were cut, are streams, or wait for their callers.

import { test } from 'tap'
import type { Attempt } from '../../core/attempt.ts'
import type { Labels, PolicyFamily } from '../../core/meter.ts'
import { World } from '../../../test/sim/world.ts'
import type { WorldOptions } from '../../../test/sim/world.ts'
import type { Sketch } from '../../../test/support/plans.ts'
import { meterValue } from '../../../test/support/meter-value.ts'
import type { Door } from './door.ts'
import { figuresOf } from './door-options.ts'

interface Shape extends WorldOptions {
  readonly limit?: object | 'off'
  readonly upstreamOptions?: object
  readonly route?: Readonly<Record<string, unknown>>
}

/** The default is a limit that stays: three. */
function worldWith(shape: Shape = {}): World {
  const options = { limit: shape.limit ?? { initial: 3, min: 3, max: 3 }, breaker: 'off', ...shape.upstreamOptions }
  const sketch: Sketch = {
    upstreams: [{ name: 'service', startupMs: 0, options }],
    routes: [{ options: shape.route ?? {} }],
    ...shape.sketch,
  }
  return new World({ ...shape, sketch })
}

const doorOf = (world: World): Door => [...world.joined.parts.named<Door>('door:')][0]?.[1] as Door
const codesOf = (world: World): (string | number)[] => world.callers.map(({ code, status }) => code ?? status)
const metric = (world: World, name: PolicyFamily, labels: Labels = {}): number =>
  meterValue(world.joined.meter, name, labels)

/** Attempts as they are handed to the leaf. */
function watch(world: World): Attempt[] {
  const sent: Attempt[] = []
  const { upstream } = world
  const send = upstream.send.bind(upstream)
  upstream.send = (attempt) => {
    sent.push(attempt)
    send(attempt)
  }
  return sent
}

test('no more attempts are in flight than the limit, and the rest is told at the end of the turn', async (t) => {
  const world = worldWith({ upstream: { mode: 'hang' } })
  for (let i = 0; i < 12; i++) world.ask()
  t.strictSame(codesOf(world).slice(3), Array.from({ length: 9 }, () => 0), 'nobody is refused within the turn')
  await world.run(0)
  t.equal(world.upstream.received, 3)
  t.equal(figuresOf(doorOf(world))['inFlight'], 3)
  t.equal(codesOf(world).filter((code) => code === 'shed.limit').length + doorOf(world).admission.line.length, 9)
  t.ok(codesOf(world).includes('shed.limit'))
  const waiting = doorOf(world).admission.line.length
  t.ok(waiting > 0)
  await world.run(501)
  t.equal(codesOf(world).filter((code) => code === 'shed.queue').length, waiting, 'who waited in vain is told')
})

test('a permit that comes free in the same turn is seen before anybody is refused', async (t) => {
  const world = worldWith({ limit: { initial: 1, min: 1, max: 1 }, upstream: { serviceMs: () => 20 } })
  world.ask()
  await world.run(19)
  // One turn: the arrival is read first, the answer after it.
  world.clock.after(1, () => { world.ask() })
  await world.run(100)
  t.strictSame(codesOf(world), [200, 200])
  t.equal(world.callers[1]?.endedAt, 40)
  t.strictSame(world.broken(), [])
})

test('who arrives together is let in by class, the highest first', async (t) => {
  const world = worldWith({
    limit: { initial: 1, min: 1, max: 1 }, upstream: { serviceMs: () => 5 }, route: { priority: 'critical' },
  })
  world.ask()
  const low = world.ask({ headers: ['x-request-priority', 'sheddable'] })
  const high = world.ask()
  await world.run(100)
  t.equal(high.status, 200)
  t.equal(low.code, 'shed.limit', 'though it came first')
})

test('a limit that is off leaves the bulkhead alone', async (t) => {
  const world = worldWith({ limit: 'off', upstream: { mode: 'hang' } })
  for (let i = 0; i < 2_000; i++) world.ask()
  await world.run(0)
  t.equal(world.upstream.received, 2_000)
  t.equal(figuresOf(doorOf(world))['limit'], 'none')
})

test('the bulkhead has its own words and its own wait, whatever the limit says', async (t) => {
  const world = worldWith({
    limit: {}, upstreamOptions: { bulkhead: { maxConcurrent: 1, maxWait: 100 } }, upstream: { mode: 'hang' },
  })
  for (let i = 0; i < 3; i++) world.ask()
  await world.run(100)
  t.strictSame(codesOf(world).slice(1), ['bulkhead.timeout', 'bulkhead.timeout'])
})

test('e: who cannot be answered in its time is refused at once where there is a line, and only there', async (t) => {
  const world = worldWith({ limit: { initial: 1, min: 1, max: 1 }, upstream: { serviceMs: () => 20 } })
  for (let i = 0; i < 40; i++) {
    world.ask()
    await world.run(25 * (i + 1))
  }
  const alone = world.ask({ headers: ['x-request-timeout-ms', '5'] })
  const doomed = world.ask({ headers: ['x-request-timeout-ms', '21'] })
  await world.run(2_000)
  t.equal(alone.code, 'deadline.expired', 'it was tried, since it took nobody\'s place')
  t.equal(doomed.code, 'deadline.doomed')
  t.equal(doomed.status, 504)
  t.equal(doomed.endedAt, doomed.askedAt)
  t.strictSame(world.broken(), [])
})

test('S18: refusals of our own are no samples: limit and baseline stay', async (t) => {
  const world = worldWith({ limit: {}, route: { deadline: { default: 10 } } })
  await world.run(10)
  for (let i = 0; i < 1_000; i++) world.ask({ headers: ['x-request-timeout-ms', '1'] })
  const { limit } = doorOf(world).admission
  const before = [limit.limit, limit.baselineMs]
  await world.run(3_000)
  t.strictSame([limit.limit, limit.baselineMs], before)
  t.strictSame(world.broken(), [])
})

test('S12: an attempt that was cut keeps its permit while the service may still be at it', async (t) => {
  const world = worldWith({ upstream: { serviceMs: () => 20, slots: 3 } })
  for (let i = 0; i < 30; i++) {
    world.ask()
    await world.run(20 * (i + 1))
  }
  const { baselineMs } = doorOf(world).admission.limit
  t.ok(Math.abs(baselineMs - 20) < 3, `${baselineMs}`)
  world.upstream.behaviour.mode = 'hang'
  const gone = [world.ask(), world.ask(), world.ask()]
  await world.run(610)
  for (const caller of gone) caller.leave()
  t.equal(doorOf(world).ghosts, 3)
  await world.run(610 + 1.5 * baselineMs)
  t.equal(doorOf(world).admission.inUse, 3, 'nobody else is let in meanwhile')
  await world.run(610 + 2 * baselineMs + 1)
  t.equal(doorOf(world).ghosts, 0)
  t.equal(doorOf(world).admission.inUse, 0)
})

test('S13: so does one whose own time is over, for a second at most', async (t) => {
  const world = worldWith({ upstreamOptions: { timeouts: { attempt: 5_000 } }, upstream: { mode: 'hang' } })
  const caller = world.ask()
  await world.run(5_000)
  t.equal(caller.code, 'upstream.timeout')
  t.equal(doorOf(world).admission.inUse, 1)
  await world.run(6_001)
  t.equal(doorOf(world).admission.inUse, 0)
  t.strictSame(world.broken(), [])
})

test('S12: what was never sent, or was refused by the upstream, leaves nothing behind', async (t) => {
  const world = worldWith({ upstream: { mode: 'refused' } })
  world.ask()
  world.ask().leave()
  await world.run(1)
  t.equal(doorOf(world).admission.inUse, 0)
  t.equal(doorOf(world).ghosts, 0)
  t.strictSame(world.broken(), [])
})

test('S25: probes take no permit, teach nothing and are never refused, and yet are counted', async (t) => {
  const world = worldWith({
    upstream: { mode: 'hang' },
    sketch: {
      upstreams: [{ name: 'service', startupMs: 30_000, options: { limit: { initial: 1, min: 1, max: 1 } } }],
      routes: [{ name: 'health', path: '/healthz', options: { priority: 'bypass' } }, { name: 'all' }],
    },
  })
  for (let i = 0; i < 50; i++) world.ask()
  const probes = Array.from({ length: 20 }, () => world.ask({ path: '/healthz' }))
  await world.run(5_000)
  t.equal(world.upstream.received, 21)
  t.ok(probes.every(({ code }) => code === null))
  t.equal(figuresOf(doorOf(world))['inFlight'], 21)
  const { baselineMs } = doorOf(world).admission.limit
  world.upstream.behaviour.mode = 'serve'
  world.upstream.nudge()
  for (let i = 0; i < 60; i++) {
    world.ask({ path: '/healthz' })
    await world.run(5_000 + 20 * (i + 1))
  }
  t.equal(doorOf(world).admission.limit.baselineMs, baselineMs, 'a probe is no sample')
  t.equal(figuresOf(doorOf(world))['inFlight'], 0)
  t.strictSame(world.broken(), [])
})

test('S26: five hundred streams hold no permit, and the limit for the rest stays what it was', async (t) => {
  const world = worldWith({
    upstream: { bodyMs: 60_000 },
    sketch: {
      upstreams: [{ name: 'service', startupMs: 0, options: { limit: {} } }],
      routes: [{ name: 'events', path: '/events', isStream: true }, { name: 'all' }],
    },
  })
  for (let i = 0; i < 500; i++) {
    world.ask({ path: '/events' })
    await world.run(12 * (i + 1))
  }
  const { limit } = doorOf(world).admission
  t.equal(doorOf(world).streams, 500)
  t.equal(doorOf(world).admission.inUse, 0)
  t.ok(limit.limit >= 10, `${limit.limit}`)
  t.ok(limit.baselineMs < 20, `a sample is the time to the head: ${limit.baselineMs}`)
  const caller = world.ask({ path: '/plain' })
  await world.run(6_020)
  t.equal(caller.status, 200)
  await world.run(200_000)
  t.equal(doorOf(world).streams, 0)
  t.strictSame(world.broken(), [])
})

test('S26: beyond their bound streams keep their permits', async (t) => {
  const world = worldWith({
    upstream: { bodyMs: 1_000 }, limit: { initial: 3, min: 3, max: 3, maxStreams: 2 },
    sketch: { routes: [{ isStream: true }] },
  })
  for (let i = 0; i < 4; i++) {
    world.ask()
    await world.run(20 * (i + 1))
  }
  t.equal(doorOf(world).streams, 2)
  t.equal(doorOf(world).admission.inUse, 2)
  await world.run(5_000)
  t.strictSame(world.broken(), [])
})

test('S27: readers that are slow give their permits back, and their time is nobody\'s latency', async (t) => {
  const world = worldWith({ upstream: { bodyMs: 60_000 } })
  const sent = watch(world)
  for (let i = 0; i < 3; i++) world.ask()
  await world.run(20)
  for (const attempt of sent) attempt.turn('idle')
  const early = world.ask()
  await world.run(60)
  t.equal(early.status, 0, 'they may only have paused')
  await world.run(140)
  t.equal(doorOf(world).streams, 3)
  t.equal(early.headAt, 130, 'the next one goes a hundred ms after they stopped reading, when its service begins')
  await world.run(200_000)
  t.strictSame(world.broken(), [])
})

test('S27: time in which the upstream waits for a reader is kept out of what the limit learns', async (t) => {
  const world = worldWith({ limit: {}, upstream: { serviceMs: () => 10, bodyMs: 5_000 } })
  const sent = watch(world)
  world.ask()
  await world.run(15)
  sent[0]?.turn('idle')
  world.upstream.behaviour.bodyMs = 0
  for (let i = 0; i < 200; i++) {
    world.ask()
    await world.run(15 + 11 * (i + 1))
  }
  const { baselineMs } = doorOf(world).admission.limit
  t.ok(Math.abs(baselineMs - 10) < 1, `${baselineMs}`)
  await world.run(20_000)
  t.strictSame(world.broken(), [])
})

test('S28: an upload that takes its time gives its permit back, and gets it again when it is complete', async (t) => {
  const world = worldWith({ upstream: { mode: 'hang' } })
  const sent = watch(world)
  for (let i = 0; i < 3; i++) world.ask({ method: 'POST' })
  await world.run(0)
  for (const attempt of sent) attempt.turn('idle')
  await world.run(150)
  const other = world.ask()
  await world.run(151)
  t.equal(sent.length, 4, 'the next one is let in')
  t.equal(doorOf(world).streams, 3)
  sent[0]?.turn('busy')
  t.equal(doorOf(world).streams, 2)
  t.equal(doorOf(world).admission.inUse, 2)
  other.leave()
  for (const caller of world.callers) caller.leave()
  await world.run(5_000)
  t.equal(doorOf(world).admission.inUse, 0)
  t.equal(doorOf(world).streams, 0)
  t.strictSame(world.broken(), [])
})

test('S28: uploads that never end teach the limit nothing, however they are ended', async (t) => {
  const world = worldWith({ limit: { initial: 8, min: 1, max: 100 }, upstream: { serviceMs: () => 10 } })
  const sent = watch(world)
  for (let i = 0; i < 200; i++) {
    world.ask()
    await world.run(11 * (i + 1))
  }
  world.upstream.behaviour.mode = 'hang'
  for (let i = 0; i < 10; i++) {
    const slow = world.ask({ method: 'POST' })
    const attempt = sent.at(-1)
    await world.run(3000 + 300 * i)
    attempt?.turn('idle')
    await world.run(3000 + 300 * i + 250)
    slow.leave()
    t.match(attempt, { row: 'cut-early', lesson: { brake: 'no', sample: 'no' } })
  }
})

test('S22: what is sent again waits for nobody\'s permit and goes before nobody', async (t) => {
  const world = worldWith({ limit: { initial: 1, min: 1, max: 1 }, upstream: { mode: 'hang' } })
  world.ask()
  await world.run(0)
  const { admission } = doorOf(world)
  const waiting = world.ask()
  await world.run(1)
  t.equal(admission.line.length, 1)
  t.equal(admission.tryTake(admission.group('', 1), 1), false)
  waiting.leave()
  t.equal(admission.line.length, 0)
})

test('what the limit is and what an answer takes can be read', async (t) => {
  const world = worldWith({ upstream: { serviceMs: () => 20 } })
  for (let i = 0; i < 30; i++) {
    world.ask()
    await world.run(25 * (i + 1))
  }
  t.equal(metric(world, 'seawall_limit', { upstream: 'service' }), 3)
  t.ok(Math.abs(metric(world, 'seawall_limit_baseline_seconds') - 0.02) < 0.004)
  t.match(figuresOf(doorOf(world)), { limit: 3, phase: 'cruise', streams: 0, ghosts: 0, queuedBytes: 0 })
})
