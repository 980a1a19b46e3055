// Durations and sizes between their text and their number: "250ms" and 250, "1MiB" and 1048576. The schema keyword
// `unit` says which of the two a value is.

export type Unit = 'duration' | 'size'

const milliseconds: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const bytes: Readonly<Record<string, number>> = {
  B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, KB: 1000, MB: 1000 ** 2, GB: 1000 ** 3,
}
const factors: { readonly [U in Unit]: Readonly<Record<string, number>> } = { duration: milliseconds, size: bytes }

/** Units for writing, the largest first; only powers of two for sizes, so that a size is written one way. */
const written: { readonly [U in Unit]: readonly string[] } = {
  duration: ['d', 'h', 'm', 's', 'ms'],
  size: ['GiB', 'MiB', 'KiB', 'B'],
}

const quantityPattern = /^([0-9]+(?:\.[0-9]+)?)([A-Za-z]+)$/

/** Milliseconds or bytes, rounded to whole ones; null for anything else than a number from 0 or a text with a unit. */
export function parseQuantity(unit: Unit, value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? Math.round(value) : null
  if (typeof value !== 'string') return null
  const parts = quantityPattern.exec(value)
  if (parts === null) return null
  const suffix = parts[2] ?? ''
  const factor = Object.hasOwn(factors[unit], suffix) ? factors[unit][suffix] : undefined
  if (factor === undefined) return null
  const quantity = Math.round(Number(parts[1]) * factor)
  return Number.isSafeInteger(quantity) ? quantity : null
}

/** The shortest exact text: 10000 ms is "10s", 1500 ms is "1500ms"; 0 is "0ms" or "0B". */
export function formatQuantity(unit: Unit, quantity: number): string {
  const smallest = written[unit].at(-1) ?? ''
  if (quantity === 0) return `0${smallest}`
  const largest = written[unit].find((name) => quantity % (factors[unit][name] ?? 1) === 0) ?? smallest
  return `${quantity / (factors[unit][largest] ?? 1)}${largest}`
}
