// Keys while they are only observed: looked up without waiting, claimed and recorded behind the requests, in a
// namespace of their own, without the answers' bodies. No request is kept, answered or changed. The body is not read
// for it, so a request is compared by method, target and length.

import { randomBytes } from 'node:crypto'
import type { Exchange } from '../../core/exchange.ts'
import type { Outcome } from '../../core/outcome.ts'
import type { Gate, Layer } from '../../core/policy.ts'
import type { ClaimToken, Lookup } from '../../core/record-store.ts'
import type { Verdict } from '../../core/scope.ts'
import { closing } from './answers.ts'
import { withoutBody } from './kept-answer.ts'
import { readKey } from './key.ts'
import type { KeyedRoute } from './keyed-route.ts'
import { isReleasing } from './lessons.ts'
import { digest, recordKeyOf } from './scope.ts'

/** A key that would have been the first of its kind. */
class ObservedKey {
  readonly record: string
  readonly fingerprint: string
  readonly token: ClaimToken = randomBytes(16).toString('base64url')

  constructor(record: string, { caller }: Exchange) {
    const { method, target } = caller.head
    this.record = record
    this.fingerprint = `head1:${digest([method, target, String(caller.body?.length ?? 0)])}`
  }
}

export class ObservedRecall implements Gate<Exchange> {
  readonly name = 'recall'
  readonly #route: KeyedRoute

  constructor(route: KeyedRoute) {
    this.#route = route
  }

  admit(exchange: Exchange): Verdict {
    const { settings, isClosing } = this.#route
    const { head } = exchange.caller
    // A drain is never observed, and it left this look to us.
    if (isClosing) return closing
    if (!settings.methods.has(head.method)) return null
    const reading = readKey(head.headers, settings.field, settings.minKeyLength)
    if (reading.kind === 'invalid') exchange.wouldRefuse('idempotency.key-invalid', 'recall')
    else if (reading.kind === 'key') this.#weigh(exchange, reading.key)
    else if (settings.isRequired) exchange.wouldRefuse('idempotency.key-missing', 'recall')
    return null
  }

  #weigh(exchange: Exchange, key: string): void {
    const untimely = this.#route.untimely(key)
    if (untimely === null) this.#look(exchange, key)
    else exchange.wouldRefuse(untimely.code, 'recall')
  }

  #look(exchange: Exchange, key: string): void {
    const observed = new ObservedKey(recordKeyOf(this.#route.scopeOf(exchange.caller), key), exchange)
    const found = this.#route.desk.lookup(observed.record)
    if (found === null) return
    exchange.keyed = observed
    if (found instanceof Promise) void found.then((late) => { this.#foresee(exchange, observed, late) })
    else this.#foresee(exchange, observed, found)
  }

  #foresee(exchange: Exchange, observed: ObservedKey, found: Lookup): void {
    if (found.kind === 'absent') return
    // Known: this request would not have been sent, and its outcome changes nothing.
    exchange.keyed = null
    if (found.kind === 'fault') this.#route.count('store-failed')
    else if (found.fingerprint !== observed.fingerprint) exchange.wouldRefuse('idempotency.key-reused', 'recall')
    else if (found.kind === 'done') this.#route.count('would-replay')
    else if (found.kind === 'in-flight') this.#route.count('would-wait')
    else exchange.wouldRefuse('idempotency.outcome-unknown', 'recall')
  }
}

/** Writes behind what it sees; errors of the store are only counted. */
export function observedRecord(route: KeyedRoute): Layer {
  const { desk, settings } = route
  return (next) => async (work, kind) => {
    const observed = work.exchange.keyed
    if (!(observed instanceof ObservedKey)) return next(work, kind)
    const { record, fingerprint, token } = observed
    const claimed = Promise.resolve(desk.claim({
      key: record, fingerprint, credential: '', token, leaseMs: settings.leaseMs, ttlMs: settings.ttlMs,
      inDoubt: settings.inDoubt,
    }, ({ kind }) => kind))
    const outcome = await next(work, kind)
    void claimed.then((result) => {
      if (result === 'taken') write(route, observed, outcome, work.delivered !== 'no')
      else if (result === 'fault') route.count('store-failed')
    })
    return outcome
  }
}

function write(route: KeyedRoute, { record, token }: ObservedKey, outcome: Outcome, isSent: boolean): void {
  const { desk: { store }, settings, isSeawall } = route
  if (outcome.kind === 'reply' && !isReleasing(outcome, settings, isSeawall, 'none', false)) {
    void store.finish(record, token, withoutBody(outcome, settings.redacted), settings.ttlMs)
    route.count('would-record')
  } else if (outcome.kind === 'reply' || !isSent) void store.release(record, token)
  else void store.doubt(record, token, 'reset')
}
