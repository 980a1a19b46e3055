// What the contract of the stores needs from each of them: stores on the same records, time that passes, and an owner
// that dies.

import type { Clock, Timer } from '../../proxy/core/clock.ts'
import { systemClock } from '../../proxy/core/clock.ts'
import type { ClaimRequest, RecordStore, StoredAnswer } from '../../proxy/core/record-store.ts'

export interface StoreBench {
  /** A store on the records of this bench: the first, and others as further owners; null where there is only one. */
  join(): Promise<RecordStore | null>
  /** Lets time pass for the records. */
  pass(ms: number): Promise<void>
  /** Makes the owner of what `store` claimed count as gone; false where that cannot happen. */
  lose(store: RecordStore): Promise<boolean>
  /** The lease that claims of this bench ask for, in ms. */
  readonly leaseMs: number
  /** After this time the store's own keeping finds a record whose ttl was 50 ms. */
  readonly sweptAfterMs: number
  /** For the test of many keys; 10,000 unless that has been seen in another form of the same store. */
  readonly manyKeys?: number
}

/** A clock that is the real one and can be put forward. */
export class ShiftedClock implements Clock {
  #shiftMs = 0
  /** Of the wall clock alone: somebody set it. */
  wallShiftMs = 0

  now(): number { return systemClock.now() + this.#shiftMs }
  wallMs(): number { return systemClock.wallMs() + this.#shiftMs + this.wallShiftMs }
  after(delayMs: number, fire: () => void): Timer { return systemClock.after(delayMs, fire) }
  endOfTurn(fire: () => void): void { systemClock.endOfTurn(fire) }
  shift(ms: number): void { this.#shiftMs += ms }
}

export function claimOf(key: string, token: string, over: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    key, token, fingerprint: 'raw:fp', credential: 'cred', leaseMs: 10_000, ttlMs: 60_000, inDoubt: 'reject', ...over,
  }
}

export function answerOf(body: Uint8Array | null, over: Partial<StoredAnswer> = {}): StoredAnswer {
  const headers = ['Content-Type', 'text/plain', 'X-A', '1', 'x-a', '2', 'Location', '/charges/1']
  return { status: 201, statusText: 'Created', headers, body, trailers: null, gap: null, ...over }
}
