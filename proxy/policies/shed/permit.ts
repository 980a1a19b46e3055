// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// Binds one permit of the upstream's admission to one attempt, from its dispatch until the upstream's work is over. The
// first attempt takes over what the door gave to the work; every later one must find a spare permit and never waits.

import type { Group } from '../../algorithms/admission.ts'
import type { Attempt } from '../../core/attempt.ts'
import type { Refused } from '../../core/outcome.ts'
import type { Gate, PolicyDefinition } from '../../core/policy.ts'
import type { Verdict } from '../../core/scope.ts'
import type { Door } from './door.ts'
import { doorOf } from './door.ts'

const full: Refused = { kind: 'refused', by: 'permit', code: 'bulkhead.full', status: 503, retryAfterMs: 0 }

class PermitGate implements Gate<Attempt> {
  readonly name = 'permit'
  readonly #door: Door
  readonly #group: Group

  constructor(door: Door, group: Group) {
    this.#door = door
    this.#group = group
  }

  admit(attempt: Attempt, _now: number, shadow: boolean): Verdict {
    const { work } = attempt
    if (work.holdsPermit) {
      work.holdsPermit = false
      return null
    }
    if (this.#door.admission.tryTake(this.#group)) return null
    if (!shadow) return full
    work.exchange.wouldRefuse('bulkhead.full', 'permit')
    this.#door.admission.take(this.#group)
    return null
  }

  release(_attempt: Attempt, now: number): void {
    this.#door.release(this.#group, now)
  }
}

/** Options stand with shed: permit and door are two ends of one admission. */
export const permit: PolicyDefinition<Attempt> = {
  name: 'permit',
  create: (context) => {
    const { door, group } = doorOf(context)
    return new PermitGate(door, group)
  },
}
