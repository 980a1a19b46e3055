// What goes well, what does not, and what says nothing; and what budget and burn rate make of it.

import { test } from 'tap'
import type { Exchange } from '../core/exchange.ts'
import type { Outcome } from '../core/outcome.ts'
import { burnWindows, Objective } from './objective.ts'
import type { BurnWindow } from './objective.ts'
import { Objectives, promisesOf } from './objectives.ts'

const reply: Outcome = { kind: 'reply', status: 200, reason: '', headers: [], body: null, origin: 'upstream' }
const refused: Outcome = { kind: 'refused', by: 'shed', code: 'shed.limit', status: 503, retryAfterMs: 0 }

/** An exchange as it has ended, `tookMs` after its begin. */
function ended(now: number, tookMs: number, rest: Partial<Exchange> = {}): Exchange {
  return {
    startedAt: now - tookMs, outcome: reply, status: 200, code: null, isStream: false, work: { last: null }, ...rest,
  } as Exchange
}

const promised = { objective: 0.99, thresholdMs: 300, windowMs: 3_600_000 }

test('each ending is good, bad, or none of the route\'s doing', async (t) => {
  const tunnel: Outcome = { kind: 'tunnel' }
  const left: Outcome = { kind: 'abandoned', by: 'caller', elapsedMs: 5 }
  const failed: Outcome = { kind: 'failed', fault: 'upstream.reset', cause: '' }
  const work = { last: { bodyFault: 'upstream.reset' } } as Exchange['work']
  const cases: readonly (readonly [string, Partial<Exchange> & { tookMs?: number }, 'good' | 'bad' | 'none'])[] = [
    ['an answer', {}, 'good'],
    ['an answer on the threshold', { tookMs: 300 }, 'good'],
    ['an answer after it', { tookMs: 300.1 }, 'bad'],
    ['a stream after it', { tookMs: 9_000, isStream: true }, 'good'],
    ['an answer that the caller is to blame for', { status: 404 }, 'good'],
    ['an answer of a failing service', { status: 500 }, 'bad'],
    ['an answer that broke off', { work }, 'bad'],
    ['a failure', { outcome: failed, status: 502, code: 'upstream.reset' }, 'bad'],
    ['a refusal for want of capacity', { outcome: refused, status: 503, code: 'shed.limit' }, 'bad'],
    ['a deadline', { outcome: { ...left, by: 'deadline' }, status: 504, code: 'deadline.expired' }, 'bad'],
    ['a defect', { outcome: null, status: 0 }, 'bad'],
    ['a refusal of too much', { outcome: refused, status: 429, code: 'rate-limit.exceeded' }, 'none'],
    ['a request that never came', { outcome: left, status: 408, code: 'request.timeout' }, 'none'],
    ['a caller that left', { outcome: left, status: 0, code: 'caller.gone' }, 'none'],
    ['a tunnel', { outcome: tunnel, status: 101 }, 'none'],
  ]
  for (const [name, { tookMs = 10, ...rest }, expected] of cases) {
    const objective = new Objective({ ...promised, objective: 0.5 })
    objective.ended(ended(10_000, 10), 10_000)
    objective.ended(ended(10_000, tookMs, rest), 10_000)
    // One good one is there; one bad one beside it spends all that may fail.
    const bad = objective.burnRate('5m', 10_000) === 1
    objective.ended(ended(10_000, 10, { status: 500 }), 10_000)
    const counted = objective.burnRate('5m', 10_000)
    t.equal(bad ? 'bad' : counted === 1 ? 'none' : 'good', expected, name)
  }
})

test('at ten failures in a thousand with an objective of 0.99 the budget is just used up', async (t) => {
  const objective = new Objective(promised)
  t.equal(objective.budgetRatio(0), 1, 'without calls nothing is spent')
  t.equal(objective.burnRate('5m', 0), 0)
  for (let i = 0; i < 1000; i++) objective.ended(ended(1_000, 10, { status: i < 10 ? 500 : 200 }), 1_000)
  t.ok(Math.abs(objective.budgetRatio(1_000)) < 1e-9)
  t.ok(Math.abs(objective.burnRate('5m', 1_000) - 1) < 1e-9)
  for (let i = 0; i < 10; i++) objective.ended(ended(1_000, 10, { status: 500 }), 1_000)
  t.ok(objective.budgetRatio(1_000) < 0, 'overspent')
})

test('each window forgets in its own time', async (t) => {
  const objective = new Objective({ ...promised, windowMs: 86_400_000 })
  objective.ended(ended(60_000, 10, { status: 500 }), 60_000)
  for (const [window, ms] of Object.entries(burnWindows) as [BurnWindow, number][]) {
    t.equal(objective.burnRate(window, 60_000 + ms - 60_000) > 0, true, `${window} still knows`)
    t.equal(objective.burnRate(window, 60_000 + ms + 60_000), 0, `${window} has forgotten`)
  }
  t.ok(objective.budgetRatio(21_600_000) < 1, 'the budget remembers longer')
})

test('a reload keeps the counts of routes that stay, and shows those that have a promise', async (t) => {
  let now = 0
  const objectives = new Objectives(() => now)
  const [pay] = objectives.follow(['pay', 'read'], [promised, null])
  pay?.ended(ended(0, 10, { status: 500 }), 0)
  const shown = (): unknown[] => objectives.families().flatMap((family) => family.samples().map(({ labels }) => labels))
  t.strictSame(shown(), [
    { route: 'pay' }, ...Object.keys(burnWindows).map((window) => ({ route: 'pay', window })),
  ])
  const [, same] = objectives.follow(['read', 'pay'], [null, { ...promised, objective: 0.5 }])
  t.equal(same, pay)
  t.equal(same?.burnRate('1h', now), 2)
  now = 10
  t.match(objectives.parts()[0]?.inspect(), { objective: 0.5, thresholdMs: 300, budget: -1, burn5m: 2 })
  objectives.follow(['read'], [null])
  t.strictSame(shown(), [])
  t.strictSame(objectives.parts(), [])
})

test('what a file says under slo is what is promised', async (t) => {
  const route = (options: object) => ({ options }) as unknown as Parameters<typeof promisesOf>[0][number]
  t.strictSame(promisesOf([route({}), route({ slo: { objective: 0.9, threshold: 5, window: 7 } }),
    route({ slo: { objective: 0.9, window: 7 } })]), [
    null, { objective: 0.9, thresholdMs: 5, windowMs: 7 }, { objective: 0.9, thresholdMs: Infinity, windowMs: 7 },
  ])
})
