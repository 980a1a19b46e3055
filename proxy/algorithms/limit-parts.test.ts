import { test } from 'tap'
import { lessons } from '../core/outcome-matrix.ts'
import { DrainRate } from './drain-rate.ts'
import { Brake } from './limit-brake.ts'
import { LimitReturn } from './limit-return.ts'
import { LimitWindow } from './limit-window.ts'
import { ProbingLimit } from './probing-limit.ts'
import { SlowRoutes } from './slow-routes.ts'
import { Spread } from './spread.ts'

test('a window counts what is still running: an upstream that answers nothing does not look fast', async (t) => {
  const window = new LimitWindow()
  window.open(0)
  window.observe(10, true, 0)
  window.learn(lessons.success, 1, 100)
  t.equal(window.meanInFlight, 10)
  t.equal(window.meanMs, 1000, 'ten in flight for 100 ms, one useful ending')
  t.equal(window.bindingRatio, 1)
  window.open(100)
  t.equal(window.meanMs, Infinity)
})

test('only the lessons of the outcome matrix count, each as its columns say', async (t) => {
  const window = new LimitWindow()
  window.open(0)
  const ends = ['success', 'client-error', 'attempt-timeout', 'unmarked-503'] as const
  const rows = [...ends, 'server-error', 'cut-early', 'shed'] as const
  for (const row of rows) {
    window.learn(lessons[row], 10, 1)
  }
  t.equal(window.useful, 2, 'a success and an error of the caller')
  t.equal(window.overloads, 1.5, 'a timeout, and half for a plain 503')
  t.equal(window.endings, 4)
  t.equal(window.lost, 1, 'one was given up early; an error and a refusal say nothing')
})

/** A window of 100 endings, `bad` of them signals of overload. */
function windowWith(bad: number, inFlight = 100): LimitWindow {
  const window = new LimitWindow()
  window.open(0)
  window.observe(inFlight, true, 0)
  for (let i = 0; i < 100; i++) window.learn(i < bad ? lessons['overload-marked'] : lessons.success, 10, i)
  return window
}

test('signals of overload lower the limit; where that changes nothing the brake lets go for a while', async (t) => {
  const brake = new Brake()
  t.equal(brake.decide(windowWith(4), 100), 0, 'too few')
  t.equal(brake.decide(windowWith(20), 100), 85)
  t.equal(brake.decide(windowWith(20), 80), 68, 'of what is used, at most the limit')
  t.equal(brake.decide(windowWith(20), 70), 59.5)
  t.equal(brake.decide(windowWith(20), 60), 100, 'futile: back to where it was')
  for (let i = 0; i < 100; i++) t.equal(brake.decide(windowWith(20), 100), 0, 'off')
  t.equal(brake.decide(windowWith(20), 100), 85)
})

test('a brake that helps goes on, and one where all fails goes down fast', async (t) => {
  const brake = new Brake()
  for (const bad of [40, 30, 20, 12, 8]) t.ok(brake.decide(windowWith(bad), 100) < 100)
  t.equal(new Brake().decide(windowWith(100), 50), 15)
})

test('the pace of a line is the mean gap between permits that were wanted', async (t) => {
  const drain = new DrainRate()
  for (let i = 1; i <= 5; i++) drain.freed(true, 10 * i)
  t.equal(drain.isKnown, false, 'four gaps are a guess')
  for (let i = 6; i <= 40; i++) drain.freed(true, 10 * i)
  t.equal(drain.isKnown, true)
  t.ok(Math.abs(drain.gapMs(400) - 10) < 1e-9)
  drain.freed(false, 5000)
  t.ok(Math.abs(drain.gapMs(5000) - 10) < 1e-9, 'a pause in which nobody wanted one says nothing')
  t.ok(drain.gapMs(5800) >= 100, 'silence says that it is slower')
})

test('the spread is 1 for exponential times, small for even ones, and bounded', async (t) => {
  const spreadOf = (draw: (i: number) => number): number => {
    const spread = new Spread()
    for (let window = 0; window < 30; window++) {
      for (let i = 0; i < 200; i++) spread.learn(draw(i))
      spread.close()
    }
    return spread.ratio
  }
  t.ok(Math.abs(spreadOf((i) => -20 * Math.log((i + 0.5) / 200)) - 1) < 0.1)
  t.ok(Math.abs(spreadOf(() => 7) - 0.5) < 0.01)
  t.ok(Math.abs(spreadOf((i) => i === 0 ? 1e6 : 1) - 8) < 0.01)
})

test('a route whose median is over ten times the upstream\'s is slow, and one that recovers is not', async (t) => {
  const routes = new SlowRoutes()
  t.equal(routes.isSlow(1), false)
  for (let i = 0; i < 3000; i++) routes.learn(i % 10 === 0 ? 1 : 0, i % 10 === 0 ? 500 : 10)
  t.equal(routes.isSlow(1), true)
  t.equal(routes.isSlow(0), false)
  for (let i = 0; i < 3000; i++) routes.learn(i % 10 === 0 ? 1 : 0, 10)
  t.equal(routes.isSlow(1), false)
})

test('a limit without evidence stays where it is', async (t) => {
  const limit = new ProbingLimit({ initial: 10, min: 2, max: 100, minWindowMs: 20 })
  for (let now = 0; now < 10_000; now += 10) {
    limit.observe(10, true, now)
    limit.learn(lessons['server-error'], 1, now)
  }
  t.equal(limit.limit, 10, 'errors of the upstream are neither load nor speed')
  const still = new ProbingLimit({ initial: 10, min: 2, max: 100, minWindowMs: 20 })
  for (let now = 0; now < 10_000; now += 10) still.observe(10, true, now)
  t.equal(still.limit, 10)
  t.equal(still.baselineMs, 0)
})

test('where nobody waits long enough to be answered the limit goes down, and forgets what it believed', async (t) => {
  const limit = new ProbingLimit({ initial: 500, min: 2, max: 1024, minWindowMs: 20 })
  let now = 0
  limit.observe(500, true, now)
  for (let i = 0; i < 1500; i++) limit.learn(lessons.success, 900, now += 2)
  t.ok(limit.baselineMs > 100)
  for (let i = 0; i < 12_000; i++) {
    limit.learn(lessons['cut-early'], 1000, now += 2)
    limit.observe(Math.floor(limit.limit), true, now)
  }
  t.ok(limit.limit < 10, `limit ${limit.limit}`)
  t.equal(limit.baselineMs, 0)
})

test('after an outage the limit returns by strides, unless answers are slower or signals of overload come', (t) => {
  const good = (meanMs: number): LimitWindow => {
    const window = new LimitWindow()
    window.observe(1, true, 0)
    window.open(0)
    window.learn(lessons.success, meanMs, meanMs)
    return window
  }
  const back = new LimitReturn()
  t.equal(back.next(good(20), 2, 20), 0, 'there was no outage')
  back.begin(4)
  t.equal(back.next(good(20), 2, 20), 3.2)
  t.equal(back.next(good(20), 3.2, 20), 4, 'and no further')
  t.equal(back.isOn, false)
  back.begin(10)
  t.equal(back.next(good(50), 2, 20), 0, 'there is a queue')
  t.equal(back.isOn, false)
  t.end()
})

/** One in flight at a time, `count` of them, each so long; the clock then. */
function feed(limit: ProbingLimit, fromMs: number, eachMs: number, count: number): number {
  let now = fromMs
  for (let i = 0; i < count; i++) {
    limit.observe(1, false, now)
    now += eachMs
    limit.learn(lessons.success, eachMs, now)
    limit.observe(0, false, now)
  }
  return now
}

test('a window in which the proxy was held up is thrown away, four in a row at most', (t) => {
  const first = (disturbances: number): number => {
    const limit = new ProbingLimit({ initial: 10, min: 2, max: 100, minWindowMs: 20 })
    let now = 0
    for (let i = 0; i < disturbances; i++) {
      now = feed(limit, now, 100, 7)
      limit.disturb(now)
    }
    while (limit.baselineMs === 0) now = feed(limit, now, 10, 1)
    return limit.baselineMs
  }
  t.equal(first(0), 10)
  t.ok(first(4) < 11, `${first(4)}`)
  t.ok(first(5) > 30, `who is always held up has nothing else: ${first(5)}`)
  t.end()
})
