// How soon after a change a service gives again all it can, judged from the series of a run. Pure.
import type { Moment } from '../generator/plan.ts'

/** What counts as all: chance moves a second of 300 arrivals by more than the rest. */
const fullRatio = 0.95
const windowMs = 1000
/** One good second may be luck. */
const windowsInARow = 3

export interface RecoveryQuestion {
  readonly series: readonly Moment[]
  readonly changeAtMs: number
  /** The next change, or the end of what may be looked at. */
  readonly untilMs: number
  readonly capacityPerSecond: number
}

/**
 * Milliseconds from the change to the first moment from which three seconds in a row have at least 0.95 of what was
 * offered or of the capacity, whichever is less; fewer seconds when no more are left, at least one. Infinity when none.
 */
export function recoveryMs({ series, changeAtMs, untilMs, capacityPerSecond }: RecoveryQuestion): number {
  const moments = series.filter(({ atMs }) => atMs >= changeAtMs && atMs < untilMs)
  for (const { atMs } of moments) {
    const starts = Array.from({ length: windowsInARow }, (_, index) => atMs + index * windowMs)
      .filter((start) => start + windowMs <= untilMs)
    if (starts.length === 0) return Infinity
    if (starts.every((start) => isFull(moments, start, capacityPerSecond))) return atMs - changeAtMs
  }
  return Infinity
}

function isFull(moments: readonly Moment[], fromMs: number, capacityPerSecond: number): boolean {
  const within = moments.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + windowMs)
  const offered = sumOf(within, 'offered')
  return sumOf(within, 'ok') >= fullRatio * Math.min(offered, capacityPerSecond * windowMs / 1000)
}

/** The sum of one count over the moments from `fromMs` to `untilMs`. */
export function countBetween(
  series: readonly Moment[], count: Exclude<keyof Moment, 'atMs' | 'p99Ms'>, fromMs: number, untilMs: number,
): number {
  return sumOf(series.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs), count)
}

function sumOf(moments: readonly Moment[], count: Exclude<keyof Moment, 'atMs' | 'p99Ms'>): number {
  return moments.reduce((sum, moment) => sum + moment[count], 0)
}
