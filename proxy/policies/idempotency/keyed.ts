// A request with a key on its way: what recall, claim and record know of it together. It hangs on its exchange.

import type { Exchange } from '../../core/exchange.ts'
import type { Attempt } from '../../core/attempt.ts'
import type { ClaimResult, RecordKey } from '../../core/record-store.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { Holding } from './holding.ts'
import { BodyIntake } from './intake.ts'
import type { KeyedRoute } from './keyed-route.ts'
import type { Others } from './lessons.ts'
import type { Recollection } from './recollection.ts'
import { credentialOf, recordKeyOf } from './scope.ts'

export class Keyed {
  readonly route: KeyedRoute
  readonly exchange: Exchange
  readonly intake: BodyIntake
  /** Digest of the namespace, and the name of the record in it. */
  readonly scope: string
  readonly record: RecordKey
  readonly credential: string
  /** The store failed and the route goes on without it. */
  isBypassed = false
  /** Waits for an answer that another request is getting. */
  recollection: Recollection | null = null
  /** The attempt whose claim is under way. */
  claiming: Attempt | null = null
  /** What the claim got instead of the key. */
  lost: ClaimResult | null = null
  /** The key, once it is ours. */
  holding: Holding | null = null
  /** Attempts of this work that were handed to the wire and have been judged; and those of them that met a 5xx. */
  dispatched = 0
  failed = 0
  #fingerprint: string | null = null

  constructor(route: KeyedRoute, exchange: Exchange, scope: string, key: string) {
    const { desk, settings } = route
    this.route = route
    this.exchange = exchange
    this.scope = scope
    this.record = recordKeyOf(scope, key)
    this.credential = credentialOf(exchange.caller)
    this.intake = new BodyIntake(exchange, desk.bodies, settings.maxRequestBytes, () => desk.clock.now())
  }

  /** Of the whole request; only once the body is here. */
  get fingerprint(): string {
    return this.#fingerprint ??= this.fingerprintBy(this.route.way)
  }

  /** The same, as another configuration would have made it. */
  fingerprintBy(way: string): string {
    return fingerprintOf(way, this.exchange.caller.head, this.intake.body)
  }

  /** What was sent for it beside the attempt that is answered. */
  get others(): Others {
    if (this.dispatched <= 1) return 'none'
    return this.dispatched === this.failed ? 'failed' : 'unclear'
  }

  count(result: Parameters<KeyedRoute['count']>[0]): void { this.route.count(result) }
}

/** What is known of the key of an exchange; null where none counts. */
export function keyedOf(exchange: Exchange): Keyed | null {
  return exchange.keyed instanceof Keyed ? exchange.keyed : null
}
