import { test } from 'tap'
import { seededRandom } from '../../test/sim/seeded-random.ts'
import { DueTable } from './due-table.ts'
import { nextDue, waitMs } from './gcra.ts'
import type { Rate } from './gcra.ts'

/** The law said another way: a bucket of `burst` tokens that refills continuously. */
class Bucket {
  #tokens: number
  #at = 0
  readonly #rate: Rate
  constructor(rate: Rate) {
    this.#rate = rate
    this.#tokens = rate.burst
  }
  take(now: number): boolean {
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + (now - this.#at) / this.#rate.intervalMs)
    this.#at = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}

test('admits what a bucket of tokens admits, at any times', async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const random = seededRandom(seed, 'times')
  for (let run = 0; run < 200; run++) {
    // Eighths are exact in binary, so that both ways of counting see the same moments.
    const rate = { intervalMs: 2 ** Math.floor(random() * 6), burst: 1 + Math.floor(random() * 20) }
    const bucket = new Bucket(rate)
    let dueAt = -Infinity
    let now = 0
    for (let i = 0; i < 200; i++) {
      now += Math.floor(random() * rate.intervalMs * 16) / 8
      const admits = waitMs(rate, dueAt, now) === 0
      if (admits) dueAt = nextDue(rate, dueAt, now)
      if (admits !== bucket.take(now)) t.fail(`seed ${seed}, run ${run}, request ${i}`)
    }
  }
  t.pass('200 runs of 200 requests')
})

test('who waits as long as it was told is admitted, and not a moment earlier', async (t) => {
  const rate = { intervalMs: 20, burst: 3 }
  let dueAt = -Infinity
  for (let i = 0; i < 3; i++) dueAt = nextDue(rate, dueAt, 1_000)
  const wait = waitMs(rate, dueAt, 1_000)
  t.equal(wait, 20)
  t.ok(waitMs(rate, dueAt, 1_019.9) > 0)
  t.equal(waitMs(rate, dueAt, 1_020), 0)
})

test('a long pause gives a whole burst, and no more', async (t) => {
  const rate = { intervalMs: 1 / 4, burst: 5 }
  let dueAt = nextDue(rate, -Infinity, 0)
  let admitted = 0
  for (; waitMs(rate, dueAt, 1e12) === 0; admitted++) dueAt = nextDue(rate, dueAt, 1e12)
  t.equal(admitted, 5)
})

test('a table keeps keys apart until it is full, and never grows', async (t) => {
  const table = new DueTable(1024, 7)
  for (let i = 0; i < 200; i++) table.set(table.find(`key-${i}`, 0), 1_000 + i)
  const wrong = Array.from({ length: 200 }, (_, i) => table.due(table.find(`key-${i}`, 0)))
    .filter((due, i) => due !== 1_000 + i)
  t.strictSame(wrong, [])
  for (let i = 0; i < 100_000; i++) table.set(table.find(`other-${i}`, 0), 2_000)
  t.equal(table.capacity, 1024)
  t.ok(table.evictions > 90_000)
})

test('a key that is due gives its place away before one that is not', async (t) => {
  const table = new DueTable(8, 7)
  table.set(table.find('limited', 0), 5_000)
  for (let i = 0; i < 7; i++) table.set(table.find(`due-${i}`, 0), 10)
  for (let i = 0; i < 50; i++) table.set(table.find(`new-${i}`, 100 + i), 101 + i)
  t.equal(table.due(table.find('limited', 200)), 5_000)
  t.equal(table.evictions, 0)
})

test('where a bucket starts is nobody else\'s to know: another seed, other neighbours', async (t) => {
  const place = (seed: number): number => new DueTable(1_048_576, seed).find('merchant', 0)
  t.not(place(1), place(2))
})
