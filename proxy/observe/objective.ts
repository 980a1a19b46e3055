// HOT PATH — runs for exchanges of routes with an objective. Rules: docs/decisions/0004.
// How one route keeps what is promised of it: which of its exchanges went well, what is left of the failures it may
// have, and how fast they are used up. It knows this process since its start and nothing of the others.

import type { Exchange } from '../core/exchange.ts'
import type { Figures } from '../core/meter.ts'
import { SlidingCount } from './sliding-count.ts'

/** The promise, as a route has it under `slo`. */
export interface Promised {
  /** Share that has to go well, from 0 to 1. */
  readonly objective: number
  /** What takes longer did not go well, ms; Infinity: time does not count. */
  readonly thresholdMs: number
  /** Over which the budget is kept, ms. */
  readonly windowMs: number
}

/**
 * The windows of the usual alerts on burn rates, in pairs of a long and a short one: 1 h with 5 m, 6 h with 30 m
 * (Google's SRE workbook, chapter 5). Longer ones outlive processes: they belong to who scrapes.
 */
export const burnWindows = { '5m': 300_000, '30m': 1_800_000, '1h': 3_600_000, '6h': 21_600_000 } as const

export type BurnWindow = keyof typeof burnWindows

/** Fine enough that the window of 5 min is wrong by a tenth at most. */
const recentSlotMs = 30_000
const recentSlots = burnWindows['6h'] / recentSlotMs
/** The window of the budget moves on in steps of a hundredth. */
const budgetSlots = 100

export class Objective {
  #promised: Promised
  readonly #recent = new SlidingCount(recentSlotMs, recentSlots)
  #whole: SlidingCount

  constructor(promised: Promised) {
    this.#promised = promised
    this.#whole = new SlidingCount(promised.windowMs / budgetSlots, budgetSlots)
  }

  /** Another promise of the same route. Its budget is kept on, unless the window is another. */
  promise(promised: Promised): void {
    if (promised.windowMs !== this.#promised.windowMs) {
      this.#whole = new SlidingCount(promised.windowMs / budgetSlots, budgetSlots)
    }
    this.#promised = promised
  }

  ended(exchange: Exchange, now: number): void {
    const isGood = wentWell(exchange, now, this.#promised.thresholdMs)
    if (isGood === null) return
    this.#recent.add(now, isGood)
    this.#whole.add(now, isGood)
  }

  /** What is left of the failures that may be, as a share of them: 1 all, 0 none, below 0 more than all are used up. */
  budgetRatio(now: number): number {
    return 1 - this.#spent(this.#whole, this.#promised.windowMs, now)
  }

  /** Share of failures to what may be: at 1 the budget lasts exactly as long as its window. */
  burnRate(window: BurnWindow, now: number): number {
    return this.#spent(this.#recent, burnWindows[window], now)
  }

  figures(now: number): Figures {
    const { objective, thresholdMs } = this.#promised
    return {
      objective,
      ...(thresholdMs === Infinity ? {} : { thresholdMs }),
      budget: rounded(this.budgetRatio(now)),
      burn1h: rounded(this.burnRate('1h', now)),
      burn5m: rounded(this.burnRate('5m', now)),
    }
  }

  #spent(count: SlidingCount, windowMs: number, now: number): number {
    const { total, bad } = count.read(now, windowMs)
    return total === 0 ? 0 : bad / total / (1 - this.#promised.objective)
  }
}

/**
 * Null: says nothing of the promise, because the caller left, was refused for what it did itself, or has a tunnel.
 * An answer of 5xx did not go well, whoever gave it; neither did one that broke off, or came too late.
 */
function wentWell(exchange: Exchange, now: number, thresholdMs: number): boolean | null {
  const { outcome, status, code, work, isStream, startedAt } = exchange
  if (outcome === null) return false
  if (outcome.kind === 'tunnel' || code === 'caller.gone') return null
  if (status >= 500 || status === 0) return false
  if (outcome.kind !== 'reply') return null
  if (work.last !== null && work.last.bodyFault !== null) return false
  return isStream || now - startedAt <= thresholdMs
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
