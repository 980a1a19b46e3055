// Round numbers for the axis of a plot. Knows nothing of drawing.

export interface Axis {
  readonly from: number
  readonly to: number
  readonly ticks: readonly number[]
}

/**
 * An axis that covers all values with about `wanted` steps of 1, 2 or 5 times a power of ten. Starts at zero if it can.
 */
export function niceAxis(values: readonly number[], wanted: number): Axis {
  const finite = values.filter(Number.isFinite)
  const low = Math.min(0, ...finite)
  const high = Math.max(0, ...finite)
  const step = niceStep((high - low || 1) / wanted)
  const first = Math.floor(low / step)
  const last = Math.max(first + 1, Math.ceil(high / step))
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step)
  return { from: first * step, to: last * step, ticks }
}

/** The same for a shared x such as time, which ends where the values end and not at the next round number. */
export function timeAxis(values: readonly number[], wanted: number): Axis {
  const axis = niceAxis(values, wanted)
  const to = Math.max(...values.filter(Number.isFinite), axis.ticks[1] ?? 1)
  return { from: axis.from, to, ticks: axis.ticks.filter((tick) => tick <= to) }
}

export function tickLabel(value: number, axis: Axis): string {
  const step = (axis.ticks[1] ?? 1) - (axis.ticks[0] ?? 0)
  const decimals = Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)))
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * 0.999) ?? 10
  return factor * power
}
