// A keyed route of a real Seawall before a service that charges, and charges through it.

import { ask } from './asking.ts'
import type { Answered } from './asking.ts'
import type { ChargingService } from './charging-service.ts'
import { inFrontOf } from './seawall.ts'
import type { SeawallProcess } from './seawall.ts'

export interface KeyedOptions {
  readonly idempotency?: object
  readonly store?: object
  readonly top?: object
  readonly route?: object
}

/** One keyed route before that service, its records in that folder. */
export function keyedBefore(service: ChargingService, path: string, options: KeyedOptions = {}): object {
  return inFrontOf(service.url, {
    route: { idempotency: { scope: 'none', ...options.idempotency }, ...options.route },
    upstream: { limit: 'off' },
    top: { stores: { idempotency: { type: 'lmdb', path, ...options.store } }, ...options.top },
  })
}

export function charge(seawall: SeawallProcess, key: string, body = '{"amount":1}'): Promise<Answered> {
  return ask(seawall.ports['public'] as number, '/charge', {
    method: 'POST', headers: { 'idempotency-key': key, 'content-type': 'application/json' }, body,
  })
}
