// What an exchange set going upstream: its attempts, the sticky `delivered`, the permit. Unkeyed work dies with its
// exchange; keyed work (one day) outlives it.

import type { Attempt } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import type { Outcome } from './outcome.ts'
import type { RawHeaders } from './raw-headers.ts'

/** Whether upstream may have acted on a work. */
export type Delivered = 'no' | 'maybe' | 'yes'

const rank: { readonly [D in Delivered]: number } = { no: 0, maybe: 1, yes: 2 }

export class Work {
  readonly exchange: Exchange
  /** Sticky over all attempts; it only ever rises. Retry, failover and release of a key read this. */
  delivered: Delivered
  /** Attempts made so far, the running ones included. */
  attempts: number
  /** The attempt that is running; hedging will make this a short list. */
  running: Attempt | null
  /** Whether a permit of the upstream's admission is held that no attempt has taken yet. */
  holdsPermit: boolean

  constructor(exchange: Exchange) {
    this.exchange = exchange
    this.delivered = 'no'
    this.attempts = 0
    this.running = null
    this.holdsPermit = false
  }

  /** Raises `delivered`; a lower value changes nothing. */
  raise(delivered: Delivered): void {
    if (rank[delivered] > rank[this.delivered]) this.delivered = delivered
  }

  /** An interim answer of an attempt: it travels on at once, since no layer can repeat the attempt any more. */
  inform(status: number, headers: RawHeaders): void {
    this.exchange.caller.inform(status, headers)
  }

  /** Ends what is running, because nobody needs it any more. */
  cut(outcome: Outcome, now: number): void {
    this.running?.cut(outcome, now)
  }
}
