import { test } from 'tap'
import { VirtualClock } from '../../../test/sim/virtual-clock.ts'
import { nextDue, waitMs } from '../../algorithms/gcra.ts'
import type { Rate } from '../../algorithms/gcra.ts'
import type { TokenLease } from '../../core/token-lease.ts'
import { LeasedLimit } from './leased-limit.ts'

/** One bucket for all, asked over a network that takes 5 ms each way; `isUp` false: it is away. */
class Store implements TokenLease {
  isUp = true
  asked = 0
  readonly keys = new Set<string>()
  readonly #clock: VirtualClock
  readonly #buckets = new Map<string, { tokens: number; at: number }>()
  constructor(clock: VirtualClock) { this.#clock = clock }

  take(key: string, want: number, ratePerMs: number, burst: number): Promise<number> {
    this.asked++
    this.keys.add(key)
    return new Promise((resolve, reject) => {
      this.#clock.after(10, () => {
        if (!this.isUp) return reject(new Error('away'))
        const now = this.#clock.now()
        const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now }
        bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) * ratePerMs)
        bucket.at = now
        const granted = Math.min(want, Math.floor(bucket.tokens))
        bucket.tokens -= granted
        this.#buckets.set(key, bucket)
        resolve(granted)
      })
    })
  }
}

/** An instance with its own limit and what it holds of the shared one. */
class Replica {
  admitted = 0
  readonly #leased: LeasedLimit
  readonly #rate: Rate
  #due = -Infinity
  constructor(rate: Rate, lease: TokenLease, clock: VirtualClock) {
    this.#rate = rate
    this.#leased = new LeasedLimit({ name: 'm', rate, lease, clock, turned: () => {} })
  }
  ask(now: number): void {
    if (Math.max(waitMs(this.#rate, this.#due, now), this.#leased.waitMs('k', now)) > 0) return
    this.#due = nextDue(this.#rate, this.#due, now)
    this.#leased.spent('k', now)
    this.admitted++
  }
}

/** Each replica is asked `perSecond` times a second for `seconds`. */
async function flood(
  replicas: readonly Replica[], clock: VirtualClock, perSecond: number, seconds: number,
): Promise<number> {
  const endMs = clock.now() + seconds * 1000
  const each = (): void => {
    for (const replica of replicas) replica.ask(clock.now())
    if (clock.now() < endMs) clock.after(1000 / perSecond, each)
  }
  each()
  await clock.run(endMs + 100)
  return replicas.reduce((sum, { admitted }) => sum + admitted, 0)
}

const rate: Rate = { intervalMs: 20, burst: 50 }

test('three instances under a flood admit one rate together, not three', async (t) => {
  const clock = new VirtualClock()
  const store = new Store(clock)
  const replicas = Array.from({ length: 3 }, () => new Replica(rate, store, clock))
  const admitted = await flood(replicas, clock, 200, 60)
  t.ok(admitted <= 60 * 50 + 50 + 3 * 10, `${admitted} of at most about 3,080`)
  t.ok(admitted >= 60 * 50 * 0.95, `${admitted} of about 3,050`)
  t.ok(store.asked < 60_000 / 10 * 3, `asked ${store.asked} times`)
})

test('while the store is away each is limited by its own rate, and nobody waits', async (t) => {
  const clock = new VirtualClock()
  const store = new Store(clock)
  store.isUp = false
  const replicas = Array.from({ length: 2 }, () => new Replica(rate, store, clock))
  const admitted = await flood(replicas, clock, 200, 20)
  t.ok(admitted >= 2 * 20 * 50 && admitted <= 2 * (20 * 50 + 51), String(admitted))
  t.ok(store.asked <= 2 * 21, `asked ${store.asked} times: not more than once a second each`)
})

test('when it is back they share again', async (t) => {
  const clock = new VirtualClock()
  const store = new Store(clock)
  store.isUp = false
  const replicas = Array.from({ length: 2 }, () => new Replica(rate, store, clock))
  const before = await flood(replicas, clock, 200, 10)
  store.isUp = true
  await flood(replicas, clock, 200, 5)
  const settled = replicas.reduce((sum, { admitted }) => sum + admitted, 0)
  const admitted = await flood(replicas, clock, 200, 20) - settled
  t.ok(before > 900)
  t.ok(admitted <= 20 * 50 * 1.05 + 20, `${admitted} of about 1,000`)
})

test('what callers sent is not told to the store', async (t) => {
  const clock = new VirtualClock()
  const store = new Store(clock)
  const leased = new LeasedLimit({ name: 'm', rate, lease: store, clock, turned: () => {} })
  leased.spent('merchant-secret', 0)
  await clock.run(100)
  t.equal(store.keys.size, 1)
  t.notMatch([...store.keys].join(), /merchant-secret/)
})
