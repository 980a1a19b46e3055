// What the learned limit and its line must reach together, and that these runs can tell: limits that never learn fail
// at least one of the same criteria.

import { test } from 'tap'
import type { Limit } from '../../../proxy/algorithms/limit.ts'
import { ProbingLimit } from '../../../proxy/algorithms/probing-limit.ts'
import { playTenMinutes } from '../../../bench/simulations/ten-minutes.ts'
import { play } from '../../../bench/simulations/world.ts'
import type { Scene } from '../../../bench/simulations/world.ts'
import { FixedLimit, FrozenLimit } from './limits/static-limits.ts'
import { SlotPlant } from './plants.ts'
import { always, exponentialOf } from './samplers.ts'

const probing = (initial = 10): ProbingLimit => new ProbingLimit({ initial, min: 2, max: 1024, minWindowMs: 20 })

function eightSlots(load: number): Scene {
  return {
    untilMs: 60_000,
    plant: (schedule) => new SlotPlant(schedule, 8),
    callers: (streams) => [{
      sampler: exponentialOf(streams('work'), 20), rateAt: (now) => now < 10_000 ? 280 : 400 * load, deadlineMs: 500,
    }],
  }
}

for (const [load, share, p99Ms] of [[2, 0.98, 150], [5, 0.97, 150], [10, 0.95, 200]] as const) {
  void test(`at ${load} times the load goodput is ${share} of the best static limit, p99 ${p99Ms} ms`, async (t) => {
    const seeds = [1, 2, 3, 4, 5]
    const mean = (make: () => Limit): number => seeds.reduce((sum, seed) =>
      sum + play(eightSlots(load), make(), seed).tally.between(12, 60).goodput, 0) / seeds.length
    const best = Math.max(...[8, 10, 12].map((limit) => mean(() => new FixedLimit(limit, 20))))
    const learned = mean(probing)
    t.ok(learned >= share * best, `${learned} of ${best} a second`)
    for (const seed of seeds) {
      const figures = play(eightSlots(load), probing(), seed).tally.between(12, 60)
      t.ok(figures.p99Ms <= p99Ms, `seed ${seed}: p99 ${figures.p99Ms} ms`)
      const refused = figures.refusedOnArrival + figures.refusedFromLine
      const fromLine = figures.refusedFromLine / refused
      t.ok(fromLine <= 0.01, `seed ${seed}: ${fromLine} of the refusals came from the line`)
      t.ok(figures.p99LineRefusalMs <= 105, `seed ${seed}: refused from the line after ${figures.p99LineRefusalMs} ms`)
      t.ok(figures.late <= 0.001, `seed ${seed}: ${figures.late} served for nobody`)
    }
  })
}

test('limits that do not learn fail where the learned one passes', async (t) => {
  const slow: Scene = {
    untilMs: 60_000,
    plant: (schedule) => new SlotPlant(schedule, Infinity),
    callers: () => [{ sampler: always(50), rateAt: () => 100, deadlineMs: 2000 }],
    script: (schedule, plant) => schedule.call(30_000, () => { (plant as SlotPlant).slowness = 10 }),
  }
  const passes = (make: () => Limit): boolean => {
    const crowd = play(eightSlots(5), make(), 1).tally.between(12, 60)
    const patience = play(slow, make(), 1).tally.between(33, 60)
    return crowd.goodput > 380 && crowd.p99Ms < 150 && patience.refusedOnArrival + patience.refusedFromLine < 0.001
  }
  t.equal(passes(probing), true, 'the learned limit')
  t.equal(passes(() => new FrozenLimit(10)), false, 'frozen at the first limit')
  t.equal(passes(() => new FrozenLimit(2)), false, 'always the least')
  t.equal(passes(() => new FrozenLimit(1024)), false, 'always the most')
})

test('sixteen times slower, with clamps to match, is the same run', async (t) => {
  // A power of two, so that scaling a time is exact.
  const run = (scale: number): string => {
    const limit = new ProbingLimit({ initial: 10, min: 2, max: 1024, minWindowMs: 20 * scale })
    const trace: string[] = []
    const scene: Scene = {
      untilMs: 20_000 * scale,
      plant: (schedule) => new SlotPlant(schedule, 8),
      callers: (streams) => [{
        sampler: exponentialOf(streams('work'), 20 * scale), deadlineMs: 500 * scale,
        rateAt: (now) => (now < 5000 * scale ? 280 : 1200) / scale,
      }],
      options: { bounds: { factor: 3, minMs: 20 * scale, maxMs: 500 * scale } },
      script: (schedule) => {
        for (let i = 1; i < 200; i++) schedule.call(100 * i * scale, () => trace.push(limit.limit.toFixed(6)))
      },
    }
    play(scene, limit, 1)
    return trace.join(' ')
  }
  t.equal(run(16), run(1))
})

test('a spike of sheddable requests leaves critical ones alone, and is itself served with what is left', async (t) => {
  for (const seed of [1, 2, 3]) {
    const base = eightSlots(1)
    const at = (level: number, rateAt: (now: number) => number): Scene['callers'] => (streams) =>
      [{ sampler: exponentialOf(streams(`work ${level}`), 20), rateAt, deadlineMs: 500, level }]
    const critical = at(0, () => 200)
    const sheddable = at(2, (now) => now < 10_000 ? 100 : 1200)
    const both = play({ ...base, callers: (streams) => [...critical(streams), ...sheddable(streams)] }, probing(), seed)
    const alone = play({ ...base, callers: critical }, probing(), seed).tally.between(12, 60)
    const figures = both.tally.between(12, 60)
    const served = both.tally.servedAt(0, 12, 60)
    t.ok(served > 0.995, `seed ${seed}: ${served} of the critical ones served`)
    t.ok(figures.goodput > 0.95 * 400, `seed ${seed}: ${figures.goodput} a second in all`)
    t.ok(alone.goodput > 190)
  }
})

test('a slow route beside a quick one neither raises nor lowers what the quick one teaches', async (t) => {
  for (const seed of [1, 2, 3]) {
    const quick: Scene = {
      untilMs: 60_000,
      plant: (schedule) => new SlotPlant(schedule, Infinity),
      callers: () => [
        { sampler: always(10), rateAt: () => 500, deadlineMs: 2000, route: 0 },
        { sampler: always(500), rateAt: () => 10, deadlineMs: 2000, route: 1 },
      ],
    }
    const limit = probing()
    const run = play(quick, limit, seed)
    const { refusedOnArrival, refusedFromLine } = run.tally.between(10, 60)
    t.ok(refusedOnArrival + refusedFromLine < 0.001, `seed ${seed}: ${refusedOnArrival + refusedFromLine} refused`)
    t.ok(Math.abs(limit.baselineMs / 10 - 1) < 0.1, `seed ${seed}: baseline ${limit.baselineMs} ms`)
  }
})

test('callers that ask three times and leave early do not keep a recovered upstream down', async (t) => {
  for (const seed of [1, 2, 3]) {
    const storm: Scene = {
      untilMs: 60_000,
      plant: (schedule) => new SlotPlant(schedule, 8),
      callers: (streams) => [{
        sampler: exponentialOf(streams('work'), 40), rateAt: () => 180, deadlineMs: 300, maxAttempts: 3,
      }],
      script: (schedule, plant) => {
        const slots = plant as SlotPlant
        schedule.call(20_000, () => { slots.isStalled = true })
        schedule.call(22_000, (now) => { slots.isStalled = false; slots.nudge(now) })
      },
    }
    const { goodput } = play(storm, probing(), seed).tally.between(26, 60)
    const byHand = play(storm, new FixedLimit(10, 40), seed).tally.between(26, 60).goodput
    t.ok(goodput > 0.95 * byHand, `seed ${seed}: ${goodput}, by hand ${byHand} a second`)
    t.ok(goodput > 0.9 * 180, `seed ${seed}: ${goodput} of 180 a second`)
  }
})

test('a sidecar whose own loop has to work for every request behaves the same', async (t) => {
  const figures = play({ ...eightSlots(5), turnMs: 0.05 }, probing(), 1).tally.between(12, 60)
  t.ok(figures.goodput > 385, `${figures.goodput} a second`)
  t.ok(figures.p99Ms < 150, `p99 ${figures.p99Ms} ms`)
})

test('ten minutes at a thousand a second take less than five seconds', async (t) => {
  const { seconds, requests, events } = playTenMinutes()
  t.ok(requests > 590_000 && events > 1_000_000, `${requests} requests, ${events} events`)
  t.ok(seconds < 5, `${seconds} s`)
})
