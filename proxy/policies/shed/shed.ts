// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The door of an upstream: nobody goes on without a permit of its one admission. Today its ceiling is static; a learned
// limit joins the same queue and the same permit. It judges nothing, and gives a permit back only if no attempt took
// it: permit.ts owns it from there on.

import type { Group, Waiter } from '../../algorithms/admission.ts'
import type { Exchange, Priority } from '../../core/exchange.ts'
import type { Refused } from '../../core/outcome.ts'
import type { Gate, PolicyDefinition } from '../../core/policy.ts'
import { WAIT } from '../../core/scope.ts'
import type { Verdict } from '../../core/scope.ts'
import type { Door } from './door.ts'
import { doorOf } from './door.ts'
import { bulkheadSchema, bulkheadShareSchema } from './schema.ts'

const full: Refused = { kind: 'refused', by: 'shed', code: 'bulkhead.full', status: 503, retryAfterMs: 0 }
const waitOver: Refused = { kind: 'refused', by: 'shed', code: 'bulkhead.timeout', status: 503, retryAfterMs: 0 }

const levelOf: { readonly [P in Priority]: number } = { critical: 0, default: 1, sheddable: 2 }

/** A place in one of the door's lines. */
interface Place { leave(): void }

/** Waits for a permit. */
class PermitPlace implements Waiter, Place {
  readonly group: Group
  readonly level: number
  readonly expiresAt: number
  readonly #exchange: Exchange
  readonly #door: Door
  readonly #since: number

  constructor(exchange: Exchange, door: Door, group: Group, maxWaitMs: number, now: number) {
    this.group = group
    this.level = levelOf[exchange.priority]
    this.expiresAt = now + maxWaitMs
    this.#exchange = exchange
    this.#door = door
    this.#since = now
  }

  admitted(now: number): void {
    this.#exchange.work.holdsPermit = true
    this.#goOn(null, now)
  }

  expired(now: number): void {
    this.#goOn(waitOver, now)
  }

  leave(): void { this.#door.leave(this) }

  #goOn(verdict: null | Refused, now: number): void {
    const exchange = this.#exchange
    exchange.ticket = null
    exchange.queuedMs = now - this.#since
    exchange.gates.proceed(exchange, verdict, now)
  }
}

class ShedGate implements Gate<Exchange> {
  readonly name = 'shed'
  readonly #door: Door
  readonly #group: Group
  readonly #maxWaitMs: number

  constructor(door: Door, group: Group, maxWaitMs: number) {
    this.#door = door
    this.#group = group
    this.#maxWaitMs = maxWaitMs
  }

  admit(exchange: Exchange, now: number, shadow: boolean): Verdict {
    if (this.#door.readiness.isOpen || shadow) return this.#takeOrWait(exchange, now, shadow)
    const go = (at: number): void => {
      exchange.ticket = null
      const verdict = this.#takeOrWait(exchange, at, false)
      if (verdict !== WAIT) exchange.gates.proceed(exchange, verdict, at)
    }
    const place: Place = { leave: () => this.#door.readiness.leave(go) }
    exchange.ticket = place
    this.#door.readiness.wait(go, now)
    return WAIT
  }

  release(exchange: Exchange, now: number): void {
    if (!exchange.work.holdsPermit) return
    exchange.work.holdsPermit = false
    this.#door.release(this.#group, now)
  }

  cancel(exchange: Exchange): void {
    const place = exchange.ticket as Place | null
    exchange.ticket = null
    place?.leave()
  }

  #takeOrWait(exchange: Exchange, now: number, shadow: boolean): Verdict {
    const { admission } = this.#door
    if (admission.tryTake(this.#group)) {
      exchange.work.holdsPermit = true
      return null
    }
    if (shadow) {
      // Observe: over the ceiling, but counted and given back like any other. Nothing waits, so that whoever would have
      // waited is counted as if the wait had been in vain: the most that enforcing can refuse.
      exchange.wouldRefuse(this.#maxWaitMs === 0 ? 'bulkhead.full' : 'bulkhead.timeout', 'shed')
      admission.take(this.#group)
      exchange.work.holdsPermit = true
      return null
    }
    if (this.#maxWaitMs === 0) return full
    const place = new PermitPlace(exchange, this.#door, this.#group, this.#maxWaitMs, now)
    if (!this.#door.wait(place)) return full
    exchange.ticket = place
    return WAIT
  }
}

/** Stands on every route: also without a ceiling, the work of an upstream is counted and its readiness awaited. */
export const shed: PolicyDefinition<Exchange> = {
  name: 'shed',
  routeSchema: { bulkhead: bulkheadShareSchema },
  upstreamSchema: { bulkhead: bulkheadSchema },
  create: (context) => {
    const { door, group, maxWaitMs } = doorOf(context)
    return new ShedGate(door, group, maxWaitMs)
  },
}
