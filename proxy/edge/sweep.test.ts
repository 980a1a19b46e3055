import { test } from 'tap'
import type { Clock } from '../core/clock.ts'
import type { EdgeConnection } from './edge-connection.ts'
import { Sweep } from './sweep.ts'

/** Turns and timers happen when a test says so. */
class SteppedClock implements Clock {
  #timers: (() => void)[] = []
  #turns: (() => void)[] = []
  now(): number { return 5 }
  wallMs(): number { return 0 }
  endOfTurn(fire: () => void): void { this.#turns.push(fire) }
  after(_delayMs: number, fire: () => void): { clear(): void } {
    this.#timers.push(fire)
    return { clear: () => { this.#timers = this.#timers.filter((one) => one !== fire) } }
  }

  /** The timers that stand fire; how many did. */
  ring(): number { return SteppedClock.#fire(this.#timers.splice(0)) }
  /** One turn of the event loop; how much there was to do. */
  turn(): number { return SteppedClock.#fire(this.#turns.splice(0)) }

  static #fire(all: readonly (() => void)[]): number {
    for (const fire of all) fire()
    return all.length
  }
}

function crowd(count: number, check: (index: number) => void): Map<number, EdgeConnection> {
  return new Map(Array.from({ length: count }, (_, index) => [index, {
    isIdle: true, hasUnsent: false, check: () => { check(index) }, cut: () => {}, closed: () => {},
  }]))
}

test('a crowd is looked at over several turns, everybody once, and then again', async (t) => {
  const clock = new SteppedClock()
  const looked: number[] = []
  const sweep = new Sweep(crowd(1000, (index) => { looked.push(index) }), () => 1000, clock)
  sweep.start()
  t.equal(looked.length, 0, 'not before its time')
  clock.ring()
  let turns = 1
  for (let before = 0; looked.length < 1000 || before < looked.length; turns++) {
    t.ok(looked.length - before <= 64, 'a few in a turn')
    before = looked.length
    if (clock.turn() === 0) break
  }
  t.ok(turns > 10)
  t.strictSame(looked, Array.from({ length: 1000 }, (_, index) => index))
  t.equal(clock.ring(), 1, 'the next look is due')
  t.equal(looked.length, 1064)
})

test('who leaves between two turns is not looked at any more', async (t) => {
  const clock = new SteppedClock()
  const looked: number[] = []
  const connections = crowd(200, (index) => { looked.push(index) })
  const sweep = new Sweep(connections, () => 1000, clock)
  sweep.start()
  clock.ring()
  connections.delete(150)
  while (clock.turn() > 0);
  t.equal(looked.length, 199)
  t.notOk(looked.includes(150))
})

test('stopped in the middle it looks at nobody any more', async (t) => {
  const clock = new SteppedClock()
  let looked = 0
  const sweep = new Sweep(crowd(200, () => { looked++ }), () => 1000, clock)
  sweep.start()
  clock.ring()
  const before = looked
  sweep.stop()
  t.equal(clock.turn() + clock.ring(), 1, 'what was due comes, and does nothing')
  t.equal(looked, before)
})
