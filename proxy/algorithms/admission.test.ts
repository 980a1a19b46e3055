import { test } from 'tap'
import { seededRandom } from '../../test/sim/seeded-random.ts'
import { Admission } from './admission.ts'
import type { Group, Waiter } from './admission.ts'

interface Guest extends Waiter { state: 'waiting' | 'in' | 'expired'; at: number }

function guest(group: Group, level = 1, expiresAt = Infinity, onIn?: (now: number) => void): Guest {
  const self: Guest = {
    group, level, expiresAt, state: 'waiting', at: -1,
    admitted: (now) => { self.state = 'in'; self.at = now; onIn?.(now) },
    expired: (now) => { self.state = 'expired'; self.at = now },
  }
  return self
}

test('permits end at the ceiling and come back', async (t) => {
  const admission = new Admission({ ceiling: 2, maxQueue: 10 })
  const all = admission.group('', 1)
  t.equal(admission.tryTake(all), true)
  t.equal(admission.tryTake(all), true)
  t.equal(admission.tryTake(all), false)
  admission.release(all, 0)
  t.equal(admission.tryTake(all), true)
})

test('a permit that comes free goes to the first in line, never to a newcomer', async (t) => {
  const admission = new Admission({ ceiling: 1, maxQueue: 10 })
  const all = admission.group('', 1)
  admission.tryTake(all)
  const first = guest(all)
  const second = guest(all)
  admission.wait(first)
  admission.wait(second)
  admission.release(all, 5)
  t.equal(first.state, 'in')
  t.equal(admission.tryTake(all), false, 'the newcomer stands behind')
  admission.release(all, 6)
  t.equal(second.state, 'in')
  t.equal(admission.inUse, 1)
})

test('a higher class is served first, whoever came earlier', async (t) => {
  const admission = new Admission({ ceiling: 1, maxQueue: 10 })
  const all = admission.group('', 1)
  admission.tryTake(all)
  const low = guest(all, 2)
  const high = guest(all, 0)
  admission.wait(low)
  admission.wait(high)
  admission.release(all, 0)
  t.equal(high.state, 'in')
  t.equal(low.state, 'waiting')
})

test('a group never holds more than its share, and does not hold up the others', async (t) => {
  const admission = new Admission({ ceiling: 10, maxQueue: 10 })
  const small = admission.group('report', 0.25)
  const rest = admission.group('', 1)
  t.equal(small.ceiling, 2, 'shares are rounded down, so that they never add up to more than the ceiling')
  t.equal(admission.tryTake(small), true)
  t.equal(admission.tryTake(small), true)
  t.equal(admission.tryTake(small), false)
  const third = guest(small)
  admission.wait(third)
  t.equal(admission.tryTake(rest), true, 'who waits for its own share does not stand before others')
  admission.release(rest, 0)
  t.equal(third.state, 'waiting')
  admission.release(small, 1)
  t.equal(third.state, 'in')
})

test('a share is at least one permit', async (t) => {
  t.equal(new Admission({ ceiling: 3, maxQueue: 1 }).group('x', 0.1).ceiling, 1)
})

test('a full line takes nobody more', async (t) => {
  const admission = new Admission({ ceiling: 1, maxQueue: 1 })
  const all = admission.group('', 1)
  admission.tryTake(all)
  t.equal(admission.wait(guest(all)), true)
  t.equal(admission.wait(guest(all)), false)
  t.equal(admission.queued, 1)
})

test('a wait ends at its time, and the next end is told', async (t) => {
  const admission = new Admission({ ceiling: 1, maxQueue: 10 })
  const all = admission.group('', 1)
  admission.tryTake(all)
  const early = guest(all, 1, 10)
  const late = guest(all, 1, 20)
  admission.wait(early)
  admission.wait(late)
  t.equal(admission.expire(10), 20)
  t.equal(early.state, 'expired')
  t.equal(late.state, 'waiting')
  t.equal(admission.expire(20), Infinity)
  t.equal(admission.queued, 0)
})

test('an entry whose time is over is not given a permit', async (t) => {
  const admission = new Admission({ ceiling: 1, maxQueue: 10 })
  const all = admission.group('', 1)
  admission.tryTake(all)
  const stale = guest(all, 1, 10)
  const fresh = guest(all, 1, 100)
  admission.wait(stale)
  admission.wait(fresh)
  admission.release(all, 50)
  t.equal(stale.state, 'expired')
  t.equal(fresh.state, 'in')
})

test('a thousand waiters that give back at once do not grow the stack', async (t) => {
  const admission = new Admission({ ceiling: 1, maxQueue: 100_000 })
  const all = admission.group('', 1)
  admission.tryTake(all)
  let served = 0
  for (let i = 0; i < 50_000; i++) {
    admission.wait(guest(all, 1, Infinity, (now) => { served++; admission.release(all, now) }))
  }
  admission.release(all, 0)
  t.equal(served, 50_000)
  t.equal(admission.inUse, 0)
})

test('under any sequence permits are conserved and nobody idles beside free room', async (t) => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const random = seededRandom(seed, 'admission')
    const admission = new Admission({ ceiling: 4, maxQueue: 8 })
    const groups = [admission.group('', 1), admission.group('half', 0.5)]
    const held: Group[] = []
    const waiting = new Set<Guest>()
    for (let now = 0; now < 5_000; now++) {
      const dice = random()
      const group = groups[random() < 0.5 ? 0 : 1] as Group
      if (dice < 0.5) {
        if (admission.tryTake(group)) held.push(group)
        else {
          const one = guest(group, Math.floor(random() * 3), now + random() * 50, () => {
            held.push(group)
            waiting.delete(one)
          })
          if (admission.wait(one)) waiting.add(one)
        }
      } else if (dice < 0.9 && held.length > 0) {
        admission.release(held.splice(Math.floor(random() * held.length), 1)[0] as Group, now)
      } else admission.expire(now)
      for (const one of waiting) if (one.state === 'expired') waiting.delete(one)
      const inUse = groups.map((g) => g.inUse)
      if (admission.inUse !== held.length || admission.inUse > 4 || (inUse[1] as number) > 2
        || admission.queued !== waiting.size) {
        t.fail(`seed ${seed}, step ${now}: in use ${admission.inUse}, held ${held.length}, queued ${admission.queued}`)
        return
      }
      const idle = [...waiting].find((one) => one.expiresAt > now && one.group.inUse < one.group.ceiling)
      if (idle !== undefined && admission.inUse < 4) {
        t.fail(`seed ${seed}, step ${now}: a waiter stands beside free room`)
        return
      }
    }
    t.pass(`seed ${seed}`)
  }
})
