// The one admission of an upstream: permits under a ceiling, shares of it for groups of routes, and one waiting line
// ordered by class, first in first out inside a class. Pure: `now` is an argument, nobody is called but the waiters.
//
// A permit that comes free goes straight to the waiter it is meant for; a newcomer can never slip in between.

/** One who waits in the line. */
export interface Waiter {
  readonly group: Group
  /** 0 is served first. */
  readonly level: number
  /** After this nobody needs the permit any more, clock ms. */
  readonly expiresAt: number
  /** The permit is theirs from now on. */
  admitted(now: number): void
  /** The wait is over without a permit. */
  expired(now: number): void
}

/** Routes that share a part of the ceiling. Made by `group()`. */
export interface Group {
  readonly name: string
  /** Permits that this group may hold at once. */
  readonly ceiling: number
  inUse: number
}

export interface AdmissionOptions {
  /** Permits in all; Infinity for none but counting. */
  readonly ceiling: number
  /** Waiters at most. */
  readonly maxQueue: number
}

/** Classes of the line: critical, default, sheddable. */
export const levels = 3

export class Admission {
  ceiling: number
  maxQueue: number
  inUse: number
  readonly #lines: Waiter[][]
  #queued: number
  readonly #groups: Map<string, Group>
  #handsOver: boolean

  constructor(options: AdmissionOptions) {
    this.ceiling = options.ceiling
    this.maxQueue = options.maxQueue
    this.inUse = 0
    this.#lines = Array.from({ length: levels }, () => [])
    this.#queued = 0
    this.#groups = new Map()
    this.#handsOver = false
  }

  get queued(): number { return this.#queued }

  /** Waiters of one class. */
  queuedAt(level: number): number { return this.#lines[level]?.length ?? 0 }

  /** Groups by name, for gauges. */
  groups(): Iterable<Group> { return this.#groups.values() }

  /** The group of that name; `share` (0 to 1] of the ceiling, at least one permit, never rounded up past it. */
  group(name: string, share: number): Group {
    const ceiling = share >= 1 ? Infinity : Math.max(1, Math.floor(share * this.ceiling))
    const known = this.#groups.get(name)
    const group = { name, ceiling, inUse: known?.inUse ?? 0 }
    if (known !== undefined) return Object.assign(known, group)
    this.#groups.set(name, group)
    return group
  }

  /** Takes a permit if one is free and nobody waits for it. */
  tryTake(group: Group): boolean {
    if (this.inUse >= this.ceiling || group.inUse >= group.ceiling) return false
    if (this.#queued > 0 && this.#next() !== null) return false
    this.take(group)
    return true
  }

  /** Takes a permit whatever the ceiling says: observe mode counts, it does not refuse. */
  take(group: Group): void {
    this.inUse++
    group.inUse++
  }

  /** Joins the line; false when it is full. */
  wait(waiter: Waiter): boolean {
    if (this.#queued >= this.maxQueue) return false
    const line = this.#lines[waiter.level] as Waiter[]
    line.push(waiter)
    this.#queued++
    return true
  }

  /** Leaves the line; nothing happens to one who is not in it. */
  leave(waiter: Waiter): void {
    const line = this.#lines[waiter.level] as Waiter[]
    const at = line.indexOf(waiter)
    if (at < 0) return
    line.splice(at, 1)
    this.#queued--
  }

  /** Gives a permit back, and hands it on. */
  release(group: Group, now: number): void {
    this.inUse--
    group.inUse--
    this.#handOver(now)
  }

  /** Ends the waits that are over; returns when the next one ends (Infinity: none). */
  expire(now: number): number {
    let nextAt = Infinity
    for (const line of this.#lines) {
      // Copied, because telling a waiter may change the line.
      for (const waiter of line.filter((w) => w.expiresAt <= now)) {
        this.leave(waiter)
        waiter.expired(now)
      }
      for (const waiter of line) nextAt = Math.min(nextAt, waiter.expiresAt)
    }
    return nextAt
  }

  /** Changes the bounds in place (a reload); permits in use stay as they are. */
  resize(options: AdmissionOptions, now: number): void {
    this.ceiling = options.ceiling
    this.maxQueue = options.maxQueue
    this.#handOver(now)
  }

  #handOver(now: number): void {
    // An admitted waiter may give its permit back at once (a later gate refuses it): the loop below, not the stack,
    // goes on with the next one.
    if (this.#handsOver) return
    this.#handsOver = true
    while (this.inUse < this.ceiling && this.#queued > 0) {
      const waiter = this.#next()
      if (waiter === null) break
      this.leave(waiter)
      if (waiter.expiresAt <= now) {
        waiter.expired(now)
        continue
      }
      this.take(waiter.group)
      waiter.admitted(now)
    }
    this.#handsOver = false
  }

  /** The first of the highest class whose group has room. */
  #next(): Waiter | null {
    for (const line of this.#lines) {
      for (const waiter of line) if (waiter.group.inUse < waiter.group.ceiling) return waiter
    }
    return null
  }
}
