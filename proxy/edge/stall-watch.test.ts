// When a connection counts as stalled, and when it only has nothing to do.

import { test } from 'tap'
import { StallWatch } from './stall-watch.ts'
import type { Moving } from './stall-watch.ts'

const look = (watch: StallWatch, now: number, isReceiving: boolean, figures: Partial<Moving>): string | null =>
  watch.look({ bytesRead: 0, bytesWritten: 0, writableLength: 0, ...figures }, isReceiving ? 'any' : 'none',
    now, 30_000)

test('an answer that is not read for a minute has stalled', (t) => {
  const watch = new StallWatch()
  const full = { bytesWritten: 500, writableLength: 100 }
  t.equal(look(watch, 0, false, full), null)
  t.equal(look(watch, 59_999, false, full), null)
  t.equal(look(watch, 60_000, false, full), 'sending')
  t.end()
})

test('an answer that is read slowly has not stalled, nor one whose queue only grows', (t) => {
  const watch = new StallWatch()
  t.equal(look(watch, 0, false, { bytesWritten: 500, writableLength: 100 }), null)
  t.equal(look(watch, 59_000, false, { bytesWritten: 500, writableLength: 99 }), null)
  t.equal(look(watch, 118_000, false, { bytesWritten: 500, writableLength: 99 }), null)
  t.equal(look(watch, 119_000, false, { bytesWritten: 900, writableLength: 499 }), 'sending', 'more was only queued')
  t.end()
})

test('a body that does not come within its time has stalled, and idling in between starts anew', (t) => {
  const watch = new StallWatch()
  t.equal(look(watch, 0, true, { bytesRead: 10 }), null)
  t.equal(look(watch, 29_000, false, { bytesRead: 10 }), null)
  t.equal(look(watch, 31_000, true, { bytesRead: 10 }), null)
  t.equal(look(watch, 60_999, true, { bytesRead: 10 }), null)
  t.equal(look(watch, 61_000, true, { bytesRead: 10 }), 'receiving')
  t.end()
})

test('a body that trickles below the rate has stalled after its time, one that keeps it has not', (t) => {
  for (const [bytesPerSecond, expected] of [[100, null], [99, 'receiving']] as const) {
    const watch = new StallWatch()
    let said: string | null = null
    for (let second = 0; second <= 60; second++) {
      const socket = { bytesRead: 500 + second * bytesPerSecond, bytesWritten: 0, writableLength: 0 }
      said ??= watch.look(socket, 'steady', second * 1000, 30_000, 100)
    }
    t.equal(said, expected)
  }
  t.end()
})

test('a body that may take turns with its answer has no rate, and one that rests is measured anew', (t) => {
  const watch = new StallWatch()
  for (let second = 0; second <= 100; second++) {
    const socket = { bytesRead: second, bytesWritten: 0, writableLength: 0 }
    const pace = second % 20 === 0 ? 'none' : second < 50 ? 'steady' : 'any'
    t.equal(watch.look(socket, pace, second * 1000, 30_000, 100), null)
  }
  t.end()
})
