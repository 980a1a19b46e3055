// A route on which keys count: its settings, its counters, and the desk it shares with all others. Made at load.

import type { Counter } from '../../core/meter.ts'
import type { PolicyContext } from '../../core/policy.ts'
import type { Caller } from '../../core/caller.ts'
import type { Refused } from '../../core/outcome.ts'
import { keyRefusals } from './answers.ts'
import { Desk, deskKey } from './desk.ts'
import { wayOf } from './fingerprint.ts'
import { untimely } from './key-time.ts'
import type { IdempotencyOptions } from './schema.ts'
import { scopeDigest, scopeValue } from './scope.ts'
import { settingsOf } from './settings.ts'
import type { Settings } from './settings.ts'

/** What becomes of requests with a key. */
const keyResults = [
  'executed', 'replayed', 'in-progress', 'unknown', 'released', 'unrecorded', 'bypassed', 'key-reused',
  'result-unavailable', 'store-failed', 'quota', 'invalid',
] as const
/** What would have become of those that are only observed, save what refuses. */
const observedResults = ['would-replay', 'would-wait', 'would-record', 'store-failed'] as const
type KeyResult = (typeof keyResults)[number] | (typeof observedResults)[number]

export class KeyedRoute {
  readonly desk: Desk
  readonly settings: Settings
  readonly upstream: string
  /** How fingerprints are made here. */
  readonly way: string
  /** For requests without a key that is one. */
  readonly refusals: ReturnType<typeof keyRefusals>
  /** New work is refused here while the house refuses; the service's own calls never are. */
  readonly isIngress: boolean
  /** The upstream is a Seawall, whose word on keys is believed. */
  readonly isSeawall: boolean
  readonly lateAnswers: Counter
  readonly #results: ReadonlyMap<KeyResult, Counter>
  readonly #namespace: string
  /** Its name, where it has keys of its own. */
  readonly #ownRoute: string | null
  // The scope of the last request: callers of one merchant come together.
  #lastValue: string | null = null
  #lastScope = ''

  constructor(desk: Desk, settings: Settings, context: PolicyContext) {
    this.desk = desk
    this.settings = settings
    this.upstream = context.upstream
    this.way = wayOf(settings.isJson, settings.fingerprintFields, settings.excludedMembers)
    this.refusals = keyRefusals(settings)
    this.isIngress = context.listenerKind === 'ingress'
    this.isSeawall = context.upstreamOptions['type'] === 'seawall'
    const { route, meter } = context
    this.lateAnswers = meter.counter('seawall_idempotency_late_answers_total', { route })
    // From the start: a rise from nothing to one is one that alerts do not see.
    this.#results = new Map((context.shadow ? observedResults : keyResults).map((result) =>
      [result, meter.counter('seawall_idempotency_total', { route, result })]))
    this.#ownRoute = settings.isPerRoute ? route : null
    // What observing writes is never taken for the real thing.
    this.#namespace = context.shadow ? `observed ${context.upstream}` : context.upstream
  }

  /** Whether the house takes no new work here. */
  get isClosing(): boolean { return this.isIngress && this.desk.house.phase === 'refusing' }

  scopeOf(caller: Caller): string {
    const value = scopeValue(this.settings.scope, caller)
    if (value !== this.#lastValue) {
      this.#lastValue = value
      this.#lastScope = scopeDigest(this.#namespace, this.settings.scope, value, this.#ownRoute)
    }
    return this.#lastScope
  }

  /** Why a key is refused that is one, but not of now. */
  untimely(key: string): Refused | null {
    const { maxKeyAgeMs } = this.settings
    if (maxKeyAgeMs === null) return null
    const fault = untimely(key, maxKeyAgeMs, this.desk.clock.wallMs())
    return fault === null ? null : this.refusals[fault]
  }

  count(result: KeyResult): void { this.#results.get(result)?.add() }
}

/** The route of that context; null where no keys count. */
export function keyedRouteOf(context: PolicyContext): KeyedRoute | null {
  const options = context.routeOptions['idempotency'] as IdempotencyOptions | 'off' | undefined
  const { records, clock, random, house, meter } = context
  if (options === undefined || options === 'off' || records === null) return null
  const desk = context.part(deskKey, () => new Desk(records, clock, random, house, meter))
  context.show('idempotency', null, () => desk.inspect())
  return new KeyedRoute(desk, settingsOf(options), context)
}
