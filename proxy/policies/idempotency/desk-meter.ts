// What is counted of all keyed routes together: how the store does, what is in it, and what is told of it in numbers
// alone, such as words that came too late. Of each request a route counts by itself.

import type { Clock } from '../../core/clock.ts'
import type { Counter, Histogram, Meter } from '../../core/meter.ts'
import type { DoubtReason, RecordCounts, RecordStore } from '../../core/record-store.ts'

/** Counting may take a look at many records: not at each scrape. */
const countEveryMs = 5_000

export type Operation = 'lookup' | 'claim' | 'finish' | 'release' | 'doubt' | 'renew'

/** What the desk itself knows, read when somebody looks. */
export interface DeskFigures {
  readonly waiters: number
  /** On our clock; null: nothing is in flight here. */
  readonly oldestClaimAt: number | null
}

function each<Name extends string, T>(names: readonly Name[], make: (name: Name) => T): { readonly [N in Name]: T } {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as { [N in Name]: T }
}

export class DeskMeter {
  readonly #store: RecordStore
  readonly #clock: Clock
  readonly #times: { readonly [O in Operation]: Histogram }
  readonly #fenced: { readonly [O in Operation]?: Counter }
  readonly #doubts: { readonly [R in DoubtReason]?: Counter }
  #counts: RecordCounts = { kind: 'counts', done: 0, inFlight: 0, unknown: 0, isEstimate: false }
  #countedAt = -Infinity
  #isUp = true

  constructor(store: RecordStore, clock: Clock, meter: Meter, figures: () => DeskFigures) {
    this.#store = store
    this.#clock = clock
    this.#times = each(['lookup', 'claim', 'finish', 'release', 'doubt', 'renew'], (op) =>
      meter.histogram('seawall_idempotency_store_seconds', { op }))
    this.#fenced = each(['finish', 'release', 'doubt', 'renew'], (op) =>
      meter.counter('seawall_idempotency_fenced_total', { op }))
    // Where the store itself writes down what the dead left behind, it counts that too.
    const reasons = ['timeout', 'reset', 'truncated', 'shutdown'] as const
    this.#doubts = each(store.isShared ? [...reasons, 'owner-lost'] : reasons, (reason) =>
      meter.counter('seawall_idempotency_doubts_total', { reason }))
    this.#show(meter, figures)
  }

  /** One operation of the store, begun at `since`, and what it said. */
  seen(op: Operation, since: number, kind: string): void {
    this.#times[op].observe(this.#clock.now() - since)
    this.#isUp = kind !== 'fault'
    if (kind === 'fenced') this.#fenced[op]?.add()
  }

  doubted(reason: DoubtReason): void { this.#doubts[reason]?.add() }

  #show(meter: Meter, figures: () => DeskFigures): void {
    const store = this.#store
    const kept = (name: string): number => Number(store.inspect()[name] ?? 0)
    meter.gauge('seawall_store_up', { store: 'idempotency' }, () => this.#isUp ? 1 : 0)
    meter.gauge('seawall_idempotency_waiters', {}, () => figures().waiters)
    meter.gauge('seawall_idempotency_oldest_in_flight_seconds', {}, () => {
      const { oldestClaimAt } = figures()
      return oldestClaimAt === null ? 0 : (this.#clock.now() - oldestClaimAt) / 1_000
    })
    for (const [state, name] of [['done', 'done'], ['in-flight', 'inFlight'], ['unknown', 'unknown']] as const) {
      meter.gauge('seawall_idempotency_records', { state }, () => this.#count()[name])
    }
    // A file of our own is not emptied behind our back; a server has its own clock, and figures of its own.
    if (store.isShared) {
      meter.gauge('seawall_store_losses', { store: 'idempotency' }, () => kept('stateLosses'))
      return
    }
    meter.gauge('seawall_idempotency_bytes', {}, () => kept('usedBytes'))
    meter.total('seawall_idempotency_doubts_total', { reason: 'owner-lost' }, () => kept('recoveredTotal'))
    meter.total('seawall_idempotency_clock_jumps_total', {}, () => kept('clockJumps'))
  }

  #count(): RecordCounts {
    const now = this.#clock.now()
    if (now - this.#countedAt < countEveryMs) return this.#counts
    this.#countedAt = now
    const counted = this.#store.counts()
    if (counted instanceof Promise) void counted.then((counts) => { this.#counted(counts) })
    else this.#counted(counted)
    return this.#counts
  }

  #counted(counts: RecordCounts | { readonly kind: 'fault' }): void {
    if (counts.kind === 'counts') this.#counts = counts
  }
}
