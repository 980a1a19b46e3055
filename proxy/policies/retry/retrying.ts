// Sends again what failed, where that is safe, useful and paid for: what the outcome matrix allows, another endpoint
// first, after a jittered wait, within the deadline, from the budget of the upstream. Never what one of us refused. The
// caller gets the last outcome that touched the wire; a refusal only while nothing was delivered.
//
// Observe: every request is sent once; what would have been sent again is counted in the status.

import { fullJitter } from '../../algorithms/backoff.ts'
import type { LatencyQuantile } from '../../algorithms/latency-quantile.ts'
import type { RetryBudget } from '../../algorithms/retry-budget.ts'
import type { Attempt, AttemptKind } from '../../core/attempt.ts'
import type { Clock } from '../../core/clock.ts'
import type { Counter } from '../../core/meter.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { OutcomeRow } from '../../core/outcome-matrix.ts'
import { isMarkedOverload } from '../../core/overload-mark.ts'
import { pause } from '../../core/pause.ts'
import type { House } from '../../core/house.ts'
import type { Handler } from '../../core/policy.ts'
import type { Random } from '../../core/random.ts'
import { ReplayBody } from '../../core/replay-body.ts'
import { retryAfterMs } from '../../core/retry-after.ts'
import type { Endpoint } from '../../core/upstream.ts'
import { KeptOutcome } from '../../core/whole-body.ts'
import type { Work } from '../../core/work.ts'
import { isHarmlessOnceSent, mayRepeat } from './repeatable.ts'
import type { Deduplication } from './repeatable.ts'

/** Of an answer that is held back while a better one is sought; error pages are smaller. */
const keptBytes = 64 * 1024
/** Who asks for a longer wait is passed on to the caller, who knows better what it is waiting for. */
const longestRetryAfterMs = 10_000
/** An answer came, and is not here any more: it was too long to be held back, or is still on its way. */
const notKept: Outcome = {
  kind: 'failed', fault: 'upstream.reset', cause: 'its answer was given up for another attempt, which was not made',
}
/** Bounds of the first span when none is configured. */
const [shortestBaseMs, longestBaseMs] = [10, 200]

export interface RetryingOptions {
  readonly maxAttempts: number
  /** Null: what an answer usually takes. */
  readonly baseMs: number | null
  readonly maxMs: number
  readonly maxBodyBytes: number
  readonly deduplication: Deduplication | null
  readonly endpoints: () => readonly Endpoint[]
  readonly isSeawall: boolean
  readonly budget: RetryBudget
  readonly pace: LatencyQuantile
  readonly clock: Clock
  readonly random: Random
  /** The house whose callers they are, which nobody keeps waiting while it refuses; null: the service itself calls. */
  readonly house: House | null
  /** Counts an attempt sent again, by what had befallen the one before. */
  readonly sentAgain: (row: OutcomeRow) => Counter
}

export class Retrying {
  readonly #next: Handler
  readonly #options: RetryingOptions
  /** For the status. */
  readonly figures = { sentAgain: 0, wouldHaveSentAgain: 0, notPaid: 0, bodiesTooLarge: 0 }

  constructor(next: Handler, options: RetryingOptions) {
    this.#next = next
    this.#options = options
  }

  readonly handle: Handler = async (work, kind) => {
    const { deduplication, random } = this.#options
    deduplication?.provide(work, random)
    const body = this.#record(work)
    const first = await this.#first(work, kind)
    const outcome = hasNoLesson(work.last) ? first : await this.#repeat(work, first)
    body?.close()
    return outcome
  }

  readonly observe: Handler = async (work, kind) => {
    const outcome = await this.#first(work, kind)
    const wouldSend = !hasNoLesson(work.last) && this.#waitBeforeNext(work, outcome, 0) >= 0
    if (wouldSend && this.#pay(work.last as Attempt)) this.figures.wouldHaveSentAgain++
    return outcome
  }

  async #first(work: Work, kind: AttemptKind): Promise<Outcome> {
    const { budget, clock } = this.#options
    budget.began(clock.now())
    const outcome = await this.#next(work, kind)
    if (work.last !== null && work.last.isJudged && work.last.lesson.budget > 0) budget.succeeded(clock.now())
    return outcome
  }

  /** From the first failure on: until something better came, or nothing more may be sent. */
  async #repeat(work: Work, first: Outcome): Promise<Outcome> {
    const { budget, sentAgain } = this.#options
    let outcome = first
    for (let failures = 0; !hasNoLesson(work.last); failures++) {
      const failed = work.last as Attempt
      const waitMs = this.#waitBeforeNext(work, outcome, failures)
      if (waitMs < 0 || !this.#pay(failed)) return outcome
      const kept = new KeptOutcome(outcome, keptBytes)
      const isTime = waitMs === 0 || await this.#sleep(work, waitMs)
      const again = isTime ? await this.#next(work, 'retry') : outcome
      const attempt = work.last as Attempt
      if (attempt === failed || again.kind === 'refused') {
        // One of us said no, or its exchange is over: nothing was sent.
        budget.refund(-failed.lesson.budget)
        if (work.delivered === 'no') return again
        work.last = failed
        // What was read of it is gone: nobody can be given it a second time.
        return kept.take() ?? (again === outcome ? notKept : again)
      }
      this.figures.sentAgain++
      sentAgain(failed.row as OutcomeRow).add()
      // Nobody accepted it this time: the last word of the upstream is an earlier one, if there is one.
      const isEarlier = attempt.sentAt < 0 && work.delivered !== 'no'
      outcome = isEarlier ? kept.take() ?? again : again
      kept.drop()
    }
    return outcome
  }

  /** False: its exchange is over, or the house refuses: then the caller hears at once what there is to say. */
  async #sleep(work: Work, waitMs: number): Promise<boolean> {
    const { clock, house } = this.#options
    if (house === null) return pause(work, waitMs, clock)
    const wake = (): void => { work.onOver?.() }
    house.sleepers.add(wake)
    const isTime = await pause(work, waitMs, clock)
    house.sleepers.delete(wake)
    return isTime
  }

  /** How long to wait before the next attempt, ms; -1: there is to be none. */
  #waitBeforeNext(work: Work, outcome: Outcome, failures: number): number {
    const { maxAttempts, deduplication, endpoints, clock, house } = this.#options
    const attempt = work.last
    const { exchange } = work
    if (attempt === null || exchange.outcome !== null || work.attempts >= maxAttempts) return -1
    const now = clock.now()
    const hasOther = endpoints().some((endpoint) => endpoint !== attempt.endpoint
      && (work.tried === null || !work.tried.includes(endpoint)))
    if (!mayRepeat(attempt, outcome, deduplication, hasOther, now)) return -1
    if (!this.#hasBody(work)) return -1
    const usualMs = this.#usualMs()
    const leftMs = exchange.deadlineAt - now
    const askedMs = this.#askedMs(outcome)
    if (askedMs > longestRetryAfterMs) return -1
    const waitMs = Math.max(askedMs, failures === 0 && hasOther ? 0 : this.#backoff(failures, usualMs, leftMs))
    if (waitMs > 0 && house?.phase === 'refusing') return -1
    return waitMs + usualMs < leftMs ? waitMs : -1
  }

  /** From base to max, and never more than half of what is left: the answer has to come as well. */
  #backoff(failures: number, usualMs: number, leftMs: number): number {
    const { baseMs, maxMs, random } = this.#options
    const base = baseMs ?? Math.min(longestBaseMs, Math.max(shortestBaseMs, usualMs))
    return fullJitter(failures, base, Math.min(maxMs, leftMs / 2), random())
  }

  /** Half of the answers take less; 0 while too few are known. */
  #usualMs(): number {
    const usualMs = this.#options.pace.at(0.5)
    return usualMs === Infinity ? 0 : usualMs
  }

  /**
   * What the upstream asks for, ms. Where an endpoint says of itself that it is full, its Retry-After is for those who
   * come back to it, and we do not.
   */
  #askedMs(outcome: Outcome): number {
    const askedMs = retryAfterMs(outcome, this.#options.clock.wallMs())
    if (askedMs === 0 || outcome.kind !== 'reply') return 0
    const others = outcome.headers.filter((_, i, all) => (all[i - i % 2] as string).toLowerCase() !== 'retry-after')
    return isMarkedOverload({ ...outcome, headers: others }, this.#options.isSeawall) ? 0 : askedMs
  }

  #pay(failed: Attempt): boolean {
    const { budget, clock } = this.#options
    if (budget.take(-failed.lesson.budget, clock.now())) return true
    this.figures.notPaid++
    return false
  }

  /** Records the body of a request that could be sent again after some of it went out. */
  #record(work: Work): ReplayBody | null {
    const { deduplication, clock, maxBodyBytes, maxAttempts } = this.#options
    const { body } = work.exchange.caller
    if (body === null || work.body !== null || maxAttempts === 1) return null
    const couldBeSentAgain = isHarmlessOnceSent(work, deduplication, clock.now())
    if (!couldBeSentAgain || body.length > maxBodyBytes) return null
    const recorded = new ReplayBody(body, maxBodyBytes)
    work.body = recorded
    return recorded
  }

  /** Whether another attempt can have the whole body. */
  #hasBody(work: Work): boolean {
    const { exchange, body } = work
    if (exchange.caller.body === null) return true
    // Bodies flow after the first byte of a head has left: until then nothing of it is gone.
    const isThere = body === null ? work.delivered === 'no' : !(body instanceof ReplayBody) || body.isRepeatable
    if (isThere) return true
    this.figures.bodiesTooLarge++
    return false
  }
}

/** Whether how it ended is no reason to send anything again. */
function hasNoLesson(attempt: Attempt | null): boolean {
  return attempt === null || !attempt.isJudged || attempt.lesson.retry === 'never'
}
