// HOT PATH — runs for every new key. Rules: docs/decisions/0004.
// A map that what passes through joins and leaves soon. What stands in it is a place that is emptied when it is left: a
// map that grows and shrinks leaves tables behind, and one in old space keeps all it held until that is collected.

interface Place<Value> { value: Value | null }

export class PassingMap<Key, Value extends object> {
  readonly #places = new Map<Key, Place<Value>>()

  get size(): number { return this.#places.size }

  get(key: Key): Value | undefined { return this.#places.get(key)?.value ?? undefined }

  set(key: Key, value: Value): void {
    const place = this.#places.get(key)
    if (place === undefined) this.#places.set(key, { value })
    else place.value = value
  }

  delete(key: Key): void {
    const place = this.#places.get(key)
    if (place === undefined) return
    place.value = null
    this.#places.delete(key)
  }

  clear(): void {
    for (const place of this.#places.values()) place.value = null
    this.#places.clear()
  }
}
