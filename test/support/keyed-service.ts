// A keyed route of a real Seawall before a service that charges, and charges through it.

import { setTimeout as pause } from 'node:timers/promises'
import { ask, codeOf } from './asking.ts'
import type { Answered } from './asking.ts'
import type { ChargingService } from './charging-service.ts'
import type { Seen } from './key-history.ts'
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
    // A disk that other tests keep busy is not what these tests are about.
    top: { stores: { idempotency: { type: 'lmdb', path, timeout: '5s', ...options.store } }, ...options.top },
  })
}

export function charge(seawall: SeawallProcess, key: string, body = '{"amount":1}'): Promise<Answered> {
  return ask(seawall.ports['public'] as number, '/charge', {
    method: 'POST', headers: { 'idempotency-key': key, 'content-type': 'application/json' }, body,
  })
}

/** Duplicates of each key, at random through these processes, repeated by their callers until there is an answer. */
export async function duplicates(
  processes: readonly SeawallProcess[], keys: number, each: number, spreadMs: number,
): Promise<Seen[]> {
  const history: Seen[] = []
  const one = async (key: string): Promise<void> => {
    await pause(Math.random() * spreadMs)
    for (let attempt = 0; attempt < 20; attempt++) {
      const seawall = processes[Math.floor(Math.random() * processes.length)] as SeawallProcess
      const startedAt = performance.now()
      const answer = await charge(seawall, key).catch(() => null)
      const code = answer === null ? '' : codeOf(answer)
      history.push({
        key, fingerprint: 'same', startedAt, endedAt: performance.now(), status: answer?.status ?? 0, code,
        body: answer?.body ?? '', keyStatus: String(answer?.headers['idempotency-status'] ?? ''),
        executionId: /ch_\d+/.exec(answer?.body ?? '')?.[0] ?? '',
      })
      if (answer !== null && (answer.status < 300 || code === 'idempotency.outcome-unknown')) return
      await pause(20 + Math.random() * 80)
    }
  }
  await Promise.all(Array.from({ length: keys * each }, (_, i) => one(`key-${i % keys}`)))
  return history
}
