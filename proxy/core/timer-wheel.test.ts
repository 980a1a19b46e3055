import { test } from 'tap'
import { seededRandom } from '../../test/sim/seeded-random.ts'
import { TimerWheel } from './timer-wheel.ts'

/** A wheel whose time is moved by hand, woken as its alarm says. */
class Bench {
  now = 0
  alarmAt = Infinity
  alarms = 0
  readonly wheel = new TimerWheel(() => this.now, (delayMs) => {
    this.alarms++
    this.alarmAt = this.now + delayMs
  })

  run(untilMs: number): void {
    while (this.alarmAt <= untilMs) {
      this.now = Math.max(this.now, this.alarmAt)
      this.alarmAt = Infinity
      this.wheel.ring()
    }
    this.now = untilMs
  }
}

test('timers fire in order, never early, and at most a millisecond late', async (t) => {
  for (const seed of [1, 2, 3]) {
    const random = seededRandom(seed)
    const bench = new Bench()
    const fired: { due: number; at: number }[] = []
    for (let i = 0; i < 2_000; i++) {
      const due = random() * 500
      bench.wheel.after(due, () => fired.push({ due, at: bench.now }))
    }
    bench.run(1_000)
    t.equal(fired.length, 2_000, `seed ${seed}`)
    t.ok(fired.every(({ due, at }) => at >= due && at < due + 1.001), `seed ${seed}: on time`)
    t.ok(fired.every(({ due }, i) => i === 0 || Math.ceil(fired[i - 1]?.due ?? 0) <= Math.ceil(due)), 'in order')
  }
})

test('a cleared timer does not fire, and leaves the others of its millisecond alone', async (t) => {
  const bench = new Bench()
  const fired: string[] = []
  bench.wheel.after(5, () => fired.push('a'))
  const b = bench.wheel.after(5, () => fired.push('b'))
  bench.wheel.after(5, () => fired.push('c'))
  b.clear()
  b.clear()
  bench.run(10)
  b.clear()
  t.strictSame(fired, ['a', 'c'])
})

test('an earlier timer moves the alarm forward, a later one leaves it', async (t) => {
  const bench = new Bench()
  bench.wheel.after(100, () => {})
  t.equal(bench.alarmAt, 100)
  bench.wheel.after(200, () => {})
  t.equal(bench.alarmAt, 100)
  bench.wheel.after(50, () => {})
  t.equal(bench.alarmAt, 50)
})

test('what fires may make and clear timers, due ones included', async (t) => {
  const bench = new Bench()
  const fired: string[] = []
  const doomed = bench.wheel.after(10, () => fired.push('doomed'))
  bench.wheel.after(9, () => {
    fired.push('first')
    doomed.clear()
    bench.wheel.after(0, () => fired.push('at once'))
    bench.wheel.after(3, () => fired.push('later'))
  })
  bench.run(50)
  t.strictSame(fired, ['first', 'at once', 'later'])
})

test('a wheel of cleared timers wakes nobody for each of them', async (t) => {
  const bench = new Bench()
  for (let i = 0; i < 1_000; i++) bench.wheel.after(100 + i, () => t.fail('it was cleared')).clear()
  let fired = false
  bench.wheel.after(5_000, () => { fired = true })
  bench.run(6_000)
  t.equal(fired, true)
  t.ok(bench.alarms <= 3, `${bench.alarms} alarms`)
})

test('what falls due while others fire waits for an alarm that knows how late it is', async (t) => {
  const bench = new Bench()
  const fired: string[] = []
  bench.wheel.after(10, () => {
    fired.push('stood still')
    bench.now += 800
  })
  bench.wheel.after(300, () => fired.push('elapsed meanwhile'))
  bench.now = 10
  bench.alarmAt = Infinity
  bench.wheel.ring()
  t.strictSame(fired, ['stood still'])
  t.equal(bench.alarmAt, 300, 'since when it is due')
  bench.wheel.ring()
  t.strictSame(fired, ['stood still', 'elapsed meanwhile'])
})
