// Any store, with a deadline on every word and a breaker of its own: a store that is away costs a request its deadline
// a few times, and then nothing; it is probed beside the requests. It also gives back claims whose answer came too
// late or never, so that a key nobody dispatched for does not stay taken.

import type { Clock, Timer } from '../core/clock.ts'
import type { ClaimRequest, ClaimResult, ClaimToken, Decision, Doubt, DoubtReason, Lookup, Opened, RecordCounts,
  RecordKey, RecordStore, ResolveResult, Soon, StoredAnswer, StoreFault, TokenResult } from '../core/record-store.ts'
import { messageOf, storeFault } from './store-fault.ts'

export interface GuardOptions {
  /** For each word; 250 ms is many times what a store in reach needs. */
  readonly timeoutMs: number
  /** Faults of reach one after another, with no answer between, that open the breaker. Words that overlap are one. */
  readonly failures: number
  /** Between two probes of an open breaker. */
  readonly probeEveryMs: number
  /** The breaker opened (with why) or shut (null). */
  readonly onTurn: ((fault: StoreFault | null) => void) | null
}

export const guardDefaults: GuardOptions = {
  timeoutMs: 250, failures: 5, probeEveryMs: 500, onTurn: null,
}

/** Claims that may have been applied without our knowing; older ones are left to end as doubts. */
const maxStrays = 1_000

/** Lists and counts walk over many records. */
const patience = 20

export class GuardedStore implements RecordStore {
  readonly kind: RecordStore['kind']
  readonly isShared: boolean
  readonly answersWithinMs: number
  readonly #store: RecordStore
  readonly #clock: Clock
  readonly #options: GuardOptions
  readonly #tooLate: StoreFault
  /** Not null: open, and this is what everybody is told. */
  #down: StoreFault | null = null
  #inARow = 0
  /** When the last of those was seen. */
  #faultMs = -Infinity
  #timer: Timer | null = null
  #isClosed = false
  readonly #strays = new Map<ClaimToken, RecordKey>()
  #faults = 0
  #timeouts = 0
  #turns = 0
  #refused = 0

  constructor(store: RecordStore, clock: Clock, options: GuardOptions = guardDefaults) {
    this.#store = store
    this.#clock = clock
    this.#options = options
    this.kind = store.kind
    this.isShared = store.isShared
    this.answersWithinMs = options.timeoutMs
    this.#tooLate = storeFault('timeout', `The ${store.kind} store did not answer within ${options.timeoutMs} ms`)
  }

  get fill(): number | undefined { return this.#store.fill }

  open(): Promise<Opened> { return this.#store.open() }

  lookup(key: RecordKey): Soon<Lookup> {
    return this.#down ?? this.#timed(1, () => this.#store.lookup(key))
  }

  /** After a fault the token is spent: what it may have taken is given back behind the caller's back. */
  claim(request: ClaimRequest): Soon<ClaimResult> {
    if (this.#down !== null) return this.#refuse(this.#down)
    return this.#timed(1, () => this.#store.claim(request), request)
  }

  finish(key: RecordKey, token: ClaimToken, answer: StoredAnswer, ttlMs: number): Soon<TokenResult> {
    return this.#down ?? this.#timed(1, () => this.#store.finish(key, token, answer, ttlMs))
  }

  release(key: RecordKey, token: ClaimToken): Soon<TokenResult> {
    return this.#down ?? this.#timed(1, () => this.#store.release(key, token))
  }

  doubt(key: RecordKey, token: ClaimToken, reason: DoubtReason): Soon<TokenResult> {
    return this.#down ?? this.#timed(1, () => this.#store.doubt(key, token, reason))
  }

  renew(key: RecordKey, token: ClaimToken, leaseMs: number): Soon<TokenResult> {
    return this.#down ?? this.#timed(1, () => this.#store.renew(key, token, leaseMs))
  }

  resolve(key: RecordKey, decision: Decision, ttlMs: number): Soon<ResolveResult> {
    return this.#down ?? this.#timed(1, () => this.#store.resolve(key, decision, ttlMs))
  }

  counts(): Soon<RecordCounts | StoreFault> {
    return this.#down ?? this.#timed(patience, () => this.#store.counts())
  }

  doubts(limit: number): Soon<{ readonly kind: 'doubts'; readonly list: readonly Doubt[] } | StoreFault> {
    return this.#down ?? this.#timed(patience, () => this.#store.doubts(limit))
  }

  purge(scope: string): Promise<{ readonly kind: 'purged'; readonly count: number } | StoreFault> {
    return this.#down === null ? this.#store.purge(scope) : Promise.resolve(this.#down)
  }

  sweep(): Soon<{ readonly kind: 'swept'; readonly count: number } | StoreFault> {
    return this.#down ?? this.#store.sweep()
  }

  async acceptLoss(): Promise<{ readonly kind: 'accepted' } | StoreFault> {
    return this.#down ?? await this.#store.acceptLoss?.() ?? storeFault('misconfigured', 'This store is not shared')
  }

  ping(): Soon<{ readonly kind: 'up' } | StoreFault> { return this.#down ?? { kind: 'up' } }

  inspect(): Record<string, number | string> {
    return {
      ...this.#store.inspect(), isUp: this.#down === null ? 1 : 0, faults: this.#faults, timeouts: this.#timeouts,
      breakerOpened: this.#turns, refusedWhileOpen: this.#refused, strayClaims: this.#strays.size,
    }
  }

  close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.clear()
    return this.#store.close()
  }

  #refuse(fault: StoreFault): StoreFault {
    this.#refused++
    return fault
  }

  /** `claim`: what is given back when it may have been applied without our knowing. */
  #timed<T extends { readonly kind: string }>(
    times: number, act: () => Soon<T>, claim?: ClaimRequest,
  ): Soon<T | StoreFault> {
    const startMs = this.#clock.now()
    let answer: Soon<T | StoreFault>
    try {
      answer = act()
    } catch (error) {
      answer = this.#broke(error)
    }
    if (!(answer instanceof Promise)) return this.#note(startMs, answer)
    const promise = answer
    return new Promise<T | StoreFault>((resolve) => {
      let isOver = false
      const tell = (result: T | StoreFault): void => {
        resolve(this.#note(startMs, result))
        if (claim !== undefined && result.kind === 'fault' && isOfReach(result as StoreFault)) this.#stray(claim)
      }
      const timer = this.#clock.after(this.#options.timeoutMs * times, () => {
        isOver = true
        this.#timeouts++
        tell(this.#tooLate)
      })
      const settle = (result: T | StoreFault): void => {
        if (!isOver) {
          timer.clear()
          tell(result)
        // It came, but the deadline had been told before.
        } else if (claim !== undefined) this.#giveBack(claim.token, claim.key)
      }
      promise.then(settle, (error: unknown) => { settle(this.#broke(error)) })
    })
  }

  #note<T extends { readonly kind: string }>(startMs: number, result: T): T {
    if (result.kind !== 'fault') {
      this.#inARow = 0
      if (this.#strays.size > 0 && this.#down === null) this.#giveAllBack()
      return result
    }
    this.#faults++
    // A record that cannot be read or a full disk is an answer too: the store is in reach.
    const fault = result as unknown as StoreFault
    // What began before the last fault was seen waited for the same: a slow commit is one fault, not dozens.
    if (!isOfReach(fault) || startMs < this.#faultMs) return result
    this.#faultMs = this.#clock.now()
    if (++this.#inARow >= this.#options.failures) this.#open(fault)
    return result
  }

  #open(fault: StoreFault): void {
    if (this.#down !== null) return
    this.#down = storeFault('unavailable', `The ${this.kind} store is taken out until it answers: ${fault.message}`)
    this.#turns++
    this.#options.onTurn?.(this.#down)
    this.#probeLater()
  }

  #probeLater(): void {
    if (this.#isClosed) return
    this.#timer = this.#clock.after(this.#options.probeEveryMs, () => { void this.#probe() })
  }

  async #probe(): Promise<void> {
    // Not through #timed: what a probe finds counts for nothing but the breaker.
    const late = new Promise<StoreFault>((resolve) => {
      this.#clock.after(this.#options.timeoutMs, () => { resolve(this.#tooLate) })
    })
    let found: { readonly kind: 'up' } | StoreFault
    try {
      found = await Promise.race([this.#store.ping(), late])
    } catch {
      // A store that throws has a defect, and is not up.
      found = this.#tooLate
    }
    if (found.kind === 'fault') { this.#probeLater(); return }
    this.#down = null
    this.#inARow = 0
    this.#options.onTurn?.(null)
    this.#giveAllBack()
  }

  /** A store that throws or rejects has a defect; its caller still gets a value. */
  #broke(error: unknown): StoreFault {
    return storeFault('unavailable', `The ${this.kind} store failed: ${messageOf(error)}`)
  }

  #stray({ token, key }: ClaimRequest): void {
    const [oldest] = this.#strays.keys()
    if (this.#strays.size >= maxStrays && oldest !== undefined) this.#strays.delete(oldest)
    this.#strays.set(token, key)
  }

  #giveAllBack(): void {
    for (const [token, key] of this.#strays) this.#giveBack(token, key)
  }

  /** Whatever comes of it: a claim that is not given back ends as a doubt, which is safe. */
  #giveBack(token: ClaimToken, key: RecordKey): void {
    this.#strays.delete(token)
    const released = this.#store.release(key, token)
    if (released instanceof Promise) released.catch(() => { /* See above. */ })
  }
}

/** Whether the store was not reached, as against reached and unable. */
function isOfReach(fault: StoreFault): boolean {
  return fault.reason === 'timeout' || fault.reason === 'unavailable'
}
