// One request that may be asked of a second endpoint: the wait, the two attempts, and who wins. The first good answer
// is taken and the other attempt cut; a bad one waits for its rival, and a hedge that came to nothing is not the
// caller's affair.
//
//   first ──────────────┬── good ──► taken        the hedge, if any, is cut
//         after `delay` └── bad ───► waits for the hedge
//   hedge ──────────────┬── good ──► taken        the first is cut
//                       └── bad ───► waits for the first

import type { HedgeBudget } from '../../algorithms/hedge-budget.ts'
import type { Attempt } from '../../core/attempt.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { House } from '../../core/house.ts'
import type { Counter } from '../../core/meter.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { Handler } from '../../core/policy.ts'
import type { Work } from '../../core/work.ts'

export interface RaceGround {
  readonly next: Handler
  readonly budget: HedgeBudget
  readonly clock: Clock
  readonly house: House
  readonly won: Counter
  readonly lost: Counter
}

interface Runner {
  readonly attempt: Attempt
  /** Null while it runs. */
  outcome: Outcome | null
}

export class Race {
  readonly #work: Work
  readonly #ground: RaceGround
  readonly #first: Runner
  readonly #resolve: (outcome: Outcome) => void
  #hedge: Runner | null = null
  #timer: Timer | null
  #isOver = false

  constructor(work: Work, first: Attempt, delayMs: number, ground: RaceGround, resolve: (outcome: Outcome) => void) {
    this.#work = work
    this.#ground = ground
    this.#first = { attempt: first, outcome: null }
    this.#resolve = resolve
    this.#timer = ground.clock.after(delayMs, () => { this.#send() })
  }

  /** The first attempt has ended. */
  firstEnded(outcome: Outcome): void {
    this.#timer?.clear()
    this.#timer = null
    this.#ended(this.#first, outcome)
  }

  #send(): void {
    this.#timer = null
    const { next, budget, clock, house } = this.#ground
    const { exchange } = this.#work
    const isUseless = exchange.outcome !== null || this.#first.attempt.outcome !== null || house.phase !== 'serving'
    // In the line of a gate it waits for one of us: a second one would only stand behind it, or take its key.
    if (isUseless || this.#first.attempt.waitsAt >= 0 || exchange.deadlineAt <= clock.now() || !budget.take()) return
    const ended = next(this.#work, 'hedge')
    const attempt = this.#work.last as Attempt
    if (attempt === this.#first.attempt) return budget.refund()
    const hedge = this.#hedge = { attempt, outcome: null }
    ended.then((outcome) => {
      // A gate said no: the upstream is limited, or has no other endpoint.
      if (outcome.kind === 'refused') budget.refund()
      this.#ended(hedge, outcome)
    }, () => { /* Handlers resolve always; a defect of this one must not cost the first. */ })
  }

  #ended(runner: Runner, outcome: Outcome): void {
    runner.outcome = outcome
    const other = runner === this.#first ? this.#hedge : this.#first
    if (this.#isOver) return discard(outcome)
    if (other === null || isGood(runner)) return this.#take(runner, other)
    if (other.outcome === null) return
    // Both are bad: the caller gets what its own request met, or what touched the wire at all.
    const hedge = this.#hedge as Runner
    if (this.#first.attempt.sentAt < 0 && hedge.attempt.sentAt >= 0) this.#take(hedge, this.#first)
    else this.#take(this.#first, hedge)
  }

  #take(winner: Runner, loser: Runner | null): void {
    this.#isOver = true
    this.#work.last = winner.attempt
    if (loser !== null) {
      const now = this.#ground.clock.now()
      if (loser.outcome !== null) discard(loser.outcome)
      loser.attempt.cut({ kind: 'abandoned', by: 'rival', elapsedMs: now - loser.attempt.startedAt }, now)
    }
    const hedge = this.#hedge
    if (hedge !== null && hedge.attempt.sentAt >= 0) (winner === hedge ? this.#ground.won : this.#ground.lost).add()
    this.#resolve(winner.outcome as Outcome)
  }
}

function isGood({ attempt, outcome }: Runner): boolean {
  return outcome !== null && outcome.kind === 'reply' && attempt.lesson.retry === 'never' && outcome.status < 500
}

function discard(outcome: Outcome): void {
  if (outcome.kind === 'reply') outcome.body?.discard()
}
