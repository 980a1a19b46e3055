// HOT PATH — runs for exchanges of routes with an objective. Rules: docs/decisions/0004.
// How many went well and how many did not over the last while, in a ring of equal slots: adding is two additions, and
// reading a few hundred. Time is an argument; the oldest slot counts as a whole until it is over.

/** What happened in a time. */
export interface Tally { readonly total: number; readonly bad: number }

export class SlidingCount {
  readonly #slotMs: number
  readonly #totals: Uint32Array
  readonly #bads: Uint32Array
  /** Number of the newest slot since time 0; slots between it and a later one are empty. */
  #newest = 0

  /** Remembers the last `slots` times `slotMs`. */
  constructor(slotMs: number, slots: number) {
    this.#slotMs = slotMs
    this.#totals = new Uint32Array(slots)
    this.#bads = new Uint32Array(slots)
  }

  add(now: number, isGood: boolean): void {
    const at = this.#advance(now) % this.#totals.length
    this.#totals[at] = (this.#totals[at] as number) + 1
    if (!isGood) this.#bads[at] = (this.#bads[at] as number) + 1
  }

  /** Over the last `windowMs`, at most what is remembered. */
  read(now: number, windowMs: number): Tally {
    const newest = this.#advance(now)
    const length = this.#totals.length
    const slots = Math.min(length, Math.ceil(windowMs / this.#slotMs), newest + 1)
    let total = 0
    let bad = 0
    for (let back = 0; back < slots; back++) {
      const at = (newest - back) % length
      total += this.#totals[at] as number
      bad += this.#bads[at] as number
    }
    return { total, bad }
  }

  /** The slot of this moment, with everything older than what is remembered wiped out. Time never runs back. */
  #advance(now: number): number {
    const slot = Math.max(this.#newest, Math.floor(now / this.#slotMs))
    const length = this.#totals.length
    const fresh = Math.min(length, slot - this.#newest)
    for (let back = 0; back < fresh; back++) {
      this.#totals[(slot - back) % length] = 0
      this.#bads[(slot - back) % length] = 0
    }
    this.#newest = slot
    return slot
  }
}
