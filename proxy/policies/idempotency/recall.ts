// HOT PATH — runs for every request of a keyed route. Rules: docs/decisions/0004.
// Before the door: reads the key, and answers whoever repeats a request that is known, without a permit and without the
// upstream, also while the service sheds, the breaker is open or the house drains. What is not known goes on, with its
// body untouched.

import type { Exchange } from '../../core/exchange.ts'
import type { Answer, Refused } from '../../core/outcome.ts'
import type { Gate } from '../../core/policy.ts'
import { WAIT } from '../../core/scope.ts'
import type { Verdict } from '../../core/scope.ts'
import { closing } from './answers.ts'
import { readKey } from './key.ts'
import { Keyed, keyedOf } from './keyed.ts'
import type { KeyedRoute } from './keyed-route.ts'
import { Recollection } from './recollection.ts'

export class RecallGate implements Gate<Exchange> {
  readonly name = 'recall'
  readonly #route: KeyedRoute

  constructor(route: KeyedRoute) {
    this.#route = route
  }

  admit(exchange: Exchange): Verdict {
    const { settings } = this.#route
    const { head } = exchange.caller
    if (!settings.methods.has(head.method)) return this.#drained()
    const reading = readKey(head.headers, settings.field, settings.minKeyLength)
    if (reading.kind === 'invalid') return this.#refuse(this.#route.refusals.invalid)
    if (reading.kind === 'absent') return settings.isRequired ? this.#refuse(this.#route.refusals.missing) : null
    const untimely = this.#route.untimely(reading.key)
    if (untimely !== null) return this.#refuse(untimely)
    const keyed = new Keyed(this.#route, exchange, this.#route.scopeOf(exchange.caller), reading.key)
    exchange.keyed = keyed
    const recollection = new Recollection(keyed, (answer, now) => {
      keyed.recollection = null
      exchange.gates.proceed(exchange, this.#verdict(keyed, answer), now)
    })
    const verdict = recollection.begin()
    if (verdict !== WAIT) return this.#verdict(keyed, verdict)
    keyed.recollection = recollection
    return WAIT
  }

  cancel(exchange: Exchange): void {
    this.#leave(exchange)
  }

  /** The exchange is over; what is claimed may go on without it. */
  release(exchange: Exchange): void {
    this.#leave(exchange)
    keyedOf(exchange)?.holding?.goOnAlone()
  }

  #leave(exchange: Exchange): void {
    const keyed = keyedOf(exchange)
    if (keyed === null) return
    keyed.recollection?.leave()
    keyed.intake.leave()
    keyed.intake.free()
    this.#route.desk.arrived(keyed.record, keyed)
  }

  #verdict(keyed: Keyed, answer: Answer | null): Answer | null {
    if (answer !== null) {
      keyed.intake.free()
      return answer
    }
    // The door reads the body before it gives a permit.
    if (!keyed.isBypassed) keyed.exchange.intake = keyed.intake
    const drained = this.#drained()
    if (drained !== null) {
      keyed.intake.free()
      this.#route.desk.arrived(keyed.record, keyed)
    }
    return drained
  }

  #drained(): Refused | null {
    return this.#route.isClosing ? closing : null
  }

  #refuse(refused: Refused): Refused {
    this.#route.count('invalid')
    return refused
  }
}
