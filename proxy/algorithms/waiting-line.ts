// Who waits for a permit: a list for each class and group, first in first out, linked through the waiters themselves so
// that joining, leaving from anywhere and being next cost the same however long the line is. It knows no limit.

/** Routes that share a part of the permits. Made by `group()`. */
export interface LineGroup {
  readonly name: string
  /** Permits that this group may hold at once. */
  ceiling: number
  inUse: number
  /** One list a class. */
  readonly lists: readonly List[]
}

/** One who waits. The fields without `readonly` belong to the line: begin with null, null, 0 and false. */
export interface LineWaiter {
  readonly group: LineGroup
  /** 0 is served first. Changed by `raise` alone. */
  level: number
  /** Kept in memory while it waits. */
  readonly bytes: number
  /** After this nobody needs the permit any more, clock ms. */
  readonly expiresAt: number
  before: LineWaiter | null
  after: LineWaiter | null
  order: number
  isInLine: boolean
  /** The permit is theirs from now on. */
  admitted(now: number): void
  /** The wait is over without a permit. */
  expired(now: number): void
  /** A higher class took the place. */
  pushedOut(now: number): void
}

interface List { first: LineWaiter | null; last: LineWaiter | null }

/** Classes: critical, default, sheddable. */
export const classes = 3

export class WaitingLine {
  length = 0
  bytes = 0
  readonly #groups: LineGroup[] = []
  readonly #counts: number[] = Array.from({ length: classes }, () => 0)
  #order = 0

  /** The group of that name, made once; its ceiling is what was said last. */
  group(name: string, ceiling: number): LineGroup {
    const known = this.#groups.find((group) => group.name === name)
    if (known !== undefined) {
      known.ceiling = ceiling
      return known
    }
    const lists = Array.from({ length: classes }, (): List => ({ first: null, last: null }))
    const group = { name, ceiling, inUse: 0, lists }
    this.#groups.push(group)
    return group
  }

  get groups(): readonly LineGroup[] { return this.#groups }

  /** Waiters of one class. */
  countAt(level: number): number { return this.#counts[level] as number }

  /** The highest class that somebody waits of; 3: nobody waits. */
  get highest(): number {
    if (this.length === 0) return classes
    for (let level = 0; ; level++) if (this.#counts[level] !== 0) return level
  }

  /** Waiters that are served before a newcomer of this class. */
  aheadOf(level: number): number {
    let ahead = 0
    for (let i = 0; i <= level; i++) ahead += this.#counts[i] as number
    return ahead
  }

  add(waiter: LineWaiter): void {
    const list = waiter.group.lists[waiter.level] as List
    waiter.order = this.#order++
    waiter.isInLine = true
    waiter.before = list.last
    waiter.after = null
    if (list.last === null) list.first = waiter
    else list.last.after = waiter
    list.last = waiter
    this.#count(waiter, 1)
  }

  /** Nothing happens to one who is not in it. */
  remove(waiter: LineWaiter): void {
    if (!waiter.isInLine) return
    waiter.isInLine = false
    const list = waiter.group.lists[waiter.level] as List
    if (waiter.before === null) list.first = waiter.after
    else waiter.before.after = waiter.after
    if (waiter.after === null) list.last = waiter.before
    else waiter.after.before = waiter.before
    waiter.before = null
    waiter.after = null
    this.#count(waiter, -1)
  }

  /** Goes on waiting in a higher class, behind those who are in it. */
  raise(waiter: LineWaiter, level: number): void {
    if (!waiter.isInLine || level >= waiter.level) return
    this.remove(waiter)
    waiter.level = level
    this.add(waiter)
  }

  /** The first of the highest class whose group has room; null: nobody. */
  next(): LineWaiter | null {
    if (this.length === 0) return null
    for (let level = 0; level < classes; level++) {
      if (this.#counts[level] === 0) continue
      const first = this.#edge(level, true)
      if (first !== null) return first
    }
    return null
  }

  /** The last of the lowest class that is lower than this one; null: nobody. */
  lastBelow(level: number): LineWaiter | null {
    for (let lower = classes - 1; lower > level; lower--) {
      if (this.#counts[lower] !== 0) return this.#edge(lower, false)
    }
    return null
  }

  /** Ends the waits that are over; returns when the next one ends (Infinity: none). */
  expire(now: number): number {
    let nextAt = Infinity
    for (const group of this.#groups) {
      for (const list of group.lists) {
        // Bounds of time are alike inside a list, so whoever came first is over first; a shorter deadline further back
        // is seen when its turn comes, or by its own exchange.
        for (;;) {
          const { first } = list
          if (first === null || first.expiresAt > now) break
          this.remove(first)
          first.expired(now)
        }
        if (list.first !== null) nextAt = Math.min(nextAt, list.first.expiresAt)
      }
    }
    return nextAt
  }

  #edge(level: number, isFirst: boolean): LineWaiter | null {
    let best: LineWaiter | null = null
    for (const group of this.#groups) {
      if (isFirst && group.inUse >= group.ceiling) continue
      const list = group.lists[level] as List
      const waiter = isFirst ? list.first : list.last
      if (waiter === null) continue
      if (best === null || (waiter.order < best.order) === isFirst) best = waiter
    }
    return best
  }

  #count(waiter: LineWaiter, change: 1 | -1): void {
    this.length += change
    this.bytes += change * waiter.bytes
    this.#counts[waiter.level] = (this.#counts[waiter.level] as number) + change
  }
}
