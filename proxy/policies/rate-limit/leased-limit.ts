// What this instance holds of a limit that several keep together: tokens leased in advance, asked for again before they
// run out, and debts where requests were admitted before a lease had come. Deciding never waits: a key that nothing is
// known of, and every key while the store is away, is limited by this instance's own rate alone.
//
// Over any time all instances together admit at most rate * time + burst, and beside that each the tokens of one lease
// and what it admitted while an answer was on its way.

import { createHash } from 'node:crypto'
import type { Rate } from '../../algorithms/gcra.ts'
import type { Clock } from '../../core/clock.ts'
import type { TokenLease } from '../../core/token-lease.ts'
import type { SharedLimit } from './limiter.ts'

/** A lease lasts about this long at the full rate, ms: what one instance can keep from the others. */
const leaseMs = 100
/** No more of the burst than this in one instance's hands. */
const largestPart = 0.1
/** Keys known at once; the longest unused are forgotten, and with them what was leased or owed. */
const maxKeys = 50_000
/** After a failure nobody is asked for this long, ms. */
const restMs = 1_000

interface Holding {
  /** Below zero: admitted without a token. */
  tokens: number
  isAsking: boolean
  /** The last lease was not all that was asked for: the others have taken the rest. */
  isDry: boolean
  /** Until then there is no use in asking, clock ms. */
  askAt: number
}

export interface LeasedLimitOptions {
  /** Names the limit at the store; the same in all instances. */
  readonly name: string
  readonly rate: Rate
  readonly lease: TokenLease
  readonly clock: Clock
  /** The store answers again, or no longer. */
  readonly turned: (isUp: boolean) => void
}

export class LeasedLimit implements SharedLimit {
  readonly #options: LeasedLimitOptions
  readonly #batch: number
  readonly #holdings = new Map<string, Holding>()
  #restUntil = -Infinity

  constructor(options: LeasedLimitOptions) {
    const { intervalMs, burst } = options.rate
    this.#options = options
    this.#batch = Math.max(1, Math.min(Math.ceil(leaseMs / intervalMs), Math.floor(burst * largestPart)))
  }

  waitMs(key: string, now: number): number {
    const holding = this.#holdings.get(key)
    if (holding === undefined || !holding.isDry || holding.tokens >= 1 || now < this.#restUntil) return 0
    // Asked on behalf of those who come: who is refused now finds what has been leased meanwhile.
    if (!holding.isAsking && now >= holding.askAt) void this.#ask(key, holding)
    return Math.max(this.#options.rate.intervalMs, holding.askAt - now)
  }

  spent(key: string, now: number): void {
    const holding = this.#holding(key)
    holding.tokens--
    const isDue = now >= this.#restUntil && now >= holding.askAt
    if (holding.tokens < this.#batch / 2 && !holding.isAsking && isDue) void this.#ask(key, holding)
  }

  #holding(key: string): Holding {
    const known = this.#holdings.get(key)
    if (known !== undefined) {
      // The order of the map is that of use.
      this.#holdings.delete(key)
      this.#holdings.set(key, known)
      return known
    }
    if (this.#holdings.size >= maxKeys) {
      for (const oldest of this.#holdings.keys()) {
        this.#holdings.delete(oldest)
        break
      }
    }
    const holding: Holding = { tokens: 0, isAsking: false, isDry: false, askAt: -Infinity }
    this.#holdings.set(key, holding)
    return holding
  }

  async #ask(key: string, holding: Holding): Promise<void> {
    const { name, rate: { intervalMs, burst }, lease, clock, turned } = this.#options
    holding.isAsking = true
    // What callers sent never leaves this process.
    const digest = createHash('sha256').update(key).digest('base64url')
    const want = Math.min(burst, this.#batch - Math.min(0, Math.floor(holding.tokens)))
    try {
      const granted = await lease.take(`${name}:${digest}`, want, 1 / intervalMs, burst)
      holding.tokens = Math.max(-burst, holding.tokens + granted)
      holding.isDry = granted < want
      holding.askAt = clock.now() + (holding.isDry ? intervalMs : 0)
      turned(true)
    } catch {
      this.#restUntil = clock.now() + restMs
      // What was admitted while nobody could be asked is forgiven: the limit of this instance has counted it.
      holding.tokens = 0
      holding.isDry = false
      turned(false)
    }
    holding.isAsking = false
  }
}
