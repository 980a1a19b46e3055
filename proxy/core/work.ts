// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// What an exchange set going upstream: its attempts, the sticky `delivered`, the permit. Work without a claim dies with
// its exchange; work with one is detached from it, and what still comes is told to whoever keeps the record.

import type { Attempt } from './attempt.ts'
import type { BodySource, BodySupply } from './body.ts'
import type { Code } from './codes.ts'
import type { Exchange } from './exchange.ts'
import type { Outcome, Reply } from './outcome.ts'
import type { RawHeaders } from './raw-headers.ts'
import type { Endpoint } from './upstream.ts'

/** Whether upstream may have acted on a work. */
export type Delivered = 'no' | 'maybe' | 'yes'

const rank: { readonly [D in Delivered]: number } = { no: 0, maybe: 1, yes: 2 }

/** Who goes on with a work when its caller has left or its deadline is over: the record of its key. */
export interface Keeper {
  /** An answer, or a failure, of an attempt that was running when the work was detached. Called once for each. */
  late(attempt: Attempt, outcome: Outcome, now: number): void
}

export class Work {
  readonly exchange: Exchange
  /** Sticky over all attempts; it only ever rises. Retry, failover and release of a key read this. */
  delivered: Delivered
  /** Attempts made so far, the running ones included. */
  attempts: number
  /** The attempt that is running, and a second one while a hedge runs beside it. */
  running: Attempt | null
  rival: Attempt | null
  /** The attempt that began last, or the one whose outcome a layer has chosen: what layers outside it learn from. */
  last: Attempt | null
  /** Endpoints that have been tried; null: none yet. */
  tried: Endpoint[] | null
  /** Whether a permit of the upstream's admission is held that no attempt has taken yet. */
  holdsPermit: boolean
  /** How attempts get the body; null: it is the caller's, once. */
  body: BodySupply | null
  /** Fields that every attempt carries beside the caller's (the key towards a provider); null: none. */
  requestFields: RawHeaders | null
  /** Called once when the exchange is over before its answer: whoever sleeps between two attempts wakes. */
  onOver: (() => void) | null
  /** What may be said instead of that code when the exchange ends early; null where there is nothing. */
  substitute: ((code: Code) => Reply | null) | null
  /** Set while a confirmed claim stands: then the end of the exchange detaches the work instead of cutting it. */
  keeper: Keeper | null
  isDetached: boolean

  constructor(exchange: Exchange) {
    this.exchange = exchange
    this.delivered = 'no'
    this.attempts = 0
    this.running = null
    this.rival = null
    this.last = null
    this.tried = null
    this.holdsPermit = false
    this.body = null
    this.requestFields = null
    this.onOver = null
    this.substitute = null
    this.keeper = null
    this.isDetached = false
  }

  /** Raises `delivered`; a lower value changes nothing. */
  raise(delivered: Delivered): void {
    if (rank[delivered] > rank[this.delivered]) this.delivered = delivered
  }

  /** The body for one more attempt; null where there is none. */
  openBody(): BodySource | null {
    return this.body === null ? this.exchange.caller.body : this.body.open()
  }

  /** An attempt begins. */
  began(attempt: Attempt): void {
    this.attempts++
    this.last = attempt
    // One that was given up and still holds its permit is nobody's any more.
    if (this.running === null || this.running.outcome !== null) this.running = attempt
    else this.rival = attempt
  }

  /** One that was given up has come to the answer after all: whoever leaves ends it, like any that runs. */
  took(attempt: Attempt): void {
    if (this.running === null || this.running.outcome !== null) this.running = attempt
    else this.rival ??= attempt
  }

  /** An attempt is over for the upstream too. */
  ended(attempt: Attempt): void {
    if (this.running === attempt) {
      this.running = this.rival
      this.rival = null
    } else if (this.rival === attempt) this.rival = null
  }

  /** An interim answer of an attempt: passed on while no layer can repeat the attempt any more. */
  inform(status: number, headers: RawHeaders): void {
    if (this.rival === null) this.exchange.caller.inform(status, headers)
  }

  /** The answer that the caller gets goes on for as long as it is read. */
  becameStream(): void {
    if (this.running !== null && this.running.headAt >= 0) this.running.turn('stream')
    if (this.rival !== null && this.rival.headAt >= 0) this.rival.turn('stream')
  }

  /** The exchange is over before its answer. What runs is cut, unless a keeper wants to know how it ends. */
  abandon(outcome: Outcome, now: number): void {
    this.onOver?.()
    if (this.keeper === null) return this.cut(outcome, now)
    this.isDetached = true
    this.running?.detach(outcome, now)
    this.rival?.detach(outcome, now)
  }

  /** Ends what is running, because nobody needs it any more. */
  cut(outcome: Outcome, now: number): void {
    const { running, rival } = this
    running?.cut(outcome, now)
    rival?.cut(outcome, now)
  }
}
