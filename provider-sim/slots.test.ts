// Capacity: so many at once, the rest in order, none forgotten.

import { test } from 'tap'
import { Slots } from './slots.ts'

/** Lets promises that are already decided run their continuations. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('so many are served at once, and the rest in the order they came', async (t) => {
  const slots = new Slots(2)
  const served: number[] = []
  for (let i = 0; i < 6; i++) void slots.acquire().then(() => served.push(i))
  await settle()
  t.same(served, [0, 1])
  t.equal(slots.waiting, 4)
  slots.release()
  await settle()
  t.same(served, [0, 1, 2])
  slots.release()
  slots.release()
  slots.release()
  await settle()
  t.same(served, [0, 1, 2, 3, 4, 5])
  t.equal(slots.inUse, 2)
  t.equal(slots.waiting, 0)
})

test('more room admits who waits, less room lets who is served finish', async (t) => {
  const slots = new Slots(1)
  for (let i = 0; i < 4; i++) void slots.acquire()
  slots.resize(3)
  t.equal(slots.inUse, 3)
  slots.resize(1)
  t.equal(slots.inUse, 3)
  slots.release()
  slots.release()
  t.equal(slots.inUse, 1, 'no one is admitted while more are served than may be')
  t.equal(slots.waiting, 1)
  slots.release()
  t.equal(slots.waiting, 0)
  slots.resize(null)
  for (let i = 0; i < 100; i++) void slots.acquire()
  t.equal(slots.inUse, 101)
})

test('closing sends away who waits, and who comes later', async (t) => {
  const slots = new Slots(1)
  t.equal(await slots.acquire(), true)
  const waiting = slots.acquire()
  slots.close()
  t.equal(await waiting, false)
  t.equal(await slots.acquire(), false)
  slots.release()
  t.equal(slots.inUse, 0)
})

test('a line of a hundred thousand is served in order', async (t) => {
  const slots = new Slots(1)
  await slots.acquire()
  let inOrder = true
  let next = 0
  const line = Array.from({ length: 100_000 }, (_, i) =>
    slots.acquire().then(() => {
      inOrder &&= next++ === i
      slots.release()
    }),
  )
  slots.release()
  await Promise.all(line)
  t.ok(inOrder)
  t.equal(slots.inUse, 0)
})
