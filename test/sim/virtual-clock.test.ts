import { test } from 'tap'
import { seededRandom } from './seeded-random.ts'
import { VirtualClock } from './virtual-clock.ts'

test('timers fire in the order of their due times, and of their making where those are equal', async (t) => {
  for (const seed of [1, 2, 3]) {
    const random = seededRandom(seed)
    const clock = new VirtualClock()
    const fired: [number, number][] = []
    const due = Array.from({ length: 500 }, () => Math.floor(random() * 50))
    due.forEach((at, i) => { clock.after(at, () => fired.push([clock.now(), i])) })
    await clock.run(100)
    // The sort is stable: equal times stay in the order of their making.
    const expected = due.map((at, i): [number, number] => [at, i]).sort(([a], [b]) => a - b)
    t.strictSame(fired, expected, `seed ${seed}`)
  }
})

test('a timer that was cleared does not fire, and clearing it again does nothing', async (t) => {
  const clock = new VirtualClock()
  const timer = clock.after(5, () => t.fail('it was cleared'))
  timer.clear()
  timer.clear()
  await clock.run(10)
  t.equal(clock.now(), 10)
  t.equal(clock.pending, 0)
})

test('promises settle before the next timer fires', async (t) => {
  const clock = new VirtualClock()
  const order: string[] = []
  clock.after(1, () => { void Promise.resolve().then(() => order.push('promise')) })
  clock.after(2, () => order.push('timer'))
  await clock.run(5)
  t.strictSame(order, ['promise', 'timer'])
})

test('streams of one seed with different names are different, and each is repeatable', async (t) => {
  const draw = (name: string): number[] => {
    const random = seededRandom(7, name)
    return Array.from({ length: 5 }, () => random())
  }
  t.strictSame(draw('a'), draw('a'))
  t.notSame(draw('a'), draw('b'))
  const random = seededRandom(1)
  let sum = 0
  for (let i = 0; i < 100_000; i++) sum += random()
  t.ok(Math.abs(sum / 100_000 - 0.5) < 0.01)
})
