import { test } from 'tap'
import { seededRandom } from '../../test/sim/seeded-random.ts'
import { WaitingLine } from './waiting-line.ts'
import type { LineGroup, LineWaiter } from './waiting-line.ts'

interface Guest extends LineWaiter { ended: string }

function guest(group: LineGroup, level = 1, expiresAt = Infinity, bytes = 1): Guest {
  return {
    group, level, bytes, expiresAt, before: null, after: null, order: 0, isInLine: false, ended: '',
    admitted() { this.ended = 'admitted' },
    expired() { this.ended = 'expired' },
    pushedOut() { this.ended = 'pushed out' },
  }
}

test('the highest class is next, first in first out inside it, across groups', async (t) => {
  const line = new WaitingLine()
  const all = line.group('', Infinity)
  const small = line.group('small', 1)
  const [a, b, c, d] = [guest(all, 1), guest(small, 1), guest(all, 0), guest(all, 1)]
  for (const waiter of [a, b, c, d]) line.add(waiter)
  const order = []
  for (let next = line.next(); next !== null; next = line.next()) {
    order.push(next)
    line.remove(next)
  }
  t.strictSame(order, [c, a, b, d])
})

test('a group without room is passed over and holds nobody up', async (t) => {
  const line = new WaitingLine()
  const small = line.group('small', 1)
  const all = line.group('', Infinity)
  const [first, second] = [guest(small), guest(all)]
  line.add(first)
  line.add(second)
  small.inUse = 1
  t.equal(line.next(), second)
  line.remove(second)
  t.equal(line.next(), null, 'nobody who could go')
  small.inUse = 0
  t.equal(line.next(), first)
})

test('the last of the lowest class is the one to give way', async (t) => {
  const line = new WaitingLine()
  const all = line.group('', Infinity)
  const [a, b, c] = [guest(all, 2), guest(all, 2), guest(all, 1)]
  for (const waiter of [a, b, c]) line.add(waiter)
  t.equal(line.lastBelow(0), b)
  t.equal(line.lastBelow(2), null)
  line.remove(b)
  line.remove(a)
  t.equal(line.lastBelow(0), c)
  t.equal(line.lastBelow(1), null)
})

test('waits that are over end, the others stay, and it says when the next one ends', async (t) => {
  const line = new WaitingLine()
  const all = line.group('', Infinity)
  const [a, b, c] = [guest(all, 1, 10), guest(all, 1, 20), guest(all, 2, 15)]
  for (const waiter of [a, b, c]) line.add(waiter)
  t.equal(line.expire(15), 20)
  t.strictSame([a.ended, b.ended, c.ended], ['expired', '', 'expired'])
  t.equal(line.expire(20), Infinity)
  t.equal(line.length, 0)
})

test('under any order of joining and leaving it is the list it should be', async (t) => {
  for (const seed of [1, 2, 3, 4]) {
    const random = seededRandom(seed)
    const line = new WaitingLine()
    const groups = [line.group('', Infinity), line.group('a', Infinity)] as const
    let model: Guest[] = []
    for (let i = 0; i < 3000; i++) {
      if (random() < 0.55) {
        const one = guest(groups[Math.floor(random() * 2)] as LineGroup, Math.floor(random() * 3), Infinity, i)
        line.add(one)
        model.push(one)
      } else if (model.length > 0) {
        const one = model[Math.floor(random() * model.length)] as Guest
        line.remove(one)
        line.remove(one)
        model = model.filter((other) => other !== one)
      }
      const level = Math.min(...model.map((one) => one.level))
      t.equal(line.next(), model.find((one) => one.level === level) ?? null, `seed ${seed}, step ${i}`)
      t.equal(line.bytes, model.reduce((sum, one) => sum + one.bytes, 0))
      t.equal(line.aheadOf(1), model.filter((one) => one.level <= 1).length)
      t.equal(line.countAt(2), model.filter((one) => one.level === 2).length)
    }
  }
})
