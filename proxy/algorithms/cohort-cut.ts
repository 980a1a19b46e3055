// Who is refused within a class when not all can be served: always the same. Callers fall into cohorts by a hash that
// changes every hour, and from the lowest class and the last cohort up as many are cut as are too many. Callers who
// need several answers in a row get all of them or none, which a draw for each request would give to nobody. While
// nobody has to be refused it counts nothing.

/** Cohorts of a class. */
export const cohorts = 128

/** Those who are not cut ask for this many times what is served: the line decides on the rest, and nothing idles. */
const surplus = 1.2

/**
 * A smaller part of them refused says that there is room for more; then this part of all is let in again, twice as many
 * after each window that was quiet like that, up to the most.
 */
const quietRatio = 0.02
const opening = 0.01
const openingMost = 0.1

/** This part of those who were not cut is not cut the next time either: one moment of little work is no rule. */
const closing = 0.7

/** What a window counts in the next one. */
const memory = 0.75

/** Windows without a refusal after which it ends. */
const restWindows = 8

export class CohortCut {
  readonly #arrivals: Float64Array
  /** Bins above it are cut: class after class, cohort after cohort. */
  #boundary: number
  #isActive = false
  #served = 0
  #refused = 0
  #kept = 0
  #came = 0
  #cut = 0
  #quiet = 0
  #endsAt = 0

  constructor(classes: number) {
    this.#arrivals = new Float64Array(classes * cohorts)
    this.#boundary = classes * cohorts - 1
  }

  /** Whether anybody has been refused of late; while nobody has, nothing need be told. */
  get isActive(): boolean { return this.#isActive }

  /** The part of those who came in the last window that was cut. */
  part = 0

  /** One has come while it is active; true: its cohort is cut. `windowMs`: how long one looks before deciding. */
  isCut(level: number, cohort: number, windowMs: number, now: number): boolean {
    if (now >= this.#endsAt) this.#close(windowMs, now)
    const bin = level * cohorts + cohort
    this.#arrivals[bin] = (this.#arrivals[bin] as number) + 1
    this.#came++
    if (bin > this.#boundary) {
      this.#cut++
      return true
    }
    this.#kept++
    return false
  }

  /** One of those who are not cut was refused, by the line. */
  refused(windowMs: number, now: number): void {
    this.#refused++
    if (this.#isActive) return
    this.#isActive = true
    this.#endsAt = now + windowMs
    this.#served = 0
  }

  /** A permit came back. */
  served(): void { this.#served++ }

  #close(windowMs: number, now: number): void {
    const isQuiet = this.#refused <= quietRatio * (1 - memory) * this.#kept
    if (isQuiet) this.#open()
    else this.#boundary = this.#binAt(Math.max(surplus * this.#served, closing * this.#kept))
    this.#quiet = isQuiet ? this.#quiet + 1 : 0
    this.part = this.#cut / Math.max(1, this.#came)
    this.#came = 0
    this.#cut = 0
    if (this.#quiet >= restWindows && this.part === 0) this.#isActive = false
    for (let bin = 0; bin < this.#arrivals.length; bin++) this.#arrivals[bin] = memory * (this.#arrivals[bin] as number)
    this.#served *= memory
    this.#refused = 0
    this.#kept *= memory
    this.#endsAt = now + windowMs
  }

  /** There is room: some more of all who come. */
  #open(): void {
    let all = 0
    for (const count of this.#arrivals) all += count
    const next = this.#binAt(this.#kept + Math.min(openingMost, opening * 2 ** this.#quiet) * all)
    this.#boundary = Math.max(next, Math.min(this.#boundary + 1, this.#arrivals.length - 1))
  }

  /** The bin in which so many arrivals are reached: it is never cut itself, who is alone in it is everybody. */
  #binAt(count: number): number {
    let sum = 0
    for (let bin = 0; bin < this.#arrivals.length; bin++) {
      sum += this.#arrivals[bin] as number
      if (sum >= count) return bin
    }
    return this.#arrivals.length - 1
  }
}

/** The cohort of a caller in that hour: FNV-1a, which spreads addresses that differ in one digit. */
export function cohortOf(caller: string, hour: number): number {
  let hash = 0x811c9dc5 ^ hour
  for (let i = 0; i < caller.length; i++) hash = Math.imul(hash ^ caller.charCodeAt(i), 0x01000193)
  // The low bits of FNV depend on the low bits of what went in.
  return ((hash >>> 16) ^ hash) & (cohorts - 1)
}
