// Timetables on a clock that the test moves.

import { test } from 'tap'
import type { Behaviour } from './behaviour.ts'
import { HEALTHY } from './behaviour.ts'
import { ManualClock } from './manual-clock.ts'
import { complaintsOf } from './test-bench.ts'
import { parseTimetable, Timetable } from './timetable.ts'

const PORTS = [
  { name: 'provider-1', kind: 'provider', port: 4000 },
  { name: 'provider-2', kind: 'provider', port: 4001 },
  { name: 'fraud', kind: 'fraud', port: 4100 },
]

const refusing = (status: number): Behaviour => ({ ...HEALTHY, errorRate: 1, status })

function observed(): { clock: ManualClock; timetable: Timetable; seen: number[] } {
  const clock = new ManualClock()
  const seen: number[] = []
  return { clock, seen, timetable: new Timetable(clock, (behaviour) => void seen.push(behaviour.status)) }
}

test('every step is taken at its time, in order of time, whatever the order written', async (t) => {
  const { clock, timetable, seen } = observed()
  timetable.start([
    { atMs: 2_000, behaviour: refusing(502) },
    { atMs: 0, behaviour: refusing(500) },
    { atMs: 1_000, behaviour: refusing(501) },
  ])
  t.same(seen, [500], 'a step at 0 is taken before anything else can happen')
  clock.advance(999)
  t.same(seen, [500])
  clock.advance(1)
  t.same(seen, [500, 501])
  t.equal(timetable.pendingSteps, 1)
  clock.advance(60_000)
  t.same(seen, [500, 501, 502])
  t.equal(timetable.pendingSteps, 0)
})

test('starting again replaces what was still to come, and cancelling leaves no timer', async (t) => {
  const { clock, timetable, seen } = observed()
  timetable.start([{ atMs: 1_000, behaviour: refusing(501) }])
  timetable.start([{ atMs: 2_000, behaviour: refusing(502) }])
  clock.advance(2_000)
  t.same(seen, [502])
  timetable.start([{ atMs: 1_000, behaviour: refusing(503) }])
  timetable.cancel()
  t.equal(clock.pendingTimers, 0)
  t.equal(timetable.pendingSteps, 0)
})

test('ports are named by number, by name, by kind, or not at all', async (t) => {
  t.same(addressed({ port: 4001 }), ['provider-2'])
  t.same(addressed({ port: 'fraud' }), ['fraud'])
  t.same(addressed({ port: 'provider' }), ['provider-1', 'provider-2'])
  t.same(addressed({}), ['provider-1', 'provider-2'])
})

function addressed(port: { readonly port?: unknown }): string[] {
  return [...parseTimetable([{ at: '1s', behaviour: {}, ...port }], PORTS, 'provider').keys()]
}

test('wrong timetables are told entry by entry', async (t) => {
  const wrong = [{ at: '1d', behaviour: {} }, { at: 0, port: 9, behaviour: { stall: 1 } }, { at: 1, behavior: {} }]
  t.match(complaintsOf(() => parseTimetable(wrong, PORTS, 'provider')), [
    { field: '[0].at', got: '"1d"' },
    { field: '[1].behaviour.stall', got: '1' },
    { field: '[1].port', expected: /4000, "provider-1"/, got: '9' },
    { field: '[2].behavior' },
    { field: '[2].behaviour', expected: 'an object', got: 'nothing' },
  ])
  t.throws(() => parseTimetable({}, PORTS, 'provider'), { message: /timetable must be an array/ })
  const tooMany = Array.from({ length: 1_001 }, () => ({ at: 0, behaviour: {} }))
  t.throws(() => parseTimetable(tooMany, PORTS, 'provider'), { message: /at most 1000 entries, got 1001 entries/ })
})
