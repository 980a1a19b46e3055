// What became of the requests of a run moment by moment, by when they were due: the figures behind a plot over time and
// behind the question how soon a service is itself again. Bounded by the length of the run; reads no clock.
import type { Moment } from './plan.ts'
import type { Ending } from './tally.ts'

interface Counts {
  offered: number
  ok: number
  late: number
  refused: number
  failed: number
  readonly okMs: number[]
}

export class Series {
  readonly #momentMs: number
  readonly #moments: readonly Counts[]

  constructor(momentMs: number, lengthMs: number) {
    this.#momentMs = momentMs
    this.#moments = Array.from({ length: Math.ceil(lengthMs / momentMs) }, () =>
      ({ offered: 0, ok: 0, late: 0, refused: 0, failed: 0, okMs: [] }))
  }

  offered(dueMs: number): void {
    const moment = this.#at(dueMs)
    if (moment !== undefined) moment.offered++
  }

  ended(dueMs: number, ending: Ending, tookMs: number): void {
    const moment = this.#at(dueMs)
    if (moment === undefined) return
    moment[ending]++
    if (ending === 'ok') moment.okMs.push(tookMs)
  }

  moments(): readonly Moment[] {
    return this.#moments.map(({ okMs, ...counts }, index) =>
      ({ atMs: index * this.#momentMs, ...counts, p99Ms: p99(okMs) }))
  }

  #at(dueMs: number): Counts | undefined {
    return this.#moments[Math.floor(dueMs / this.#momentMs)]
  }
}

// Nearest rank; with fewer than a hundred values it is the largest.
function p99(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.ceil(values.length * 0.99) - 1] ?? 0
}
