// The last words on one claim, as they are written down: each waits for the store within a bound, and what the store
// would not take then is said again in the background until it does. Whoever waits for the key is woken.

import type { ClaimToken, DoneRecord, DoubtReason, Lookup, Soon, StoredAnswer, TokenResult } from
  '../../core/record-store.ts'
import type { Timer } from '../../core/clock.ts'
import type { KeyStatus } from './answers.ts'
import type { Keyed } from './keyed.ts'

/** Between two tries of a word that the store did not take, ms: from, and at most. */
const againFromMs = 100
const againMostMs = 2_000

type Word = 'finish' | 'release' | 'doubt'

export class Ledger {
  readonly #keyed: Keyed
  readonly #token: ClaimToken
  readonly #claim: { readonly generation: number; readonly createdAtMs: number }

  constructor(
    keyed: Keyed, token: ClaimToken, claim: { readonly generation: number; readonly createdAtMs: number },
  ) {
    this.#keyed = keyed
    this.#token = token
    this.#claim = claim
  }

  renew(): Soon<TokenResult> {
    const { route, record } = this.#keyed
    return route.desk.timed('renew', () => route.desk.store.renew(record, this.#token, route.settings.leaseMs))
  }

  /** Records the answer: `executed`, or `unrecorded` where a duplicate elsewhere would not get it yet, or ever. */
  async finish(answer: StoredAnswer): Promise<KeyStatus> {
    const { desk, settings } = this.#keyed.route
    const key = this.#keyed.record
    const done: DoneRecord = {
      kind: 'done', fingerprint: this.#keyed.fingerprint, credential: this.#keyed.credential,
      generation: this.#claim.generation, createdAtMs: this.#claim.createdAtMs,
      finishedAtMs: desk.clock.wallMs(), answer,
    }
    const write = (): Soon<TokenResult> => desk.store.finish(key, this.#token, answer, settings.ttlMs)
    const result = await this.#say('finish', write, () => { desk.forget(key) })
    if (result === 'late') {
      const isKept = desk.keep(key, done)
      this.#wake(isKept ? done : null)
      return 'unrecorded'
    }
    const isOurs = result === 'stored' || result === 'already'
    this.#wake(isOurs ? done : null)
    return isOurs ? 'executed' : 'unrecorded'
  }

  /** Frees the key. */
  async release(): Promise<void> {
    const { store } = this.#keyed.route.desk
    const result = await this.#say('release', () => store.release(this.#keyed.record, this.#token))
    this.#wake(result === 'stored' || result === 'gone' ? { kind: 'absent' } : null)
  }

  /** Says that nobody knows. */
  async doubt(reason: DoubtReason): Promise<void> {
    const { store } = this.#keyed.route.desk
    await this.#say('doubt', () => store.doubt(this.#keyed.record, this.#token, reason))
    this.#wake(null)
  }

  #wake(found: Lookup | null): void {
    this.#keyed.route.desk.waiters.wake(this.#keyed.record, found)
  }

  /** `late`: not within the time of the route; it goes on in the background, and `after` is called when it is done. */
  #say(word: Word, write: () => Soon<TokenResult>, after?: () => void): Soon<TokenResult['kind'] | 'late'> {
    const { desk, settings } = this.#keyed.route
    const first = desk.timed(word, write)
    if (!(first instanceof Promise)) {
      if (first.kind !== 'fault') return first.kind
      new Persistence(this.#keyed, word, write, after).again()
      return 'late'
    }
    return new Promise((resolve) => {
      let background: Persistence | null = null
      const timer = desk.clock.after(settings.recordTimeoutMs, () => {
        background = new Persistence(this.#keyed, word, write, after)
        resolve('late')
      })
      void first.then(({ kind }) => {
        timer.clear()
        if (kind !== 'fault') {
          background?.over()
          return resolve(kind)
        }
        background ??= new Persistence(this.#keyed, word, write, after)
        background.again()
        resolve('late')
      })
    })
  }
}

/** One word that is said until the store takes it, or the record would be gone by itself. */
class Persistence {
  readonly #keyed: Keyed
  readonly #word: Word
  readonly #write: () => Soon<TokenResult>
  readonly #after: (() => void) | undefined
  readonly #until: number
  #againMs = againFromMs
  #timer: Timer | null = null
  #isOver = false

  constructor(keyed: Keyed, word: Word, write: () => Soon<TokenResult>, after: (() => void) | undefined) {
    const { desk, settings } = keyed.route
    this.#keyed = keyed
    this.#word = word
    this.#write = write
    this.#after = after
    this.#until = desk.clock.now() + settings.ttlMs
    // A process that leaves waits for it, within its time.
    desk.house.inFlight++
  }

  again(): void {
    const { desk } = this.#keyed.route
    if (desk.clock.now() >= this.#until) return this.over()
    this.#timer = desk.clock.after(this.#againMs, () => {
      const result = desk.timed(this.#word, this.#write)
      const seen = ({ kind }: TokenResult): void => {
        if (kind === 'fault') this.again()
        else this.over()
      }
      if (result instanceof Promise) void result.then(seen)
      else seen(result)
    })
    this.#againMs = Math.min(againMostMs, this.#againMs * 2)
  }

  over(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer?.clear()
    this.#keyed.route.desk.house.inFlight--
    this.#after?.()
  }
}
