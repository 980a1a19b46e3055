// The fast simulator against what is known: it is believed elsewhere only because it agrees here. Set SIM_JOBS for
// longer runs; the tolerance narrows with the number of jobs.

import { test } from 'tap'
import type { Random } from '../../../proxy/core/random.ts'
import { seededRandom } from '../seeded-random.ts'
import { EventLoop } from './event-loop.ts'
import { CachePlant, DistantPlant, NodePlant, SharedPlant, SlotPlant, scalability } from './plants.ts'
import type { Job, Plant } from './plants.ts'
import { exponentialOf, lognormalOf } from './samplers.ts'
import type { Sampler } from './samplers.ts'
import { Schedule } from './schedule.ts'

const jobs = Number(process.env['SIM_JOBS'] ?? 300_000)
/** 2 % at a million jobs; the error of a mean goes with the root. */
const tolerance = 0.02 * Math.max(1, Math.sqrt(1e6 / jobs))

interface Seen { readonly meanMs: number; readonly p99Ms: number; readonly meanInside: number; readonly perMs: number }

/** Poisson arrivals at `perMs` into the plant; the first tenth is forgotten. */
function feed(plant: Plant, schedule: Schedule, arrivals: Random, sampler: Sampler, perMs: number, count = jobs): Seen {
  const times: number[] = []
  let area = 0
  let at = 0
  let from = 0
  const advance = (now: number): void => { area += plant.inside * (now - at); at = now }
  let come = 0
  const arrive = { happen: (now: number): void => {
    advance(now)
    if (++come === Math.floor(count / 10)) { area = 0; from = now; times.length = 0 }
    const job: Job & { workMs: number } = {
      workMs: sampler(),
      // The plant has counted it out before it says so: until now it was inside.
      finished: (end) => { area += (plant.inside + 1) * (end - at); at = end; times.push(end - now) },
    }
    plant.start(job, now)
    if (come < count) schedule.at(now + exponentialOf(arrivals, 1 / perMs)(), arrive)
  } }
  schedule.at(0, arrive)
  schedule.runUntil(Infinity)
  const lasted = at - from
  times.sort((a, b) => a - b)
  return {
    meanMs: times.reduce((a, b) => a + b, 0) / times.length,
    p99Ms: times[Math.floor(0.99 * times.length)] as number,
    meanInside: area / lasted,
    perMs: times.length / lasted,
  }
}

const isNear = (seen: number, known: number, allowed = tolerance): boolean => Math.abs(seen / known - 1) <= allowed

/** Probability of having to wait in front of c slots under the offered load a. */
function erlangC(c: number, a: number): number {
  let blocked = 1
  for (let k = 1; k <= c; k++) blocked = a * blocked / (k + a * blocked)
  return blocked / (1 - (a / c) * (1 - blocked))
}

for (const load of [0.5, 0.8]) {
  void test(`one slot at a load of ${load}: mean 1/(μ-λ), p99 ln 100 times that, and Little's law`, async (t) => {
    const schedule = new Schedule()
    const plant = new SlotPlant(schedule, 1)
    const seen = feed(plant, schedule, seededRandom(1, 'a'), exponentialOf(seededRandom(1, 's'), 1), load)
    const known = 1 / (1 - load)
    t.ok(isNear(seen.meanMs, known), `mean ${seen.meanMs}, theory ${known}`)
    t.ok(isNear(seen.p99Ms, Math.log(100) * known, 2 * tolerance), `p99 ${seen.p99Ms}`)
    t.ok(isNear(seen.meanInside, seen.perMs * seen.meanMs, 0.01), `${seen.meanInside} inside`)
  })
}

test('eight slots wait as long as Erlang says', async (t) => {
  for (const load of [0.7, 0.9]) {
    const schedule = new Schedule()
    const plant = new SlotPlant(schedule, 8)
    const seen = feed(plant, schedule, seededRandom(2, 'a'), exponentialOf(seededRandom(2, 's'), 8), load)
    const known = 8 + erlangC(8, 8 * load) / (1 - load)
    t.ok(isNear(seen.meanMs, known), `load ${load}: mean ${seen.meanMs}, theory ${known}`)
  }
})

test('one slot with uneven work waits as long as Pollaczek and Khinchine say', async (t) => {
  const schedule = new Schedule()
  const plant = new SlotPlant(schedule, 1)
  const seen = feed(plant, schedule, seededRandom(3, 'a'), lognormalOf(seededRandom(3, 's'), 1, 1), 0.6)
  const known = 1 + 0.6 * (1 + 1) / (2 * (1 - 0.6))
  t.ok(isNear(seen.meanMs, known, 2 * tolerance), `mean ${seen.meanMs}, theory ${known}`)
})

test('a shared core is fair: the mean does not depend on how uneven the work is', async (t) => {
  for (const sampler of [exponentialOf(seededRandom(4, 's'), 1), lognormalOf(seededRandom(4, 's'), 1, 1)]) {
    const schedule = new Schedule()
    const plant = new SharedPlant(schedule, (n) => Math.min(n, 1))
    const seen = feed(plant, schedule, seededRandom(4, 'a'), sampler, 0.7, jobs / 2)
    t.ok(isNear(seen.meanMs, 1 / 0.3, 2 * tolerance), `mean ${seen.meanMs}`)
  }
})

/** Keeps `n` jobs in the plant and says how many a ms come out. */
function throughputAt(plant: Plant, schedule: Schedule, sampler: Sampler, n: number, untilMs: number): number {
  let done = 0
  const again = (now: number): void => {
    plant.start({ workMs: sampler(), finished: (at) => { done++; again(at) } }, now)
  }
  for (let i = 0; i < n; i++) again(0)
  schedule.runUntil(untilMs)
  return done / untilMs
}

function scaledAt(n: number): number {
  const schedule = new Schedule()
  const plant = new SharedPlant(schedule, scalability(0.05, 0.002))
  return throughputAt(plant, schedule, exponentialOf(seededRandom(5, 's'), 10), n, 200_000)
}

test('the scalability law has its peak where it should and falls behind it', async (t) => {
  t.ok(isNear(scaledAt(22), scalability(0.05, 0.002)(22) / 10, 0.02), `${scaledAt(22)} a ms`)
  t.ok(scaledAt(5) < scaledAt(22) && scaledAt(100) < 0.8 * scaledAt(22))
})

function coupledAt(n: number): number {
  const schedule = new Schedule()
  return throughputAt(new SlotPlant(schedule, 4, 0.01), schedule, () => 10, n, 100_000)
}

test('work that is coupled to the line gets longer with it, a stalled plant begins nothing', async (t) => {
  t.ok(coupledAt(100) < 0.7 * coupledAt(8), `${coupledAt(8)} a ms with few, ${coupledAt(100)} with many`)
  const stalled = new SlotPlant(new Schedule(), 2)
  stalled.isStalled = true
  stalled.start({ workMs: 1, finished: () => t.fail('it is stalled') }, 0)
  t.equal(stalled.inside, 1)
})

function cachedUntil(untilMs: number): number {
  const schedule = new Schedule()
  const plant = new CachePlant(new SlotPlant(schedule, 4), seededRandom(6, 'hits'), 2000, 0.1)
  return throughputAt(plant, schedule, () => 10, 8, untilMs)
}

test('a cold cache is slow until it is filled', async (t) => {
  t.ok(cachedUntil(60_000) > 5 * cachedUntil(1000), `${cachedUntil(1000)} a ms cold, ${cachedUntil(60_000)} over all`)
})

test('a Node-like service computes one at a time and waits for all at once', async (t) => {
  const schedule = new Schedule()
  const perMs = throughputAt(new NodePlant(schedule, 50), schedule, () => 5, 30, 60_000)
  t.ok(isNear(perMs, 0.2, 0.03), `${perMs} a ms: the thread is the bottleneck, not the wait`)
})

test('a distant service draws its own work, and answers at its ticks and after its way', async (t) => {
  const schedule = new Schedule()
  const distance = { awayMs: 3, tickMs: 2, workMs: () => 4.5 }
  const seen: number[] = []
  const plant = new DistantPlant(schedule, new SlotPlant(schedule, 1), distance)
  for (let i = 0; i < 3; i++) plant.start({ workMs: 100, finished: (at) => { seen.push(at) } }, 0)
  schedule.runUntil(100)
  t.strictSame(seen, [6 + 3, 10 + 3, 14 + 3], 'the slot goes on at 4.5, 9 and 13.5')
})

test('events of one time happen in the order of their making', async (t) => {
  const schedule = new Schedule()
  const random = seededRandom(7)
  const seen: [number, number][] = []
  const due = Array.from({ length: 3000 }, () => Math.floor(random() * 100))
  due.forEach((at, i) => { schedule.call(at, (now) => seen.push([now, i])) })
  schedule.runUntil(200)
  const expected = due.map((at, i): [number, number] => [at, i]).sort(([a], [b]) => a - b)
  t.strictSame(seen, expected)
})

test('a loop runs what is ready in turns, and ends a turn after its callbacks', async (t) => {
  const schedule = new Schedule()
  const loop = new EventLoop(schedule, 2)
  const seen: string[] = []
  const say = (what: string) => ({ happen: (now: number): void => { seen.push(`${what}@${now}`) } })
  schedule.call(10, () => {
    loop.post(say('a'))
    loop.post(say('b'))
    loop.endOfTurn(say('end'))
  })
  schedule.call(11, () => loop.post(say('c')))
  schedule.runUntil(100)
  t.strictSame(seen, ['a@12', 'b@14', 'end@14', 'c@16'])
  t.equal(loop.busyMs, 6)
})
