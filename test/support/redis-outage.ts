// A Redis that is killed and comes back on its file while charges go on: what callers with keys are told meanwhile,
// what other routes notice, and how soon keys are served again. Judged together with the ledger of the service.

import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import { ask, codeOf } from './asking.ts'
import { chargingService } from './charging-service.ts'
import { brokenLaws } from './key-history.ts'
import type { Seen } from './key-history.ts'
import { charge } from './keyed-service.ts'
import { startRedis } from './redis-server.ts'
import { startSeawall } from './seawall.ts'

const timeoutMs = 250
const everyMs = 20
/** Callers that repeat wait so long. */
const againMs = 400

export interface Outage {
  /** Requests with new keys that began while the server was away. */
  readonly refused: readonly Seen[]
  /** Requests of the other route that began while it was away: what they took, and those that did not go well. */
  readonly othersTookMs: readonly number[]
  readonly othersFailed: number
  /** From the moment the server answered again to the first charge of a new key. */
  readonly recoveredMs: number
  readonly broken: readonly string[]
  readonly charged: number
  /** Callers that never got their answer. */
  readonly unserved: number
}

export async function redisOutage(t: Test, awayMs: number): Promise<Outage> {
  const service = await chargingService(t)
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const seawall = await startSeawall(t, {
    listeners: { public: { kind: 'ingress', listen: '127.0.0.1:PORT:public' } },
    stores: { idempotency: { type: 'redis', url: redis.url, timeout: `${timeoutMs}ms` } },
    upstreams: { service: { endpoints: [service.url], limit: 'off' } },
    routes: [
      { name: 'other', listener: 'public', match: { path: '/other' }, upstream: 'service' },
      {
        name: 'keyed', listener: 'public', match: { path: '/*' }, upstream: 'service', idempotency: { scope: 'none' },
      },
    ],
  })
  const history: Seen[] = []
  const others: { readonly startedAt: number; readonly tookMs: number; readonly status: number }[] = []
  const isServed = new Set<string>()
  const state = { isOver: false }
  const keyed = async (key: string): Promise<void> => {
    for (;;) {
      const startedAt = performance.now()
      const answer = await charge(seawall, key)
      history.push({
        key, fingerprint: 'same', startedAt, endedAt: performance.now(), status: answer.status, code: codeOf(answer),
        body: answer.body, keyStatus: String(answer.headers['idempotency-status'] ?? ''),
        executionId: /ch_\d+/.exec(answer.body)?.[0] ?? '',
      })
      if (answer.status === 201) isServed.add(key)
      if (answer.status === 201 || state.isOver) return
      await pause(againMs)
    }
  }
  const other = async (): Promise<void> => {
    const startedAt = performance.now()
    const { status } = await ask(seawall.ports['public'] as number, '/other', { method: 'POST', body: 'x' })
    others.push({ startedAt, tookMs: performance.now() - startedAt, status })
  }
  const callers: Promise<void>[] = []
  const untilMs = async (endMs: number): Promise<void> => {
    while (performance.now() < endMs) {
      // Those of an outage repeat; a new one each time would only add to them.
      if (callers.length < 80) callers.push(keyed(`key-${callers.length}`))
      void other()
      await pause(everyMs)
    }
  }
  await untilMs(performance.now() + 500)
  await redis.kill()
  const killedAt = performance.now()
  await untilMs(killedAt + awayMs)
  const startedAt = performance.now()
  await redis.start()
  const backAt = performance.now()
  await untilMs(backAt + 2_500)
  state.isOver = true
  await Promise.all(callers)
  const isAway = (at: { readonly startedAt: number }): boolean => at.startedAt > killedAt && at.startedAt < startedAt
  const firstAgain = Math.min(...history.filter((seen) => seen.startedAt > killedAt && seen.status === 201
    && seen.keyStatus === 'executed' && seen.endedAt > startedAt).map(({ endedAt }) => endedAt))
  return {
    // What was known before the kill can still be told; all of these were new.
    refused: history.filter((seen) => isAway(seen) && seen.startedAt < startedAt - timeoutMs * 2),
    othersTookMs: others.filter(isAway).map(({ tookMs }) => tookMs),
    othersFailed: others.filter(({ status }) => status !== 201).length,
    recoveredMs: firstAgain - backAt,
    broken: brokenLaws(history, service.ledger.filter(({ key }) => key !== '')),
    charged: new Set(service.ledger.map(({ key }) => key).filter((key) => key !== '')).size,
    unserved: callers.length - isServed.size,
  }
}

/** What must be true of every outage, however long. */
export function judgeOutage(t: Test, outage: Outage): void {
  const { refused, othersTookMs, othersFailed, recoveredMs, broken, charged, unserved } = outage
  const tookMs = refused.map((seen) => seen.endedAt - seen.startedAt).toSorted((a, b) => a - b)
  const at = (sorted: readonly number[], share: number): number => sorted[Math.floor(sorted.length * share)] ?? NaN
  const sortedOthers = othersTookMs.toSorted((a, b) => a - b)
  const text = (sorted: readonly number[], share: number): string => `${at(sorted, share).toFixed(1)} ms`
  t.comment(`${refused.length} refused: median ${text(tookMs, 0.5)}, p95 ${text(tookMs, 0.95)}; other route: p95 `
    + `${text(sortedOthers, 0.95)}; served again after ${recoveredMs.toFixed(0)} ms`)
  t.ok(refused.length > 20)
  t.strictSame([...new Set(refused.map(({ status, code }) => `${status} ${code}`))],
    ['503 idempotency.store-unavailable'])
  t.ok(at(tookMs, 0.95) <= timeoutMs + 50, 'refused at once')
  t.equal(othersFailed, 0, 'another route serves everybody')
  t.ok(at(sortedOthers, 0.95) <= timeoutMs, 'and does not wait for the store')
  t.ok(recoveredMs <= 2_000, `served again within two seconds: ${recoveredMs.toFixed(0)} ms`)
  t.strictSame(broken, [])
  t.equal(unserved, 0, 'everybody had an answer in the end')
  t.ok(charged > 20)
}
