import { test } from 'tap'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import type { Clock } from '../core/clock.ts'
import type { EdgeConnection } from './edge-connection.ts'
import { Sweep } from './sweep.ts'

function connection(check: () => void): EdgeConnection {
  return { isIdle: true, hasUnsent: false, check, cut: () => {}, closed: () => {} }
}

function crowd(count: number, check: (index: number) => void): Map<number, EdgeConnection> {
  return new Map(Array.from({ length: count }, (_, index) => [index, connection(() => { check(index) })]))
}

for (const count of [1, 7, 8, 9, 17, 100, 1000, 10_000]) {
  test(`of ${count} each is looked at once in an interval, a few at a time, all over it`, async (t) => {
    const clock = new VirtualClock()
    const looks = Array.from({ length: count }, () => [] as number[])
    const atOneMoment = new Map<number, number>()
    const sweep = new Sweep(crowd(count, (index) => {
      looks[index]?.push(clock.now())
      atOneMoment.set(clock.now(), (atOneMoment.get(clock.now()) ?? 0) + 1)
    }), () => 1000, clock)
    sweep.start()
    await clock.run(clock.now() + 5000)
    t.ok(looks.every(({ length }) => length >= 4 && length <= 6), 'about once in each')
    const gaps = looks.flatMap((at) => at.slice(1).map((now, i) => now - (at[i] ?? 0)))
    t.ok(gaps.every((gap) => gap > 900 && gap < 1100), `${Math.min(...gaps)} to ${Math.max(...gaps)} ms between two`)
    t.ok(Math.max(...atOneMoment.values()) <= Math.max(8, count / 200), 'no burst')
    sweep.stop()
    await clock.run(clock.now() + 5000)
    t.equal(clock.pending, 0)
  })
}

test('heads of many ages that end in one second are ended at many moments of it', async (t) => {
  const clock = new VirtualClock()
  const ended = new Map<number, number>()
  const connections = new Map<number, EdgeConnection>()
  const join = (key: number): void => {
    const since = clock.now()
    connections.set(key, connection(() => {
      if (clock.now() - since < 10_000) return
      ended.set(clock.now(), (ended.get(clock.now()) ?? 0) + 1)
      connections.delete(key)
      clock.after(100, () => { join(key) })
    }))
  }
  for (let key = 0; key < 1000; key++) clock.after(key * 10, () => { join(key) })
  const sweep = new Sweep(connections, () => 1000, clock)
  sweep.start()
  await clock.run(clock.now() + 60_000)
  sweep.stop()
  t.ok([...ended.values()].reduce((sum, count) => sum + count, 0) > 4000, 'they are ended')
  t.ok(Math.max(...ended.values()) <= 8, 'never many at once')
})

test('who leaves before its turn is not looked at, who comes meanwhile is', async (t) => {
  const clock = new VirtualClock()
  const looked = new Set<number>()
  const connections = crowd(200, (index) => { looked.add(index) })
  const sweep = new Sweep(connections, () => 1000, clock)
  sweep.start()
  await clock.run(clock.now() + 500)
  connections.delete(190)
  connections.set(200, connection(() => { looked.add(200) }))
  await clock.run(clock.now() + 600)
  t.notOk(looked.has(190))
  t.ok(looked.has(200))
  sweep.stop()
})

test('who stays is looked at however many come and go after it', async (t) => {
  const clock = new VirtualClock()
  const staying = 200
  let last = Array.from({ length: staying }, () => clock.now())
  let widest = 0
  const connections = crowd(staying, (index) => {
    widest = Math.max(widest, clock.now() - (last[index] ?? 0))
    last = last.with(index, clock.now())
  })
  const sweep = new Sweep(connections, () => 1000, clock)
  sweep.start()
  for (let key = staying; key < staying + 20_000; key++) {
    clock.after(key, () => { connections.set(key, connection(() => {})) })
    clock.after(key + 20, () => { connections.delete(key) })
  }
  await clock.run(clock.now() + 20_000)
  sweep.stop()
  widest = Math.max(widest, ...last.map((at) => clock.now() - at))
  t.ok(widest < 1500, `${widest} ms without a look`)
})

test('timers that come late do not make the rounds longer', async (t) => {
  const clock = new VirtualClock()
  const late: Clock = {
    now: () => clock.now(), wallMs: () => clock.wallMs(), endOfTurn: (fire) => { clock.endOfTurn(fire) },
    after: (delayMs, fire) => clock.after(delayMs + 3, fire),
  }
  const looks: number[] = []
  const sweep = new Sweep(crowd(10_000, (index) => { if (index === 5000) looks.push(late.now()) }), () => 1000, late)
  sweep.start()
  await clock.run(20_000)
  sweep.stop()
  const gaps = looks.slice(1).map((at, i) => at - (looks[i] ?? 0))
  t.ok(gaps.length > 15 && gaps.every((gap) => gap < 1100), `at most ${Math.max(...gaps)} ms between two`)
})

test('another interval counts at once, also in the middle of a round', async (t) => {
  const clock = new VirtualClock()
  let intervalMs = 1000
  const looks: number[] = []
  const sweep = new Sweep(crowd(100, (index) => { if (index === 50) looks.push(clock.now()) }), () => intervalMs, clock)
  sweep.start()
  for (const [at, next] of [[3300, 100], [5350, 1000]] as const) clock.after(at, () => { intervalMs = next })
  await clock.run(10_000)
  sweep.stop()
  const gaps = looks.slice(1).map((at, i) => at - (looks[i] ?? 0))
  t.ok(gaps.every((gap) => gap <= 1100), `at most ${Math.max(...gaps)} ms between two`)
  t.ok(looks.filter((at) => at > 3400 && at < 5300).length >= 18, 'ten a second while it is a tenth')
})

test('ten thousand that come at once do not wait for the pace of the few before them', async (t) => {
  const clock = new VirtualClock()
  const looked = new Set<number>()
  const connections = crowd(10, (index) => { looked.add(index) })
  const sweep = new Sweep(connections, () => 1000, clock)
  sweep.start()
  for (let key = 10; key < 10_000; key++) connections.set(key, connection(() => { looked.add(key) }))
  await clock.run(clock.now() + 2200)
  t.equal(looked.size, 10_000)
  sweep.stop()
})

test('a stop in the middle of a look ends it', async (t) => {
  const clock = new VirtualClock()
  let looked = 0
  const sweep: Sweep = new Sweep(crowd(200, () => { if (++looked === 20) sweep.stop() }), () => 1000, clock)
  sweep.start()
  await clock.run(clock.now() + 5000)
  t.equal(looked, 20)
})
