// HOT PATH — runs three times for every new key. Rules: docs/decisions/0004.
// What this process knows of records without a read: the claims that it took and has not ended, and where it just
// looked in vain. It is a memory, not a truth: whoever writes by it is told by the database whether it still holds.

import { PassingMap } from '../algorithms/passing-map.ts'
import type { ClaimToken, RecordKey } from '../core/record-store.ts'
import type { Entry } from './lmdb-tables.ts'

/** More than are ever in flight; a claim whose last word never came would stay for ever. */
const maxClaims = 10_000

export class KnownRecords {
  readonly #claims = new PassingMap<RecordKey, Entry>()
  /** Looked up last, and not there: mostly what is claimed next. */
  #absent: RecordKey | null = null

  /** There is nothing under this key. */
  missed(key: RecordKey): void { this.#absent = key }

  /** This process wrote it; null: it took it away. */
  changed(key: RecordKey, entry: Entry | null): void {
    if (entry?.record.stage.kind !== 'in-flight') return this.#claims.delete(key)
    // To forget one costs a read.
    if (this.#claims.size >= maxClaims) this.#claims.clear()
    this.#claims.set(key, entry)
  }

  /** What a claim will find: null, or undefined where that is not known. */
  beforeClaim(key: RecordKey): null | undefined {
    const isAbsent = this.#absent === key
    this.#absent = null
    return isAbsent ? null : undefined
  }

  /** The claim of a token; undefined where it is not known. */
  claimOf(key: RecordKey, token: ClaimToken): Entry | undefined {
    const entry = this.#claims.get(key)
    return entry?.record.token === token ? entry : undefined
  }
}
