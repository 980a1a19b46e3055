// The records of an instance as its admin listener asks of them: names of routes and values of scopes become digests
// here, and what the store holds becomes what may be shown.

import type { Failure, GivenAnswer, KeyPlace, KeyRecords, ShownRecord, Verdict } from '../admin/idempotency.ts'
import type { Configuration } from '../core/configuration.ts'
import type { Decision, Lookup, RecordStore, ResolveResult, StoreFault, StoredAnswer } from '../core/record-store.ts'
import { deskKey } from '../policies/idempotency/desk.ts'
import type { Desk } from '../policies/idempotency/desk.ts'
import type { IdempotencyOptions } from '../policies/idempotency/schema.ts'
import { credentialDigest, recordKeyOf, scopeDigest } from '../policies/idempotency/scope.ts'
import { settingsOf } from '../policies/idempotency/settings.ts'
import type { Settings } from '../policies/idempotency/settings.ts'
import type { Parts } from '../pipeline/parts.ts'

export interface KeyRecordsOptions {
  readonly store: () => RecordStore | null
  readonly configuration: () => Configuration
  readonly parts: Parts
}

const noStore: Failure = { code: 'admin.not-found', detail: 'No route keeps records of keys.' }
const noRecord: Failure = { code: 'admin.not-found', detail: 'There is no such record, or not any more.' }

/** A decision outlives the request it is about as long as any record: where no route says how long, a day. */
const dayMs = 86_400_000

export function keyRecordsOf({ store, configuration, parts }: KeyRecordsOptions): KeyRecords {
  const placeOf = (place: KeyPlace): string | null => scopeOf(configuration(), place)
  return {
    async counts() {
      const counted = await store()?.counts()
      if (counted === undefined) return noStore
      if (counted.kind === 'fault') return failureOf(counted)
      const { kind: _kind, ...counts } = counted
      return counts
    },
    async doubts(limit) {
      const found = await store()?.doubts(limit)
      if (found === undefined) return noStore
      return found.kind === 'fault' ? failureOf(found) : found.list.map(({ key, record }) => shown(key, record))
    },
    async show(ref) {
      const found = await store()?.lookup(ref)
      if (found === undefined) return noStore
      if (found.kind === 'fault') return failureOf(found)
      return found.kind === 'absent' ? noRecord : shown(ref, found)
    },
    refOf(place, key) {
      const scope = placeOf(place)
      return scope === null ? null : recordKeyOf(scope, key)
    },
    async resolve(ref, verdict, answer) {
      const result = await store()?.resolve(ref, decisionOf(verdict, answer), dayMs)
      if (result === undefined) return noStore
      for (const [, desk] of parts.named<Desk>(deskKey)) desk.waiters.wake(ref, null)
      return failureToResolve(result)
    },
    async purge(place) {
      const scope = placeOf(place)
      if (scope === null) {
        return { code: 'admin.invalid', detail: `There is no route "${place.route}" on which keys count.` }
      }
      const purged = await store()?.purge(scope)
      if (purged === undefined) return noStore
      return purged.kind === 'fault' ? failureOf(purged) : { purged: purged.count }
    },
    async acceptLoss() {
      const accepted = await store()?.acceptLoss?.()
      if (accepted === undefined) return noStore
      return accepted.kind === 'fault' ? failureOf(accepted) : null
    },
  }
}

function scopeOf({ routes }: Configuration, { route: name, value }: KeyPlace): string | null {
  const route = routes.find((one) => one.name === name)
  const options = route?.options['idempotency'] as IdempotencyOptions | 'off' | undefined
  if (route === undefined || options === undefined || options === 'off') return null
  const { scope, isPerRoute }: Settings = settingsOf(options)
  const named = scope === null || scope === 'none' ? '' : scope === 'credential' ? credentialDigest(value) : value
  return scopeDigest(route.upstream, scope, named, isPerRoute ? name : null)
}

function failureToResolve(result: ResolveResult): Failure | null {
  switch (result.kind) {
    case 'resolved': return null
    case 'gone': return noRecord
    case 'fault': return failureOf(result)
    case 'in-flight': return { code: 'admin.conflict', detail: 'It is in flight: whoever holds it will say.' }
    case 'done': return { code: 'admin.conflict', detail: 'It has an answer already; "forget" would drop it.' }
  }
}

function shown(ref: string, record: Exclude<Lookup, { kind: 'absent' } | StoreFault>): ShownRecord {
  const { generation, createdAtMs } = record
  const base = { ref, state: record.kind, since: new Date(createdAtMs).toISOString(), generation }
  switch (record.kind) {
    case 'done': return { ...base, status: record.answer.status, hasBody: record.answer.body !== null }
    case 'unknown': return { ...base, reason: record.reason }
    case 'in-flight': return base
  }
}

function decisionOf(verdict: Verdict, answer: GivenAnswer | null): Decision {
  if (verdict !== 'executed') return { kind: verdict }
  return { kind: 'executed', answer: answer === null ? null : storedOf(answer) }
}

function storedOf({ status, headers = {}, body = '' }: GivenAnswer): StoredAnswer {
  return {
    status, statusText: '', headers: Object.entries(headers).flat(), body: Buffer.from(body, 'utf8'), trailers: null,
    gap: null,
  }
}

function failureOf({ message }: StoreFault): Failure {
  return { code: 'admin.unavailable', detail: message }
}
