// How learned limits are known to fail, each as a run in virtual time. The experiments of bench/simulations compare
// designs; these only hold the one that is used to what it promises.

import { test } from 'tap'
import { ProbingLimit } from '../../../proxy/algorithms/probing-limit.ts'
import { exponentialOf, lognormalOf, always } from './samplers.ts'
import { SlotPlant } from './plants.ts'
import { bursts } from './population.ts'
import { play } from '../../../bench/simulations/world.ts'
import type { Scene } from '../../../bench/simulations/world.ts'
import type { Sidecar } from './sidecar.ts'

const seeds = [1, 2, 3]
const probing = (initial = 10): ProbingLimit => new ProbingLimit({ initial, min: 2, max: 1024, minWindowMs: 20 })

interface Setup {
  readonly slots: number
  readonly meanMs: number
  readonly rateAt: (now: number) => number
  readonly untilMs: number
  readonly deadlineMs?: number
  readonly work?: 'exponential' | 'even' | 'uneven'
}

function scene(setup: Setup, rest: Partial<Scene> = {}): Scene {
  const { slots, meanMs, rateAt, untilMs, deadlineMs = 500, work = 'exponential' } = setup
  return {
    untilMs,
    plant: (schedule) => new SlotPlant(schedule, slots),
    callers: (streams) => [{
      sampler: work === 'even' ? always(meanMs)
        : work === 'uneven' ? lognormalOf(streams('work'), meanMs, 2) : exponentialOf(streams('work'), meanMs),
      rateAt, deadlineMs,
    }],
    ...rest,
  }
}

const slotsOf = (sidecar: Sidecar): SlotPlant => sidecar.plant as SlotPlant

test('F1: a load just over the capacity does not let the limit creep upwards', async (t) => {
  const hour = scene({ slots: 12, meanMs: 120, rateAt: () => 105, untilMs: 3_600_000, deadlineMs: 2000 })
  const wanderers: number[] = []
  for (let seed = 1; seed <= 16; seed++) {
    const { tally } = play(hour, probing(), seed)
    const late = tally.between(1800, 3600)
    t.ok(late.goodput > 0.95 * 100, `seed ${seed}: ${late.goodput} a second`)
    if (late.meanLimit > 25) wanderers.push(late.meanLimit)
  }
  // It settles at 17 to 20; of 60 runs seven wander up within the hour, to several times that, at the same goodput: a
  // trial has seemed to help by chance, and a limit that does not bind is not probed.
  t.ok(wanderers.length <= 4, `late limits of those that wandered: ${wanderers.join(', ')}`)
})

test('F2: where all attempts time out the limit goes to the least there is, and comes back', async (t) => {
  for (const seed of seeds) {
    const patient = { slots: Infinity, meanMs: 50, rateAt: () => 100, deadlineMs: Infinity, work: 'even' } as const
    const run = play(scene({ ...patient, untilMs: 90_000 }, {
      options: { attemptTimeoutMs: 5000 },
      script: (schedule, plant) => {
        schedule.call(10_000, () => { (plant as SlotPlant).slowness = 1e4 })
        schedule.call(60_000, () => { (plant as SlotPlant).slowness = 1 })
      },
    }), probing(), seed)
    t.ok((run.tally.limitBySecond()[50] as number) <= 3, `seed ${seed}: ${run.tally.limitBySecond()[50]} after 40 s`)
    t.ok(run.tally.between(75, 90).goodput > 90, `seed ${seed}: ${run.tally.between(75, 90).goodput} a second again`)
    t.equal(slotsOf(run).slots, Infinity)
  }
})

test('F3: a baseline that was learned under overload is found out', async (t) => {
  for (const seed of seeds) {
    const thread = scene({ slots: 1, meanMs: 5, rateAt: () => 1000, untilMs: 30_000, work: 'even' })
    const run = play(thread, probing(200), seed)
    const { p99Ms, goodput, meanLimit } = run.tally.between(10, 30)
    t.ok(p99Ms <= 150, `seed ${seed}: p99 ${p99Ms} ms`)
    t.ok(goodput > 195, `seed ${seed}: ${goodput} a second`)
    t.ok(meanLimit < 8, `seed ${seed}: limit ${meanLimit}`)
  }
})

test('F4: probing costs next to nothing', async (t) => {
  for (const seed of seeds) {
    const run = play(scene({ slots: 8, meanMs: 20, rateAt: () => 800, untilMs: 60_000 }), probing(), seed)
    const { goodput } = run.tally.between(5, 60)
    t.ok(goodput > 0.97 * 400, `seed ${seed}: ${goodput} of 400 a second`)
  }
})

test('F5: a slow dependency is no overload: more is let in, and after 3 s nothing is refused', async (t) => {
  for (const seed of seeds) {
    const even = { slots: Infinity, meanMs: 50, rateAt: () => 100, deadlineMs: 2000, work: 'even' } as const
    const run = play(scene({ ...even, untilMs: 150_000 }, {
      script: (schedule, plant) => {
        schedule.call(30_000, () => { (plant as SlotPlant).slowness = 10 })
        schedule.call(90_000, () => { (plant as SlotPlant).slowness = 1 })
      },
    }), probing(), seed)
    const refused = run.tally.refusedBySecond().slice(33, 150).reduce((a, b) => a + b, 0)
    t.equal(refused, 0, `seed ${seed}: ${refused} refused after the first 3 s`)
    t.ok((run.tally.limitBySecond()[149] as number) < 100, `seed ${seed}: the limit is kept near the need`)
  }
})

test('F6, F14: a tenth of quick errors, whatever the load, neither raises the limit nor starves it', async (t) => {
  for (const seed of seeds) {
    const run = play(scene({ slots: 8, meanMs: 20, rateAt: () => 280, untilMs: 60_000 }, {
      options: { faultRatio: () => 0.1 },
    }), probing(), seed)
    const { refusedOnArrival, refusedFromLine, maxLimit } = run.tally.between(20, 60)
    t.ok(refusedOnArrival + refusedFromLine < 0.03, `seed ${seed}: ${refusedOnArrival + refusedFromLine} refused`)
    t.ok(maxLimit < 40, `seed ${seed}: limit ${maxLimit}`)
  }
})

test('F7: half the capacity and all of it again: full goodput within 2 s, both ways', async (t) => {
  for (const seed of seeds) {
    const run = play(scene({ slots: 16, meanMs: 40, rateAt: () => 320, untilMs: 90_000, deadlineMs: 1000 }, {
      script: (schedule, plant) => {
        schedule.call(30_000, (now) => { (plant as SlotPlant).resize(8, now) })
        schedule.call(60_000, (now) => { (plant as SlotPlant).resize(16, now) })
      },
    }), probing(), seed)
    const halved = run.tally.between(32, 60).goodput
    const restored = run.tally.between(62, 90)
    t.ok(halved > 0.95 * 200, `seed ${seed}: ${halved} of 200 a second`)
    t.ok(restored.goodput > 0.97 * restored.offered, `seed ${seed}: ${restored.goodput} of ${restored.offered}`)
    t.ok(run.tally.between(32, 34).goodput > 0.85 * 200, `seed ${seed}: at once`)
  }
})

test('F8: in front of a single thread the limit goes down to two', async (t) => {
  for (const seed of seeds) {
    const run = play(scene({ slots: 1, meanMs: 5, rateAt: () => 1000, untilMs: 60_000, work: 'even' }), probing(), seed)
    const { meanLimit, goodput } = run.tally.between(40, 60)
    t.ok(meanLimit < 5, `seed ${seed}: limit ${meanLimit}`)
    t.ok(goodput > 198, `seed ${seed}: ${goodput} a second`)
  }
})

test('F9: two quiet hours with a few quick requests do not hold back what comes then', async (t) => {
  for (const seed of seeds) {
    const run = play({
      untilMs: 80_000,
      plant: (schedule) => new SlotPlant(schedule, 8),
      callers: (streams) => [
        { sampler: always(0.2), rateAt: (now) => now < 60_000 ? 2 : 0, deadlineMs: 500 },
        { sampler: exponentialOf(streams('work'), 20), rateAt: (now) => now > 60_000 ? 320 : 0, deadlineMs: 500 },
      ],
    }, probing(), seed)
    const { goodput, offered } = run.tally.between(63, 80)
    t.ok(goodput > 0.95 * offered, `seed ${seed}: ${goodput} of ${offered} a second`)
  }
})

test('F10: an upstream that stalls for 2 s and goes on is served in full 3 s later', async (t) => {
  for (const seed of seeds) {
    const run = play(scene({ slots: 8, meanMs: 40, rateAt: () => 180, untilMs: 60_000, deadlineMs: 300 }, {
      script: (schedule, plant) => {
        schedule.call(30_000, () => { (plant as SlotPlant).isStalled = true })
        schedule.call(32_000, (now) => { (plant as SlotPlant).isStalled = false; (plant as SlotPlant).nudge(now) })
      },
    }), probing(), seed)
    const { goodput, offered } = run.tally.between(35, 60)
    t.ok(goodput > 0.9 * offered, `seed ${seed}: ${goodput} of ${offered} a second`)
  }
})

test('F11: uneven work at 0.7 of the capacity is not mistaken for overload', async (t) => {
  for (const seed of seeds) {
    const run = play(scene({
      slots: 16, meanMs: 20, rateAt: () => 560, untilMs: 60_000, deadlineMs: 2000, work: 'uneven',
    }), probing(), seed)
    const { refusedOnArrival, refusedFromLine } = run.tally.between(10, 60)
    t.ok(refusedOnArrival + refusedFromLine < 0.05, `seed ${seed}: ${refusedOnArrival + refusedFromLine} refused`)
  }
})

test('F12: a limit that is much too low rises from the least there is', async (t) => {
  for (const seed of seeds) {
    const run = play(scene({ slots: 64, meanMs: 50, rateAt: () => 3840, untilMs: 20_000 }), probing(2), seed)
    const { goodput } = run.tally.between(10, 20)
    t.ok(goodput > 0.95 * 1280, `seed ${seed}: ${goodput} of 1280 a second`)
  }
})

test('batches that come at once, at half the capacity, are worked off and not refused', async (t) => {
  for (const seed of seeds) {
    const batches: Scene = {
      untilMs: 60_000,
      plant: (schedule) => new SlotPlant(schedule, 8),
      callers: (streams) => [
        { sampler: exponentialOf(streams('work'), 20), rateAt: () => 200, batch: 50, deadlineMs: 500 },
      ],
    }
    const { refusedOnArrival, refusedFromLine, p99Ms } = play(batches, probing(), seed).tally.between(10, 60)
    t.ok(refusedOnArrival + refusedFromLine < 0.15, `seed ${seed}: ${refusedOnArrival + refusedFromLine} refused`)
    t.ok(refusedFromLine < 0.001 && p99Ms < 500, `seed ${seed}: ${refusedFromLine} from the line, p99 ${p99Ms} ms`)
  }
})

test('F13: capacity that no processor shows is found all the same', async (t) => {
  // Slots stand for a pool of connections or locks: nothing in this limit reads a processor.
  for (const seed of seeds) {
    const pool = scene({ slots: 3, meanMs: 100, rateAt: () => 150, untilMs: 60_000, deadlineMs: 2000 })
    const run = play(pool, probing(), seed)
    const { goodput, p99Ms } = run.tally.between(20, 60)
    t.ok(goodput > 0.93 * 30, `seed ${seed}: ${goodput} of 30 a second`)
    t.ok(p99Ms < 1300, `seed ${seed}: p99 ${p99Ms} ms`)
  }
})

test('who starts under its usual load is refused a part of its first second, and nothing after', async (t) => {
  for (const seed of seeds) {
    const start = { slots: 64, meanMs: 100, rateAt: () => 512, untilMs: 10_000, deadlineMs: 3000 }
    const refused = play(scene(start), probing(), seed).tally.refusedBySecond()
    t.ok((refused[0] as number) < 0.4 * 512, `seed ${seed}: ${refused[0]} in the first second`)
    const later = refused.slice(1).reduce((a, b) => a + b, 0)
    t.ok(later < 0.002 * 9 * 512, `seed ${seed}: ${later} later`)
  }
})

test('under five times its capacity from the start a service does nine tenths of it in its first second', async (t) => {
  const cold = (seed: number): number => {
    const eight = { slots: 8, meanMs: 20, rateAt: () => 2000, untilMs: 3000 }
    return play(scene(eight), probing(), seed).tally.between(0, 1).goodput
  }
  const mean = [1, 2, 3, 4, 5, 6, 7, 8].reduce((sum, seed) => sum + cold(seed) / 8, 0)
  t.ok(mean >= 0.9 * 400, `${mean} of 400`)
})

test('after 5 s of standing still, with callers who try three times, all is served again 3 s later', async (t) => {
  for (const seed of seeds) {
    const run = play({
      untilMs: 40_000,
      plant: (schedule) => new SlotPlant(schedule, 8),
      callers: (streams) => [{
        sampler: exponentialOf(streams('work'), 40), rateAt: () => 180, deadlineMs: 300, maxAttempts: 3,
      }],
      script: (schedule, plant) => {
        schedule.call(20_000, () => { (plant as SlotPlant).isStalled = true })
        schedule.call(25_000, (now) => { (plant as SlotPlant).isStalled = false; (plant as SlotPlant).nudge(now) })
      },
    }, probing(), seed)
    const { goodput } = run.tally.between(28, 33)
    t.ok(goodput > 0.9 * 180, `seed ${seed}: ${goodput} of 180 a second`)
  }
})

test('while the limit does not bind, a tenth of failures does not make it refuse anybody', async (t) => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const quarter = { slots: 8, meanMs: 20, rateAt: () => 100, untilMs: 60_000 }
    const faulty = scene(quarter, { options: { faultRatio: () => 0.1 } })
    const { refusedOnArrival, refusedFromLine } = play(faulty, probing(), seed).tally.between(2, 60)
    const refused = refusedOnArrival + refusedFromLine
    t.ok(refused < 0.002, `seed ${seed}: ${100 * refused} %`)
  }
})

test('bursts before slow work do not leave the limit at its first guess', async (t) => {
  // It binds for a half of the time at most: while a burst lasts, and not while what it left is worked off.
  const rateAt = bursts(2.4 * 64, 1000, 0, 2000)
  for (const seed of seeds) {
    const run = play(scene({ slots: 64, meanMs: 1000, rateAt, untilMs: 240_000, deadlineMs: 25_000 }), probing(), seed)
    const late = run.tally.between(120, 240)
    // A third of 154 a second can be had; at the first guess it is 7.
    t.ok(late.goodput > 0.9 * 0.8 * 64, `seed ${seed}: ${late.goodput} a second, limit ${late.meanLimit}`)
  }
})
