// Medians and ranges of a handful of rounds. With three to ten values a median and its range are all that can be said
// honestly, so there are no deviations, intervals or tests here.

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Throws RangeError when empty. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/** The middle value, or the mean of the two middle ones. Throws RangeError when empty. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)]
  const lower = sorted[Math.ceil(sorted.length / 2) - 1]
  if (upper === undefined || lower === undefined) throw new RangeError('Cannot take the median of no values')
  return (lower + upper) / 2
}
