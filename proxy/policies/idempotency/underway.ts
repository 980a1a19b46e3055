// HOT PATH — runs for every new key. Rules: docs/decisions/0004.
// Who is the first with a key, until it is claimed. What stands in the map is a place that is emptied when it is left:
// a map that grows and shrinks leaves tables behind, and one in old space keeps all it held until that is collected.

import type { RecordKey } from '../../core/record-store.ts'

interface Place<First> { first: First | null }

export class Underway<First extends object> {
  readonly #places = new Map<RecordKey, Place<First>>()

  get size(): number { return this.#places.size }

  get(key: RecordKey): First | undefined { return this.#places.get(key)?.first ?? undefined }

  set(key: RecordKey, first: First): void {
    const place = this.#places.get(key)
    if (place === undefined) this.#places.set(key, { first })
    else place.first = first
  }

  delete(key: RecordKey): void {
    const place = this.#places.get(key)
    if (place === undefined) return
    place.first = null
    this.#places.delete(key)
  }
}
