import { EventEmitter } from 'node:events'
import { test } from 'tap'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import type { Announcement } from '../core/announce.ts'
import { House } from '../core/house.ts'
import { createDrain } from './drain.ts'
import type { Drain, DrainResult, DrainTimes } from './drain.ts'
import { shutDown } from './shutdown.ts'
import { isFromTerminal, onSignals } from './signals.ts'

interface World {
  readonly clock: VirtualClock
  readonly house: House
  readonly drain: Drain
  readonly announced: Announcement[]
  /** When the last call was made. */
  readonly calledAt: number[]
  /** Whether the service accepts connections, and how often that was asked. */
  readonly service: { isGone: boolean; asked: number }
  result: DrainResult | null
}

function worldOf(times: Partial<DrainTimes> = {}): World {
  const clock = new VirtualClock()
  const house = new House()
  const announced: Announcement[] = []
  const calledAt: number[] = []
  const service = { isGone: false, asked: 0 }
  const drain = createDrain({
    house, clock, times: () => ({ delayMs: 5000, timeoutMs: 25_000, egressQuietMs: 0, ...times }),
    announce: (announcement) => { announced.push(announcement) }, inFlight: () => house.inFlight,
    turnAway: () => { calledAt.push(clock.now()) },
    isServiceGone: async () => {
      service.asked++
      return service.isGone
    },
  })
  const world: World = { clock, house, drain, announced, calledAt, service, result: null }
  void drain.finished.then((result) => { world.result = result })
  return world
}

test('it leaves for the delay, refuses until nothing is in flight, lingers and is finished', async (t) => {
  const world = worldOf()
  const { clock, house, drain } = world
  house.inFlight = 2
  await clock.run(100)
  t.equal(drain.begin('SIGTERM'), true)
  t.strictSame([drain.phase, house.phase], ['leaving', 'leaving'])
  await clock.run(5099)
  t.equal(house.phase, 'leaving', 'the delay counts from the signal')
  await clock.run(5100)
  t.strictSame([drain.phase, house.phase], ['refusing', 'refusing'])
  await clock.run(9000)
  house.inFlight = 0
  await clock.run(9025)
  t.equal(drain.phase, 'lingering')
  await clock.run(9025 + 224)
  t.equal(world.result, null, 'idle connections are answered for 250 ms more')
  await clock.run(9025 + 250)
  t.equal(drain.phase, 'finished')
  t.equal(world.result?.cut, 0)
  t.equal(clock.pending, 0, 'no timer is left')
  t.strictSame(world.announced.map(({ what }) => what), ['drain-started', 'drain-finished'])
})

test('the timeout counts from the signal, closing included, and it says how much is cut', async (t) => {
  const world = worldOf()
  world.house.inFlight = 3
  world.drain.begin('SIGTERM')
  t.equal(world.house.cutAt, 24_500)
  await world.clock.run(24_499)
  t.strictSame(world.calledAt, [24_000], 'who waited was told while there was time for it')
  t.equal(world.result, null)
  await world.clock.run(24_500)
  t.strictSame(world.result, { durationMs: 24_500, cut: 3, closeMs: 500 })
  t.strictSame(world.drain.figures(), { phase: 'finished', seconds: 24.5, cut: 3 })
  t.equal(world.clock.pending, 0)
})

test('a timeout shorter than the delay ends it all the same', async (t) => {
  const world = worldOf({ delayMs: 5000, timeoutMs: 1000 })
  world.drain.begin('SIGTERM')
  await world.clock.run(1000)
  t.strictSame(world.result, { durationMs: 900, cut: 0, closeMs: 100 })
  await world.clock.run(6000)
  t.equal(world.drain.phase, 'finished', 'a late timer moves nothing')
  t.equal(world.house.phase, 'refusing')
})

test('without a delay it refuses at once, and an idle instance is gone in a quarter of a second', async (t) => {
  const world = worldOf({ delayMs: 0 })
  world.drain.begin('SIGINT')
  t.equal(world.house.phase, 'refusing')
  await world.clock.run(250)
  t.strictSame(world.result, { durationMs: 250, cut: 0, closeMs: 24_750 })
})

test('with egress it waits until no call of the service has been open for a second', async (t) => {
  const world = worldOf({ delayMs: 0, egressQuietMs: 1000 })
  const { clock, house, drain } = world
  house.inFlight = 1
  drain.begin('SIGTERM')
  await clock.run(100)
  house.inFlight = 0
  await clock.run(900)
  t.equal(drain.phase, 'lingering')
  // A call begins and ends between two looks, and another one is open for a while.
  house.entered++
  await clock.run(1800)
  t.equal(world.result, null, 'the second begins anew')
  house.entered++
  house.inFlight = 1
  await clock.run(2000)
  t.equal(drain.phase, 'refusing')
  house.inFlight = 0
  await clock.run(2950)
  t.equal(world.result, null)
  await clock.run(3025)
  t.equal(world.result?.cut, 0)
  t.equal(clock.pending, 0)
})

test('with egress it is over as soon as the service accepts nothing more, and never before the work is', async (t) => {
  const world = worldOf({ delayMs: 0, egressQuietMs: 1000 })
  const { clock, house, drain, service } = world
  house.inFlight = 1
  service.isGone = true
  drain.begin('SIGTERM')
  await clock.run(2000)
  t.equal(world.result, null, 'a service that ends takes no connections, and finishes what it has')
  house.inFlight = 0
  await clock.run(2300)
  t.ok((world.result?.durationMs ?? Infinity) <= 2300)
  t.ok(service.asked <= 2)
})

test('quiet before it refuses counts: an idle instance leaves as early with egress as without', async (t) => {
  const world = worldOf({ egressQuietMs: 1000 })
  world.drain.begin('SIGTERM')
  await world.clock.run(5250)
  t.equal(world.result?.durationMs, 5250)
})

test('who only waits for another try is woken when it refuses, once', async (t) => {
  const world = worldOf()
  let woken = 0
  world.house.sleepers.add(() => { woken++ })
  world.house.inFlight = 1
  world.drain.begin('SIGTERM')
  await world.clock.run(4_999)
  t.equal(woken, 0, 'while it serves there is time')
  await world.clock.run(5_000)
  t.equal(woken, 1)
  await world.clock.run(30_000)
  t.equal(woken, 1)
})

test('what comes in by right while it lingers is waited for', async (t) => {
  const world = worldOf({ delayMs: 0 })
  world.drain.begin('SIGTERM')
  await world.clock.run(100)
  world.house.inFlight = 1
  await world.clock.run(1000)
  t.equal(world.drain.phase, 'refusing')
  world.house.inFlight = 0
  await world.clock.run(1500)
  t.equal(world.result?.cut, 0)
  t.ok((world.result?.durationMs ?? 0) >= 1250)
})

test('a second signal ends it now; a drain begins once', async (t) => {
  const world = worldOf()
  world.house.inFlight = 1
  world.drain.begin('SIGTERM')
  t.equal(world.drain.begin('admin'), false)
  await world.clock.run(10)
  world.drain.hurry('SIGTERM')
  world.drain.hurry('SIGTERM')
  await world.clock.run(20)
  t.strictSame(world.result, { durationMs: 10, cut: 1, closeMs: 1000 })
  t.strictSame(world.calledAt, [10], 'who waits is told all the same')
  t.equal(world.announced.filter(({ what }) => what === 'drain-finished').length, 1)
})

test('figures are zero while it serves', async (t) => {
  const { clock, drain } = worldOf()
  await clock.run(5000)
  t.strictSame(drain.figures(), { phase: 'serving', seconds: 0, cut: 0 })
  drain.begin('SIGTERM')
  await clock.run(6500)
  t.strictSame(drain.figures(), { phase: 'leaving', seconds: 1.5, cut: 0 })
})

test('the first SIGTERM or SIGINT stops, every later one stops now, SIGHUP reloads', async (t) => {
  const source = new EventEmitter()
  const seen: string[] = []
  const remove = onSignals(source, {
    stop: (signal) => { seen.push(`stop ${signal}`) },
    stopNow: (signal) => { seen.push(`now ${signal}`) },
    reload: () => { seen.push('reload') },
  })
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGINT']) source.emit(signal, signal)
  t.strictSame(seen, ['reload', 'stop SIGINT', 'now SIGTERM', 'now SIGINT'])
  remove()
  t.equal(['SIGHUP', 'SIGINT', 'SIGTERM'].reduce((sum, name) => sum + source.listenerCount(name), 0), 0)
  t.type(isFromTerminal(), 'boolean')
})

test('a shutdown takes every step in order, also past one that throws and one that hangs', async (t) => {
  const clock = new VirtualClock()
  const taken: string[] = []
  const announced: Announcement[] = []
  const over = shutDown([
    { name: 'a', close: () => { taken.push('a') } },
    { name: 'b', close: () => { throw new Error('broken') } },
    { name: 'c', close: () => new Promise(() => { taken.push('c') }) },
    { name: 'd', close: async () => { taken.push('d') } },
  ], { clock, withinMs: 5000, announce: (announcement) => { announced.push(announcement) } })
  await clock.run(2000)
  t.equal(await over, false)
  t.strictSame(taken, ['a', 'c', 'd'])
  t.match(announced, [{ where: 'shutdown of b' }, { where: 'shutdown of c', error: /1000 ms/ }])
  t.equal(await shutDown([{ name: 'a', close() {} }], { clock, withinMs: 10, announce() {} }), true)
})

test('a shutdown keeps its time: behind a step that hangs the others have little, and have it', async (t) => {
  const clock = new VirtualClock()
  const taken: string[] = []
  const over = shutDown([
    { name: 'a', close: () => new Promise(() => {}) },
    { name: 'b', close: () => new Promise(() => { taken.push('b') }) },
    { name: 'c', close: () => { taken.push('c') } },
  ], { clock, withinMs: 200, announce() {} })
  await clock.run(260)
  t.equal(await over, false)
  t.strictSame(taken, ['b', 'c'])
})
