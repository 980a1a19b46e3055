// Counts the exchanges inside and refuses new ones once the house refuses. First of all gates: it must answer even when
// everything else is full. When and how the house drains is decided in lifecycle/, not here.

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

  constructor(house: House, refuses: boolean, keyField: string | null) {
    this.#house = house
    this.#refuses = refuses
    this.#keyField = keyField
  }

  admit(exchange: Exchange): Verdict {
    if (this.#refuses && this.#house.phase === 'refusing' && !this.#hasKey(exchange)) return closing
    this.#house.inFlight++
    return null
  }

  /** Who waited while the house began to refuse has done no work yet: it is told now, not cut later. */
  recheck(): null | Answer {
    return this.#refuses && this.#house.phase === 'refusing' ? closing : null
  }

  release(): void {
    this.#house.inFlight--
  }

  #hasKey({ caller }: Exchange): boolean {
    return this.#keyField !== null && firstValue(caller.head.headers, this.#keyField) !== undefined
  }
}

/** Drain is never observed: an instance that only pretends to leave would be cut by its supervisor. */
export const drain: PolicyDefinition<Exchange> = {
  name: 'drain',
  // The service finishes what it has taken in, and needs its way out for that: egress is counted, never refused.
  create: ({ house, listenerKind, routeOptions }) => {
    const keyed = routeOptions['idempotency'] as { readonly header?: string } | 'off' | undefined
    const keyField = keyed === undefined || keyed === 'off' ? null : (keyed.header ?? 'idempotency-key').toLowerCase()
    return new DrainGate(house, listenerKind === 'ingress', keyField)
  },
}
