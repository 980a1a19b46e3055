// Whether a request may be sent again, by what it is and by what befell it. The one place that decides it: everything
// unsafe that was perhaps acted on stays sent once, unless the upstream said that it knows keys and this one has one.

import type { Attempt } from '../../core/attempt.ts'
import { isGiven } from '../../core/given-field.ts'
import { isIdempotent } from '../../core/methods.ts'
import type { Outcome } from '../../core/outcome.ts'
import { spanId } from '../../core/random.ts'
import type { Random } from '../../core/random.ts'
import { onlyValue } from '../../core/raw-headers.ts'
import type { Work } from '../../core/work.ts'
import type { DeduplicatesOptions } from './schema.ts'

/** What an upstream makes of keys; null: nothing is known of it. */
export class Deduplication {
  readonly #header: string
  readonly #forMs: number
  readonly #makesKeys: boolean

  constructor({ header = 'idempotency-key', for: forMs = 86_400_000, key = 'per-call' }: DeduplicatesOptions) {
    this.#header = header.toLowerCase()
    this.#forMs = forMs
    this.#makesKeys = key === 'per-call'
  }

  /** Gives the work a key of its own where it needs one and its caller sent none. Before its first attempt. */
  provide(work: Work, random: Random): void {
    const { exchange } = work
    if (!this.#makesKeys || isIdempotent(exchange.caller.head.method) || isGiven(exchange, this.#header)) return
    if (work.requestFields !== null && this.#isNamed(work.requestFields)) return
    work.requestFields = [...work.requestFields ?? [], this.#header, uuid(random)]
  }

  /** Whether every attempt of this work carries one and the same key, which the upstream still remembers. */
  covers(work: Work, now: number): boolean {
    const { exchange } = work
    if (now - exchange.startedAt >= this.#forMs) return false
    const own = onlyValue(work.requestFields ?? [], this.#header)
    if (own !== undefined) return !isGiven(exchange, this.#header)
    const given = onlyValue(exchange.caller.head.headers, this.#header)
    return given !== undefined && given !== '' && isGiven(exchange, this.#header)
  }

  #isNamed(headers: readonly string[]): boolean {
    return headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === this.#header)
  }
}

/** Whether it could still be sent again after it has perhaps been acted on. */
export function isHarmlessOnceSent(work: Work, deduplication: Deduplication | null, now: number): boolean {
  return isIdempotent(work.exchange.caller.head.method) || (deduplication?.covers(work, now) ?? false)
}

/** What the outcome matrix allows after this ending. `hasOther`: another endpoint could be asked. */
export function mayRepeat(
  { work, lesson }: Attempt, outcome: Outcome, deduplication: Deduplication | null, hasOther: boolean, now: number,
): boolean {
  // `delivered` is sticky over all attempts: an attempt that reached nobody does not make an earlier one unsent.
  if (work.delivered !== 'no' && !isHarmlessOnceSent(work, deduplication, now)) return false
  switch (lesson.retry) {
    case 'never': return false
    case 'any': case 'safe': case 'safe-or-unsent': return true
    case 'other-endpoint': return hasOther
    case 'gateway-safe': return outcome.kind === 'reply' && (outcome.status === 502 || outcome.status === 504)
  }
}

/** Random, as RFC 9562 section 5.4 writes it. */
function uuid(random: Random): string {
  const hex = spanId(random) + spanId(random)
  const variant = '89ab'[Math.floor(random() * 4)]
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
}
