import * as fc from 'fast-check'
import { test } from 'tap'
import { SlidingCount } from './sliding-count.ts'

test('whatever comes when, what is read is what was added within the window, to one slot', async (t) => {
  const slotMs = 10
  const event = fc.record({ afterMs: fc.nat(250), isGood: fc.boolean() })
  fc.assert(fc.property(fc.array(event, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (events, windowSlots) => {
    const count = new SlidingCount(slotMs, 20)
    let now = 0
    const added = events.map(({ afterMs, isGood }) => {
      now += afterMs
      count.add(now, isGood)
      return { at: now, isGood }
    })
    const first = Math.floor(now / slotMs) - windowSlots + 1
    const within = added.filter(({ at }) => Math.floor(at / slotMs) >= first)
    t.strictSame(count.read(now, windowSlots * slotMs), {
      total: within.length, bad: within.filter(({ isGood }) => !isGood).length,
    })
  }), { numRuns: 300 })
})

test('a time that is not remembered is not made up', async (t) => {
  const count = new SlidingCount(10, 3)
  count.add(0, false)
  t.strictSame(count.read(29, 1_000_000), { total: 1, bad: 1 })
  t.strictSame(count.read(30, 1_000_000), { total: 0, bad: 0 })
})
