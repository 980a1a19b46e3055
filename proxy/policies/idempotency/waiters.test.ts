import { test } from 'tap'
import { HeldBodies } from './intake.ts'
import { Waiters } from './waiters.ts'

const nobody = (): { woken: () => void } => ({ woken: () => { /* Only its place counts. */ } })

test('a thousand wait in all and no more, over however many keys, until one leaves', async (t) => {
  const waiters = new Waiters()
  const first = nobody()
  t.ok(waiters.join('k-0', first))
  for (let i = 1; i < 1_000; i++) t.ok(waiters.join(`k-${i % 100}`, nobody()) || 'refused')
  t.equal(waiters.count, 1_000)
  t.equal(waiters.join('k-new', nobody()), false)
  waiters.leave('k-0', first)
  t.equal(waiters.join('k-new', nobody()), true)
  for (let i = 0; i < 100; i++) waiters.wake(`k-${i}`, null)
  waiters.wake('k-new', null)
  t.equal(waiters.count, 0)
})

test('bodies are held up to a count and a sum, and what is let go makes room', async (t) => {
  const held = new HeldBodies(2, 100)
  t.equal(held.add(60), true)
  t.equal(held.add(50), false, 'too many bytes')
  t.equal(held.add(0), true)
  t.equal(held.add(0), false, 'too many bodies')
  t.equal(held.grow(41), false, 'too many bytes as they come')
  t.equal(held.grow(40), true)
  held.remove(60)
  held.remove(40)
  t.strictSame([held.count, held.bytes], [0, 0])
})
