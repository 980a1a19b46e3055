// Waits: they elapse, are released or cancelled, and leave no timer.

import { test } from 'tap'
import { ManualClock } from './manual-clock.ts'
import { Waits } from './waits.ts'

test('a wait elapses at its time', async (t) => {
  const clock = new ManualClock()
  const waits = new Waits(clock)
  const wait = waits.wait(100)
  clock.advance(99)
  t.equal(waits.size, 1)
  clock.advance(1)
  t.equal(await wait, 'elapsed')
  t.equal(waits.size, 0)
})

test('releasing ends the waits of now, not those to come', async (t) => {
  const clock = new ManualClock()
  const waits = new Waits(clock)
  const both = Promise.all([waits.wait(100), waits.wait(200)])
  waits.releaseAll()
  t.same(await both, ['released', 'released'])
  t.equal(clock.pendingTimers, 0)
  const later = waits.wait(10)
  clock.advance(10)
  t.equal(await later, 'elapsed')
})

test('closing ends the waits of now and those to come', async (t) => {
  const clock = new ManualClock()
  const waits = new Waits(clock)
  const wait = waits.wait(100)
  waits.close()
  t.equal(await wait, 'cancelled')
  t.equal(await waits.wait(100), 'cancelled')
  t.equal(clock.pendingTimers, 0)
})
