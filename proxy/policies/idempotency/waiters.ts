// Who waits in this process for the outcome of a key, by the key's record: bounded for each key and in all, so that a
// flood of duplicates is answered instead of kept.

import type { Lookup, RecordKey } from '../../core/record-store.ts'

/** Somebody who waits. */
export interface Waiter {
  /** What became of the record; null: look yourself. */
  woken(found: Lookup | null): void
}

export class Waiters {
  readonly #maxPerKey: number
  readonly #max: number
  readonly #byKey = new Map<RecordKey, Set<Waiter>>()
  /** How many wait now. */
  count = 0

  constructor(maxPerKey = 64, max = 1_000) {
    this.#maxPerKey = maxPerKey
    this.#max = max
  }

  /** False: too many wait already. */
  join(key: RecordKey, waiter: Waiter): boolean {
    const waiting = this.#byKey.get(key) ?? new Set<Waiter>()
    if (this.count >= this.#max || waiting.size >= this.#maxPerKey) return false
    this.#byKey.set(key, waiting)
    waiting.add(waiter)
    this.count++
    return true
  }

  has(key: RecordKey): boolean { return this.#byKey.has(key) }

  leave(key: RecordKey, waiter: Waiter): void {
    const waiting = this.#byKey.get(key)
    if (waiting === undefined || !waiting.delete(waiter)) return
    this.count--
    if (waiting.size === 0) this.#byKey.delete(key)
  }

  /** Tells everybody who waits for that key; nobody waits for it afterwards. */
  wake(key: RecordKey, found: Lookup | null): void {
    const waiting = this.#byKey.get(key)
    if (waiting === undefined) return
    this.#byKey.delete(key)
    this.count -= waiting.size
    for (const waiter of waiting) waiter.woken(found)
  }
}
