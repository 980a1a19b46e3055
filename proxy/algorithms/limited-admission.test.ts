import { test } from 'tap'
import { LimitedAdmission } from './limited-admission.ts'
import type { LimitedAdmissionOptions } from './limited-admission.ts'
import type { Limit } from './limit.ts'
import type { LineGroup, LineWaiter } from './waiting-line.ts'

class StubLimit implements Limit {
  limit: number
  baselineMs: number
  readonly seen: [number, boolean, number][] = []
  constructor(limit: number, baselineMs = 20) { this.limit = limit; this.baselineMs = baselineMs }
  observe(inFlight: number, isBinding: boolean, now: number): void { this.seen.push([inFlight, isBinding, now]) }
  learn(): void { /* Nothing is learned here. */ }
}

interface Guest extends LineWaiter { ended: string; at: number }

function guest(group: LineGroup, level: number, expiresAt: number, onIn?: (now: number) => void): Guest {
  const self: Guest = {
    group, level, bytes: 1000, expiresAt, before: null, after: null, order: 0, isInLine: false, ended: '', at: -1,
    admitted: (now) => { self.ended = 'admitted'; self.at = now; onIn?.(now) },
    expired: (now) => { self.ended = 'expired'; self.at = now },
    pushedOut: (now) => { self.ended = 'pushed out'; self.at = now },
  }
  return self
}

function admissionOf(limit: StubLimit, rest: Partial<LimitedAdmissionOptions> = {}): LimitedAdmission {
  return new LimitedAdmission(limit, {
    ceiling: Infinity, maxQueuedBytes: 1e6, bounds: { factor: 3, minMs: 20, maxMs: 500 }, ...rest,
  })
}

/** Lets it see permits come free every `gapMs` while somebody wants one. */
function warm(admission: LimitedAdmission, group: LineGroup, gapMs: number): number {
  let now = 0
  while (admission.arrive(group, 1, Infinity, 0, now) === 'admitted') { /* Up to the limit. */ }
  for (let i = 0; i < 100; i++) {
    now += gapMs
    admission.release(group, now)
    admission.arrive(group, 1, Infinity, 0, now)
    admission.arrive(group, 1, Infinity, 0, now)
  }
  return now
}

test('as many are let in as the whole part of the limit says, then one for each that comes back', async (t) => {
  const admission = admissionOf(new StubLimit(2.9))
  const all = admission.group('', 1)
  t.equal(admission.arrive(all, 1, Infinity, 0, 0), 'admitted')
  t.equal(admission.arrive(all, 1, Infinity, 0, 0), 'admitted')
  t.not(admission.arrive(all, 1, Infinity, 0, 0), 'admitted')
  admission.release(all, 1)
  t.equal(admission.arrive(all, 1, Infinity, 0, 1), 'admitted')
  t.equal(admission.inUse, 2)
})

/** Lets so many in line; returns the answer that the next one gets. */
function fill(admission: LimitedAdmission, group: LineGroup, level: number, count: number, now: number): string {
  for (let i = 0; i < count; i++) {
    if (admission.arrive(group, level, Infinity, 0, now) !== 'wait') return `refused after ${i}`
    admission.wait(guest(group, level, Infinity), now)
  }
  return admission.arrive(group, level, Infinity, 0, now)
}

test('a line that begins takes whom it can serve in four bounds, by its measured pace', async (t) => {
  const admission = admissionOf(new StubLimit(4, 20))
  const all = admission.group('', 1)
  const now = warm(admission, all, 5)
  t.equal(fill(admission, all, 1, 48, now), 'limit', '240 ms at 5 ms a permit: 48 may wait, the next one may not')
  t.equal(admission.arrive(all, 0, Infinity, 0, now), 'wait', 'a higher class has nobody before it')
})

test('a batch on a service that is not busy is let in, a line that goes on is refused more and more', async (t) => {
  const admission = admissionOf(new StubLimit(4, 20))
  const all = admission.group('', 1)
  let now = warm(admission, all, 5)
  for (let i = 0; i < 4; i++) admission.release(all, now += 5)
  now += 1000
  for (let i = 0; i < 4; i++) t.equal(admission.arrive(all, 1, Infinity, 0, now), 'admitted')
  t.equal(fill(admission, all, 1, 40, now), 'wait')
  for (let i = 0; i < 20; i++) admission.release(all, now += 5)
  t.equal(admission.line.length, 20)
  t.equal(fill(admission, all, 1, 8, now), 'limit', '100 of 240 ms are over: 28 may wait')
})

test('time in which nobody wanted a permit does not make the line look slow', async (t) => {
  const admission = admissionOf(new StubLimit(4, 20))
  const all = admission.group('', 1)
  let now = warm(admission, all, 5)
  for (let i = 0; i < 4; i++) admission.release(all, now += 5)
  now += 10_000
  for (let i = 0; i < 4; i++) t.equal(admission.arrive(all, 1, Infinity, 0, now), 'admitted')
  t.equal(fill(admission, all, 1, 40, now), 'wait')
  now += 5
  admission.release(all, now)
  t.equal(admission.arrive(all, 1, Infinity, 0, now), 'wait', 'nor when the next permit has come free')
  t.equal(admission.arrive(all, 1, Infinity, 0, now + 50), 'limit', 'silence while somebody waits does')
})

test('a line in which somebody has waited for long takes fewer', async (t) => {
  const admission = admissionOf(new StubLimit(4, 20))
  const all = admission.group('', 1)
  let now = warm(admission, all, 5)
  for (let i = 0; i < 4; i++) admission.wait(guest(all, 1, Infinity), now)
  for (let i = 0; i < 100; i++) {
    now += 5
    admission.release(all, now)
    admission.wait(guest(all, 1, Infinity), now)
  }
  t.equal(admission.line.length, 4)
  t.equal(admission.arrive(all, 1, Infinity, 0, now), 'limit', 'a quarter of 60 ms at 5 ms a permit: three may wait')
  now += 5
  admission.release(all, now)
  t.equal(admission.line.length, 3)
  t.equal(admission.arrive(all, 1, Infinity, 0, now), 'limit')
  t.equal(admission.arrive(all, 0, Infinity, 0, now), 'wait', 'it is no line for a higher class')
  now += 5
  admission.release(all, now)
  t.equal(admission.line.length, 2)
  t.equal(admission.arrive(all, 1, Infinity, 0, now), 'wait')
})

test('who cannot be served in the time left is doomed only where there is a line', async (t) => {
  const admission = admissionOf(new StubLimit(4, 20))
  const all = admission.group('', 1)
  t.equal(admission.arrive(all, 1, 1, 0, 0), 'admitted', 'it costs nothing and may succeed')
  admission.release(all, 0)
  const now = warm(admission, all, 5)
  t.equal(admission.arrive(all, 1, 24, 0, now), 'doomed')
  t.equal(admission.arrive(all, 1, 26, 0, now), 'wait')
})

test('a higher class takes the place of the last of the lowest when the line is long enough', async (t) => {
  const admission = admissionOf(new StubLimit(4, 20))
  const all = admission.group('', 1)
  const now = warm(admission, all, 5)
  const low = Array.from({ length: 48 }, () => guest(all, 2, Infinity))
  for (const waiter of low) admission.wait(waiter, now)
  t.equal(admission.arrive(all, 0, Infinity, 0, now), 'wait')
  const high = guest(all, 0, Infinity)
  admission.wait(high, now)
  t.strictSame(low.map(({ ended }) => ended), [...Array.from({ length: 47 }, () => ''), 'pushed out'])
  admission.release(all, now + 5)
  t.equal(high.ended, 'admitted')
  t.equal(admission.line.length, 47)
})

test('a line that is full of bytes takes nobody but a higher class', async (t) => {
  const admission = admissionOf(new StubLimit(1, 20), { maxQueuedBytes: 2500 })
  const all = admission.group('', 1)
  admission.arrive(all, 1, Infinity, 0, 0)
  const low = [guest(all, 2, Infinity), guest(all, 2, Infinity)]
  for (const waiter of low) admission.wait(waiter, 0)
  t.equal(admission.arrive(all, 2, Infinity, 1000, 0), 'limit')
  const high = guest(all, 1, Infinity)
  admission.wait(high, 0)
  t.equal(admission.line.bytes <= 2500, true)
  t.equal(low[1]?.ended, 'pushed out')
})

test('who expired meanwhile is told so when its turn comes, and the next one goes', async (t) => {
  const admission = admissionOf(new StubLimit(1, 20))
  const all = admission.group('', 1)
  admission.arrive(all, 1, Infinity, 0, 0)
  const [late, early] = [guest(all, 1, 5), guest(all, 1, 50)]
  admission.wait(late, 0)
  admission.wait(early, 0)
  admission.release(all, 10)
  t.strictSame([late.ended, early.ended], ['expired', 'admitted'])
  t.equal(admission.inUse, 1)
})

test('a raised limit lets in who waits; one who gives the permit back at once holds nobody up', async (t) => {
  const limit = new StubLimit(1, 20)
  const admission = admissionOf(limit)
  const all = admission.group('', 1)
  admission.arrive(all, 1, Infinity, 0, 0)
  const hasty = guest(all, 1, Infinity, (now) => admission.release(all, now))
  const next = guest(all, 1, Infinity)
  admission.wait(hasty, 0)
  admission.wait(next, 0)
  limit.limit = 2
  admission.handOver(1)
  t.strictSame([hasty.ended, next.ended], ['admitted', 'admitted'])
  t.equal(admission.inUse, 2)
})

test('sheddable requests leave one permit free while higher classes come, and use it when they do not', async (t) => {
  const admission = admissionOf(new StubLimit(3, 20))
  const all = admission.group('', 1)
  t.equal(admission.arrive(all, 0, Infinity, 0, 0), 'admitted')
  t.equal(admission.arrive(all, 2, Infinity, 0, 1), 'admitted')
  t.not(admission.arrive(all, 2, Infinity, 0, 1), 'admitted')
  t.equal(admission.arrive(all, 0, Infinity, 0, 2), 'admitted')
  admission.release(all, 1000)
  t.equal(admission.arrive(all, 2, Infinity, 0, 1000), 'admitted', 'the higher class has not come for 32 baselines')
})

test('the static ceiling and the share are another reason than the limit, and do not bind it', async (t) => {
  const limit = new StubLimit(10, 20)
  const admission = admissionOf(limit, { ceiling: 4 })
  const small = admission.group('small', 0.5)
  const all = admission.group('', 1)
  t.equal(small.ceiling, 2)
  admission.arrive(small, 1, Infinity, 0, 0)
  admission.arrive(small, 1, Infinity, 0, 0)
  const refused = guest(small, 1, Infinity)
  t.equal(admission.arrive(small, 1, Infinity, 0, 0), 'wait')
  admission.wait(refused, 0)
  t.equal(admission.arrive(all, 1, Infinity, 0, 0), 'admitted', 'others are not held up')
  t.ok(limit.seen.every(([, isBinding]) => !isBinding))
})

test('the limit is told of every change, and when it binds', async (t) => {
  const limit = new StubLimit(1, 20)
  const admission = admissionOf(limit)
  const all = admission.group('', 1)
  admission.arrive(all, 1, Infinity, 0, 0)
  admission.arrive(all, 1, Infinity, 0, 3)
  admission.release(all, 7)
  t.strictSame(limit.seen, [[1, false, 0], [1, true, 3], [0, false, 7]])
  admission.take(all, 8)
  admission.setAside(1, 9)
  t.strictSame(limit.seen.slice(3), [[1, false, 8], [0, false, 9]], 'a slow route is not counted')
})

test('a hedge or a retry takes a spare permit or none', async (t) => {
  const admission = admissionOf(new StubLimit(2, 20))
  const all = admission.group('', 1)
  t.equal(admission.tryTake(all, 0), true)
  t.equal(admission.tryTake(all, 0), true)
  t.equal(admission.tryTake(all, 0), false)
})

test('nobody waits longer than the line allows, or the deadline', async (t) => {
  const admission = admissionOf(new StubLimit(2, 20))
  t.equal(admission.expiresAt(1, 1000, 10), 10 + 480, 'twice what is accepted')
  t.equal(admission.expiresAt(1, 50, 10), 10 + 30, 'or what the deadline leaves for it')
})
