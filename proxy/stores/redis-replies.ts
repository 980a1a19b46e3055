// What the scripts and the connection say, as records and faults of the contract.

import type { DoneRecord, DoubtReason, InFlightRecord, RecordKey, StoreFault, UnknownRecord } from
  '../core/record-store.ts'
import { decodeAnswer } from './answer-codec.ts'
import { isFault } from './record-codec.ts'
import type { SealKeys } from './sealing.ts'
import { messageOf, storeFault } from './store-fault.ts'

/** A record that the scripts could not read; null: they could. */
export function isLost(reply: readonly Buffer[]): StoreFault | null {
  switch (reply[0]?.toString()) {
    case 'corrupt': return storeFault('corrupt', 'Cannot read a record: fields are missing')
    case 'future-version':
      return storeFault('future-version', `Cannot read a record: version 1 expected, ${reply[1]?.toString()} got`)
    default: case undefined: return null
  }
}

/** `reply` as `held` of the claim script; `owner` is us. */
export function toRecord(
  key: RecordKey, reply: readonly Buffer[], owner: string, keys: SealKeys | null,
): DoneRecord | InFlightRecord | UnknownRecord | StoreFault {
  const [stage, fingerprint, generation, left, holder, credential, created, reason, finished] =
    reply.slice(1, 10).map(String)
  const facts = {
    fingerprint: fingerprint ?? '', credential: credential ?? '',
    generation: Number(generation), createdAtMs: Number(created),
  }
  switch (stage) {
    case 'f': {
      return { kind: 'in-flight', ...facts, owner: holder ?? '', isOwn: holder === owner, leaseLeftMs: Number(left) }
    }
    case 'u': return { kind: 'unknown', ...facts, reason: reason as DoubtReason }
    case 'd': {
      const answer = decodeAnswer(key, reply[10] as Buffer, keys)
      return isFault(answer) ? answer : { kind: 'done', ...facts, finishedAtMs: Number(finished), answer }
    }
    default: case undefined: return storeFault('corrupt', 'Cannot read a record: its stage is none of ours')
  }
}

/** What the client threw. Errors of the server begin with a word in capitals, those of a script hold one. */
export function redisFault(error: unknown): StoreFault {
  const message = messageOf(error)
  if (/\b(OOM|MISCONF) /.test(message)) return storeFault('no-space', `Redis takes no more writes: ${message}`)
  if (/\bWRONGTYPE /.test(message)) return storeFault('corrupt', 'Cannot read a record: it is no hash')
  if (/^(NOPERM|NOAUTH|WRONGPASS)\b/.test(message)) {
    return storeFault('misconfigured', `Redis does not let us in: ${message}`)
  }
  return storeFault('unavailable', `Cannot use Redis: ${message}`)
}
