// The slots against what queueing theory and plain counting say of them, in virtual time.
import { test } from 'tap'
import { arrivalOffsets } from '../generator/schedule.ts'
import { exponentialTimes } from './service-times.ts'
import { SlotLine } from './slot-line.ts'

test('a saturated line finishes exactly its capacity, even when it is turned late', async (t) => {
  for (const everyMs of [1, 7.3, 33]) {
    const line = new SlotLine({ slots: 8, meanMs: 20, nextTime: exponentialTimes(3) })
    let finished = 0
    for (let i = 0; i < 10_000; i++) line.arrive(() => { finished++ }, 0)
    for (let nowMs = 0; nowMs <= 10_000; nowMs += everyMs) line.advance(nowMs)
    // 400 a second for 10 s, give or take what stands in the slots.
    t.ok(Math.abs(finished - 4000) <= 20, `turned every ${everyMs} ms: ${finished} finished`)
    t.equal(line.inService, 8)
    t.equal(line.inService + line.queued + finished, 10_000)
  }
})

test('jobs begin in the order they came', async (t) => {
  const line = new SlotLine({ slots: 2, meanMs: 10, nextTime: () => 1 })
  const order: number[] = []
  for (let job = 0; job < 6; job++) line.arrive(() => order.push(job), job)
  line.advance(1_000)
  t.strictSame(order, [0, 1, 2, 3, 4, 5])
})

test('a single slot with Poisson arrivals makes callers wait as theory says', async (t) => {
  const meanMs = 10
  const lengthMs = 2_000_000
  for (const seed of [1, 2]) {
    const line = new SlotLine({ slots: 1, meanMs, nextTime: exponentialTimes(seed) })
    let nowMs = 0
    let sumMs = 0
    let count = 0
    const offsets = arrivalOffsets({ arrivals: 'poisson', ratePerSecond: 50, lengthMs, seed: seed + 100 })
    for (const offset of offsets) {
      // Turned at each end, so that `nowMs` is when the answer is there.
      for (; line.nextEndMs <= offset; line.advance(nowMs)) nowMs = line.nextEndMs
      line.arrive(() => {
        sumMs += nowMs - offset
        count++
      }, offset)
    }
    // M/M/1 at half its load: 1 / (μ − λ) = 20 ms.
    const ratio = sumMs / count / 20
    t.ok(ratio > 0.95 && ratio < 1.05, `seed ${seed}: mean ${sumMs / count} ms of 20`)
  }
})

test('slots that come and go change the pace at once, and never cut work that has begun', async (t) => {
  const line = new SlotLine({ slots: 4, meanMs: 10, nextTime: () => 1 })
  let finished = 0
  for (let i = 0; i < 1000; i++) line.arrive(() => { finished++ }, 0)
  line.change({ slots: 2 }, 105)
  t.equal(finished, 40)
  t.equal(line.inService, 4)
  line.advance(205)
  t.equal(finished, 40 + 4 + 18)
  line.change({ slots: 4 }, 205)
  t.equal(line.inService, 4)
  line.change({ meanMs: 100 }, 206)
  line.advance(1_000)
  t.ok(Math.abs(finished - 62 - 4 * 8) <= 4, `${finished} finished`)
})

test('service times have the mean and the spread of an exponential distribution in every block', async (t) => {
  const next = exponentialTimes(9)
  for (let block = 0; block < 5; block++) {
    const values = Array.from({ length: 200 }, next)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
    t.ok(Math.abs(mean - 1) < 1e-9, `mean ${mean}`)
    t.ok(variance > 0.9 && variance < 1.1, `variance ${variance}`)
  }
  const [first, again] = [exponentialTimes(5), exponentialTimes(5)]
  t.strictSame(Array.from({ length: 300 }, first), Array.from({ length: 300 }, again))
})
