// HOT PATH — runs for every key that is claimed. Rules: docs/decisions/0004.
// The claims that are held now, in no order. A list with each one's place in it and not a Set: a Set that grows and
// shrinks leaves tables behind, and one in old space keeps the requests of all it held until old space is collected.

/** A claim that is held: what an instance that ends must still say a word on. */
export interface Held {
  /** Its place among those that are held; -1: it is not. */
  heldIndex: number
  shutDown(): Promise<void>
}

export class HeldClaims {
  readonly #members: Held[] = []

  get size(): number { return this.#members.length }

  add(held: Held): void { held.heldIndex = this.#members.push(held) - 1 }

  /** Nothing happens to one that is not held. */
  delete(held: Held): void {
    const at = held.heldIndex
    if (at < 0) return
    held.heldIndex = -1
    const last = this.#members.pop() as Held
    if (last === held) return
    this.#members[at] = last
    last.heldIndex = at
  }

  /** All of them now; they may leave meanwhile. */
  all(): readonly Held[] { return [...this.#members] }
}
