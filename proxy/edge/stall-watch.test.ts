// When a connection counts as stalled, and when it only has nothing to do.

import { test } from 'tap'
import type { Socket } from 'node:net'
import { StallWatch } from './stall-watch.ts'

const look = (watch: StallWatch, now: number, isReceiving: boolean, figures: Partial<Socket>): string | null =>
  watch.look({ bytesRead: 0, bytesWritten: 0, writableLength: 0, ...figures } as Socket, isReceiving, now, 30_000)

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
