// A place in the line of a door: one exchange that waits for a permit, and what it is told when it gets none.

import type { LineGroup, LineWaiter } from '../../algorithms/waiting-line.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { Refused } from '../../core/outcome.ts'
import type { Door } from './door.ts'

const pushedOut: Refused = { kind: 'refused', by: 'shed', code: 'shed.queue', status: 503, retryAfterMs: 0 }

/** Something that an exchange stands in, and can leave. */
export interface Place { leave(): void }

export interface PlaceTerms {
  readonly group: LineGroup
  readonly level: number
  readonly bytes: number
  readonly expiresAt: number
  /** What is said when the wait is over. */
  readonly over: Refused
}

export class PermitPlace implements LineWaiter, Place {
  readonly group: LineGroup
  level: number
  readonly bytes: number
  readonly expiresAt: number
  before: LineWaiter | null = null
  after: LineWaiter | null = null
  order = 0
  isInLine = false
  readonly #over: Refused
  readonly #exchange: Exchange
  readonly #door: Door
  readonly #since: number

  constructor(exchange: Exchange, door: Door, terms: PlaceTerms, now: number) {
    this.group = terms.group
    this.level = terms.level
    this.bytes = terms.bytes
    this.expiresAt = terms.expiresAt
    this.#over = terms.over
    this.#exchange = exchange
    this.#door = door
    this.#since = now
  }

  admitted(now: number): void {
    this.#exchange.work.holdsPermit = true
    this.#goOn(null, now)
  }

  expired(now: number): void { this.#goOn(this.#over, now) }

  pushedOut(now: number): void { this.#goOn(pushedOut, now) }

  leave(): void { this.#door.leave(this) }

  #goOn(verdict: null | Refused, now: number): void {
    const exchange = this.#exchange
    exchange.ticket = null
    exchange.queuedMs = now - this.#since
    exchange.gates.proceed(exchange, verdict, now)
  }
}
