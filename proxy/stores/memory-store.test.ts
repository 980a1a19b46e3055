import { test } from 'tap'
import { answerOf, claimOf, ShiftedClock } from '../../test/support/store-bench.ts'
import { storeContract } from '../../test/support/store-contract.ts'
import { MemoryStore } from './memory-store.ts'

storeContract('memory', () => {
  const clock = new ShiftedClock()
  const store = new MemoryStore(clock)
  let isJoined = false
  return {
    leaseMs: 10_000, sweptAfterMs: 30_000,
    join: async () => {
      if (isJoined) return null
      isJoined = true
      await store.open()
      return store
    },
    pass: async (ms) => { clock.shift(ms) },
    lose: async () => false,
  }
})

test('beyond its bytes the oldest bodies go, and no key does', async (t) => {
  const store = new MemoryStore(new ShiftedClock(), { maxRecords: 100, maxBytes: 5_000 })
  for (let i = 0; i < 10; i++) {
    store.claim(claimOf(`s:${i}`, 'a'))
    store.finish(`s:${i}`, 'a', answerOf(Buffer.alloc(1_000)), 60_000)
  }
  const found = Array.from({ length: 10 }, (_, i) => store.lookup(`s:${i}`))
  t.strictSame(new Set(found.map((f) => f.kind)), new Set(['done']))
  const gaps = found.map((f) => f.kind === 'done' ? f.answer.gap : 'lost')
  t.strictSame(gaps.slice(-4), [null, null, null, null])
  t.strictSame(new Set(gaps.slice(0, 5)), new Set(['evicted']))
  t.match(store.claim(claimOf('s:0', 'b')), { kind: 'done', answer: { status: 201, body: null, gap: 'evicted' } })
  t.ok(Number(store.inspect()['usedBytes']) <= 5_000)
})

test('a full store takes no new key, forgets none, and takes one again when one is over', async (t) => {
  const clock = new ShiftedClock()
  const store = new MemoryStore(clock, { maxRecords: 3, maxBytes: 1_000 })
  for (const key of ['s:1', 's:2', 's:3']) store.claim(claimOf(key, 'a', { ttlMs: 1_000 }))
  t.strictSame(store.claim(claimOf('s:4', 'a')), { kind: 'full' })
  t.match(store.claim(claimOf('s:1', 'a')), { kind: 'taken' }, 'its own word again')
  store.finish('s:1', 'a', answerOf(null), 1_000)
  clock.shift(30_000)
  t.match(store.claim(claimOf('s:4', 'a')), { kind: 'taken' })
  t.match(store.claim(claimOf('s:5', 'a')), { kind: 'full' }, 'what is in flight stays, however long')
})

test('sweeping drops a bounded number of records that are over, and their bytes', async (t) => {
  const clock = new ShiftedClock()
  const store = new MemoryStore(clock)
  for (let i = 0; i < 2_500; i++) {
    store.claim(claimOf(`s:${i}`, 'a', { ttlMs: 1_000 }))
    store.finish(`s:${i}`, 'a', answerOf(Buffer.alloc(10)), 1_000)
  }
  clock.shift(30_000)
  t.strictSame([1, 2, 3, 4].map(() => store.sweep().count), [1_000, 1_000, 500, 0])
  t.match(store.inspect(), { records: 0, usedBytes: 0 })
})

test('a wall clock that jumps ends no record early', async (t) => {
  const clock = new ShiftedClock()
  const store = new MemoryStore(clock)
  store.claim(claimOf('s:1', 'a'))
  store.finish('s:1', 'a', answerOf(null), 60_000)
  clock.wallShiftMs = 2 * 86_400_000
  store.sweep()
  t.match(store.lookup('s:1'), { kind: 'done' })
})
