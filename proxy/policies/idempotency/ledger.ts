// The last words on one claim, as they are written down: each waits for the store within a bound, and what the store
// would not take then is said again in the background until it does. Whoever waits for the key is woken.

import type { ClaimToken, DoneRecord, DoubtReason, Lookup, Soon, StoredAnswer, TokenResult } from
  '../../core/record-store.ts'
import { follow } from '../../core/soon.ts'
import type { Timer } from '../../core/clock.ts'
import type { KeyStatus } from './answers.ts'
import type { Open } from './desk.ts'
import type { Keyed } from './keyed.ts'

/** Between two tries of a word that the store did not take, ms: from, and at most. */
const againFromMs = 100
const againMostMs = 2_000

type Word = 'finish' | 'release' | 'doubt'
/** `late`: not within the time of the route; it goes on in the background. */
type Said = Exclude<TokenResult['kind'], 'fault'> | 'late'

export class Ledger {
  readonly #keyed: Keyed
  readonly #token: ClaimToken
  readonly #claim: { readonly generation: number; readonly createdAtMs: number }
  readonly #claimedAt: number

  constructor(
    keyed: Keyed, token: ClaimToken, claim: { readonly generation: number; readonly createdAtMs: number },
  ) {
    this.#keyed = keyed
    this.#token = token
    this.#claim = claim
    this.#claimedAt = keyed.route.desk.clock.now()
  }

  renew(): Soon<TokenResult> {
    const { route, record } = this.#keyed
    return route.desk.timed('renew', () => route.desk.store.renew(record, this.#token, route.settings.leaseMs), same)
  }

  /** Records the answer: `executed`, or `unrecorded` where a duplicate elsewhere would not get it yet, or ever. */
  finish(answer: StoredAnswer): Soon<KeyStatus> {
    const { desk, settings } = this.#keyed.route
    const key = this.#keyed.record
    const done: DoneRecord = {
      kind: 'done', fingerprint: this.#keyed.fingerprint, credential: this.#keyed.credential,
      generation: this.#claim.generation, createdAtMs: this.#claim.createdAtMs,
      finishedAtMs: desk.clock.wallMs(), answer,
    }
    const write = (): Soon<TokenResult> => desk.store.finish(key, this.#token, answer, settings.ttlMs)
    return this.#say('finish', write, (said) => this.#finished(said, done))
  }

  /** Frees the key. */
  release(): Soon<void> {
    const { store } = this.#keyed.route.desk
    return this.#say('release', () => store.release(this.#keyed.record, this.#token), (said) => {
      this.#wake(said === 'stored' || said === 'gone' ? { kind: 'absent' } : null)
    })
  }

  /** Says that nobody knows. */
  doubt(reason: DoubtReason): Soon<void> {
    const { store, meter } = this.#keyed.route.desk
    return this.#say('doubt', () => store.doubt(this.#keyed.record, this.#token, reason), (said) => {
      if (said === 'stored' || said === 'late') meter.doubted(reason)
      this.#wake(null)
    })
  }

  #finished(said: Said, done: DoneRecord): KeyStatus {
    if (said === 'late') {
      const isKept = this.#keyed.route.desk.keep(this.#keyed.record, done)
      this.#wake(isKept ? done : null)
      return 'unrecorded'
    }
    const isOurs = said === 'stored' || said === 'already'
    this.#wake(isOurs ? done : null)
    return isOurs ? 'executed' : 'unrecorded'
  }

  /** Not at once: whoever is woken goes on, and what the store says at once is said in the midst of something. */
  #wake(found: Lookup | null): void {
    const { route: { desk: { waiters } }, record } = this.#keyed
    if (waiters.has(record)) queueMicrotask(() => { waiters.wake(record, found) })
  }

  #say<T>(word: Word, write: () => Soon<TokenResult>, next: (said: Said) => T): Soon<T> {
    const { desk, settings } = this.#keyed.route
    // A store that answers within that time, if only with a fault, needs no second bound.
    const isBounded = (desk.store.answersWithinMs ?? Infinity) <= settings.recordTimeoutMs
    if (!isBounded) return follow(this.#sayBounded(word, write), next)
    return desk.timed(word, write, ({ kind }) => next(kind === 'fault' ? this.#saidLater(word, write) : kind))
  }

  #saidLater(word: Word, write: () => Soon<TokenResult>): 'late' {
    this.#persistence(word, write).again()
    return 'late'
  }

  #persistence(word: Word, write: () => Soon<TokenResult>): Persistence {
    return new Persistence(this.#keyed, word, write, this.#claimedAt)
  }

  #sayBounded(word: Word, write: () => Soon<TokenResult>): Soon<Said> {
    const { desk, settings } = this.#keyed.route
    const first = desk.timed(word, write, same)
    if (!(first instanceof Promise)) return first.kind === 'fault' ? this.#saidLater(word, write) : first.kind
    return new Promise((resolve) => {
      let background: Persistence | null = null
      const timer = desk.clock.after(settings.recordTimeoutMs, () => {
        background = this.#persistence(word, write)
        resolve('late')
      })
      void first.then(({ kind }) => {
        timer.clear()
        if (kind !== 'fault') {
          background?.over()
          return resolve(kind)
        }
        background ??= this.#persistence(word, write)
        background.again()
        resolve('late')
      })
    })
  }
}

function same(result: TokenResult): TokenResult { return result }

/** One word that is said until the store takes it, or the record would be gone by itself. */
class Persistence implements Open {
  listIndex = -1
  readonly claimedAt: number
  readonly #keyed: Keyed
  readonly #word: Word
  readonly #write: () => Soon<TokenResult>
  readonly #until: number
  #againMs = againFromMs
  #timer: Timer | null = null
  #isOver = false

  constructor(keyed: Keyed, word: Word, write: () => Soon<TokenResult>, claimedAt: number) {
    const { desk, settings } = keyed.route
    this.#keyed = keyed
    this.#word = word
    this.#write = write
    this.claimedAt = claimedAt
    this.#until = desk.clock.now() + settings.ttlMs
    desk.unsaid.add(this)
    // A process that leaves waits for it, within its time.
    desk.house.inFlight++
  }

  again(): void {
    const { desk } = this.#keyed.route
    if (desk.clock.now() >= this.#until) return this.over()
    this.#timer = desk.clock.after(this.#againMs, () => {
      void desk.timed(this.#word, this.#write, ({ kind }) => {
        if (kind === 'fault') this.again()
        else this.over()
      })
    })
    this.#againMs = Math.min(againMostMs, this.#againMs * 2)
  }

  over(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer?.clear()
    const { desk } = this.#keyed.route
    desk.house.inFlight--
    desk.unsaid.remove(this)
    if (this.#word === 'finish') desk.forget(this.#keyed.record)
  }
}
