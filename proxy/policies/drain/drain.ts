// Counts the exchanges inside and refuses new ones once the house refuses. First of all gates: it must answer even when
// everything else is full. Who was let in before is finished, also one that still waits for its turn, as far as there
// is time. When and how the house drains is decided in lifecycle/, not here.

import { LatencyQuantile } from '../../algorithms/latency-quantile.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { House } from '../../core/house.ts'
import type { Answer, Refused } from '../../core/outcome.ts'
import type { Gate, PolicyDefinition } from '../../core/policy.ts'
import { firstValue } from '../../core/raw-headers.ts'
import type { Verdict } from '../../core/scope.ts'

const closing: Refused = { kind: 'refused', by: 'drain', code: 'drain.closing', status: 503, retryAfterMs: 0 }

class DrainGate implements Gate<Exchange> {
  readonly name = 'drain'
  readonly #house: House
  readonly #refuses: boolean
  /** Name of the field whose bearers pass: `recall` answers or refuses them; null: there is none on this route. */
  readonly #keyField: string | null
  /** What its attempts take. */
  readonly #pace: LatencyQuantile

  constructor(house: House, refuses: boolean, keyField: string | null, pace: LatencyQuantile) {
    this.#house = house
    this.#refuses = refuses
    this.#keyField = keyField
    this.#pace = pace
  }

  admit(exchange: Exchange): Verdict {
    const house = this.#house
    if (!this.#refuses || house.phase !== 'refusing') house.entered++
    else if (!this.#hasKey(exchange)) return closing
    house.inFlight++
    return null
  }

  /** Whose turn comes too late for its answer has done no work yet: it is told now, not cut later. */
  recheck(_exchange: Exchange, now: number): null | Answer {
    const { cutAt } = this.#house
    return cutAt !== Infinity && now + this.#usualMs() >= cutAt ? closing : null
  }

  release(): void {
    this.#house.inFlight--
  }

  /** Half of the answers take less; 0 while too few are known. */
  #usualMs(): number {
    const usualMs = this.#pace.at(0.5)
    return usualMs === Infinity ? 0 : usualMs
  }

  #hasKey({ caller }: Exchange): boolean {
    return this.#keyField !== null && firstValue(caller.head.headers, this.#keyField) !== undefined
  }
}

/** Drain is never observed: an instance that only pretends to leave would be cut by its supervisor. */
export const drain: PolicyDefinition<Exchange> = {
  name: 'drain',
  // The service finishes what it has taken in, and needs its way out for that: egress is counted, never refused.
  create: ({ house, listenerKind, routeOptions, upstream, route, part }) => {
    const keyed = routeOptions['idempotency'] as { readonly header?: string } | 'off' | undefined
    const keyField = keyed === undefined || keyed === 'off' ? null : (keyed.header ?? 'idempotency-key').toLowerCase()
    const pace = part(`pace:${upstream}/${route}`, () => new LatencyQuantile())
    return new DrainGate(house, listenerKind === 'ingress', keyField, pace)
  },
}
