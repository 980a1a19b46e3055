// The books of one run: how requests ended and how long they took, each outcome apart, because an average over fast
// refusals and slow answers flatters whoever refuses most. Reads no clock.
import { Histogram } from './histogram.ts'
import { outcomeKinds } from './plan.ts'
import type { LatencySummary, OutcomeKind } from './plan.ts'

export class Tally {
  readonly lateness = new Histogram()
  offered = 0
  started = 0
  finished = 0
  readonly #outcomes = new Map<OutcomeKind, Histogram>()

  answered(status: number, durationMs: number): void {
    this.finished++
    this.#record(kindOf(status), durationMs)
  }

  failed(kind: 'timeout' | 'connection-error', durationMs: number): void {
    this.#record(kind, durationMs)
  }

  outcomes(): Partial<Record<OutcomeKind, LatencySummary>> {
    const known = outcomeKinds.filter((kind) => this.#outcomes.has(kind))
    return Object.fromEntries(known.map((kind) => [kind, this.#outcomes.get(kind)?.summary()]))
  }

  #record(kind: OutcomeKind, durationMs: number): void {
    let histogram = this.#outcomes.get(kind)
    if (histogram === undefined) this.#outcomes.set(kind, histogram = new Histogram())
    histogram.record(durationMs)
  }
}

export function kindOf(status: number): OutcomeKind {
  if (status >= 200 && status < 300) return '2xx'
  if (status === 429 || status === 503) return status === 429 ? '429' : '503'
  if (status >= 400 && status < 500) return '4xx'
  return status >= 500 ? '5xx' : 'other'
}
