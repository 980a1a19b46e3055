import { test } from 'tap'
import { startRedis } from '../../test/support/redis-server.ts'
import { answerOf, claimOf } from '../../test/support/store-bench.ts'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { systemClock } from '../core/clock.ts'
import type { ClaimResult, RecordStore, StoreFault } from '../core/record-store.ts'
import { GuardedStore, guardDefaults } from './guarded-store.ts'
import { MemoryStore } from './memory-store.ts'
import { RedisStore } from './redis-store.ts'
import { storeFault } from './store-fault.ts'

/** A memory store that answers late, not at all, or with a fault, as the test says. */
class TroubledStore extends MemoryStore {
  trouble: 'none' | 'silent' | 'away' = 'none'
  calls = 0
  readonly held: (() => void)[] = []

  override claim(request: Parameters<MemoryStore['claim']>[0]): ClaimResult {
    this.calls++
    const act = (): ClaimResult => super.claim(request)
    if (this.trouble === 'away') return away
    if (this.trouble === 'none') return act()
    // The type of the base is synchronous, the contract is not.
    return new Promise<ClaimResult>((resolve) => { this.held.push(() => { resolve(act()) }) }) as unknown as ClaimResult
  }

  override ping(): { readonly kind: 'up' } {
    return this.trouble === 'none' ? { kind: 'up' } : away as unknown as { readonly kind: 'up' }
  }
}

const away: StoreFault = storeFault('unavailable', 'away')

function setUp(): { clock: VirtualClock; inner: TroubledStore; store: RecordStore; turns: (string | null)[] } {
  const clock = new VirtualClock()
  const inner = new TroubledStore(clock)
  const turns: (string | null)[] = []
  const onTurn = (fault: StoreFault | null): void => { turns.push(fault?.reason ?? null) }
  return { clock, inner, turns, store: new GuardedStore(inner, clock, { ...guardDefaults, onTurn }) }
}

test('what a store answers at once is passed on at once', async (t) => {
  const { store } = setUp()
  t.notOk(store.lookup('s:1') instanceof Promise)
  t.match(store.claim(claimOf('s:1', 'a')), { kind: 'taken' })
  t.strictSame(store.finish('s:1', 'a', answerOf(null), 1_000), { kind: 'stored' })
})

test('a store that is silent costs its deadline, and a claim that comes late is given back', async (t) => {
  const { clock, inner, store } = setUp()
  inner.trouble = 'silent'
  const claimed = store.claim(claimOf('s:1', 'a'))
  await clock.run(249)
  inner.trouble = 'none'
  await clock.run(251)
  t.match(await claimed, { kind: 'fault', reason: 'timeout', message: /250 ms/ })
  inner.held[0]?.()
  await clock.run(260)
  t.strictSame(inner.lookup('s:1'), { kind: 'absent' })
  t.match(store.inspect(), { timeouts: 1, strayClaims: 0 })
})

test('after five faults in a row nobody asks any more, and a probe brings it back', async (t) => {
  const { clock, inner, store, turns } = setUp()
  inner.trouble = 'away'
  for (let i = 0; i < 5; i++) t.match(await store.claim(claimOf('s:1', `a${i}`)), { kind: 'fault', message: 'away' })
  t.equal(inner.calls, 5)
  t.match(store.claim(claimOf('s:1', 'b')), { kind: 'fault', reason: 'unavailable', message: /taken out/ })
  t.match(store.lookup('s:1'), { kind: 'fault' })
  t.equal(inner.calls, 5)
  t.match(store.inspect(), { isUp: 0, breakerOpened: 1, refusedWhileOpen: 1 })
  await clock.run(2_000)
  t.match(store.ping(), { kind: 'fault' }, 'still away')
  inner.trouble = 'none'
  await clock.run(2_600)
  t.match(store.claim(claimOf('s:1', 'c')), { kind: 'taken' })
  t.strictSame(turns, ['unavailable', null])
})

test('an answer between faults starts the count anew', async (t) => {
  const { inner, store } = setUp()
  for (let i = 0; i < 20; i++) {
    inner.trouble = i % 5 === 4 ? 'none' : 'away'
    await store.claim(claimOf(`s:${i}`, 'a'))
  }
  t.match(store.inspect(), { isUp: 1, faults: 16 })
})

test('words that waited for the same thing are one fault together, and five such in a row take the store out',
  async (t) => {
    const { clock, inner, store, turns } = setUp()
    inner.trouble = 'silent'
    for (let incident = 1; incident <= 5; incident++) {
      // Twenty at once, and twenty that come while those wait.
      const words = Array.from({ length: 20 }, (_, i) => store.claim(claimOf(`s:${incident}:${i}`, 'a')))
      await clock.run(incident * 1_000 - 900)
      for (let i = 20; i < 40; i++) words.push(store.claim(claimOf(`s:${incident}:${i}`, 'a')))
      await clock.run(incident * 1_000 - 100)
      for (const word of words) t.match(await word, { kind: 'fault', reason: 'timeout' })
      t.match(store.inspect(), { isUp: incident < 5 ? 1 : 0, timeouts: incident * 40 })
      await clock.run(incident * 1_000)
    }
    t.strictSame(turns, ['unavailable'])
  })

test('a record that cannot be read does not take the store out', async (t) => {
  const { clock } = setUp()
  const inner = new MemoryStore(clock)
  const corrupt = storeFault('corrupt', 'x')
  Object.defineProperty(inner, 'lookup', { value: () => corrupt })
  const store = new GuardedStore(inner, clock)
  for (let i = 0; i < 20; i++) t.equal(store.lookup('s:1'), corrupt)
  t.match(store.inspect(), { isUp: 1 })
})

test('a store that throws is a fault, not an exception', async (t) => {
  const inner = new MemoryStore(new VirtualClock())
  Object.defineProperty(inner, 'lookup', { value: () => { throw new Error('defect') } })
  t.match(new GuardedStore(inner, new VirtualClock()).lookup('s:1'), { kind: 'fault', message: /defect/ })
})

test('a paused Redis is a timeout, then a refusal at once, and serves within two seconds of its return', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const redis = new RedisStore(systemClock, {
    where: { kind: 'single', url: server.url }, prefix: 'g:', acceptLoss: false, keys: null, connectTimeoutMs: 1_000,
  })
  const store = new GuardedStore(redis, systemClock)
  t.teardown(() => store.close())
  t.match(await store.open(), { kind: 'opened' })
  server.pause()
  for (let incident = 0; incident < 5; incident++) {
    const results = await Promise.all(Array.from({ length: 8 }, async (_, i) => store.claim(claimOf(`s:${i}`, 'a'))))
    t.strictSame(new Set(results.map((r) => r.kind === 'fault' && r.reason)), new Set(['timeout']))
  }
  const startMs = performance.now()
  t.match(await store.claim(claimOf('s:9', 'a')), { kind: 'fault', reason: 'unavailable' })
  t.ok(performance.now() - startMs < 20)
  server.resume()
  const backMs = performance.now()
  while ((await store.lookup('s:9')).kind === 'fault' && performance.now() - backMs < 4_000) {
    await new Promise((resolve) => { setTimeout(resolve, 20) })
  }
  t.ok(performance.now() - backMs < 2_000)
  while (Number(store.inspect()['strayClaims']) > 0 && performance.now() - backMs < 4_000) {
    await new Promise((resolve) => { setTimeout(resolve, 20) })
  }
  t.match(await store.claim(claimOf('s:0', 'b')), { kind: 'taken' }, 'what was claimed unseen was given back')
})
