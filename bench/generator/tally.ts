// The books of one run: how requests ended and how long they took, each outcome apart, because an average over fast
// refusals and slow answers flatters whoever refuses most. Reads no clock.
import { Histogram } from './histogram.ts'
import { outcomeKinds, refusalKinds } from './plan.ts'
import type { LatencySummary, Moment, OutcomeKind, RefusalKind } from './plan.ts'

export class Tally {
  readonly lateness = new Histogram()
  offered = 0
  started = 0
  finished = 0
  readonly #outcomes = new Map<OutcomeKind, Histogram>()
  readonly #refusals = new Map<RefusalKind, Histogram>()
  readonly #codes = new Map<string, number>()

  /** `code` is the reason a refusal gave, or empty. */
  answered(status: number, durationMs: number, code = ''): void {
    this.finished++
    record(this.#outcomes, kindOf(status), durationMs)
    if (endingOf(status) !== 'refused') return
    record(this.#refusals, refusalKindOf(code, durationMs), durationMs)
    this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1)
  }

  failed(kind: 'timeout' | 'connection-error', durationMs: number): void {
    record(this.#outcomes, kind, durationMs)
  }

  outcomes(): Partial<Record<OutcomeKind, LatencySummary>> {
    return summaries(this.#outcomes, outcomeKinds)
  }

  refusals(): Partial<Record<RefusalKind, LatencySummary>> {
    return summaries(this.#refusals, refusalKinds)
  }

  refusalCodes(): Record<string, number> {
    return Object.fromEntries(this.#codes)
  }
}

function record<Kind>(histograms: Map<Kind, Histogram>, kind: Kind, durationMs: number): void {
  let histogram = histograms.get(kind)
  if (histogram === undefined) histograms.set(kind, histogram = new Histogram())
  histogram.record(durationMs)
}

function summaries<Kind extends string>(
  histograms: ReadonlyMap<Kind, Histogram>, order: readonly Kind[],
): Partial<Record<Kind, LatencySummary>> {
  const known = order.filter((kind) => histograms.has(kind)).map((kind) => [kind, histograms.get(kind)?.summary()])
  return Object.fromEntries(known) as Partial<Record<Kind, LatencySummary>>
}

/** How a request ended, as its caller sees it; names of the counts of a moment. */
export type Ending = Exclude<keyof Moment, 'atMs' | 'offered' | 'p99Ms'>

/** Of an answer before the deadline. A 503 or 429 is a refusal whoever made it. */
export function endingOf(status: number): Ending {
  if (status >= 200 && status < 300) return 'ok'
  return status === 503 || status === 429 ? 'refused' : 'failed'
}

/** Codes of refusals that waited first, as docs/VOCABULARY.md lists them. */
const codesFromQueue = new Set(['shed.queue', 'bulkhead.timeout'])
/** Without a code: no decision on arrival takes as long, and nobody who queues requests gives up as soon. */
const longestArrivalMs = 25

/** Where a refusal was decided: by its code where it has one, else by the time it took. */
export function refusalKindOf(code: string, tookMs: number): RefusalKind {
  const hasWaited = code === '' ? tookMs >= longestArrivalMs : codesFromQueue.has(code)
  return hasWaited ? 'from-queue' : 'on-arrival'
}

export function kindOf(status: number): OutcomeKind {
  if (status >= 200 && status < 300) return '2xx'
  if (status === 429 || status === 503) return status === 429 ? '429' : '503'
  if (status >= 400 && status < 500) return '4xx'
  return status >= 500 ? '5xx' : 'other'
}
