// The door to chance: the only file that calls Math.random, and the identifiers made from it.

/** A number in [0, 1). */
export type Random = () => number

/** The real dice. */
export const systemRandom: Random = () => Math.random()

function hex32(random: Random): string {
  // The leading 1 keeps the zeros of a small number; it is cut off again.
  return (0x100000000 + Math.floor(random() * 0x100000000)).toString(16).slice(1)
}

/** 16 lower-case hex digits: a W3C parent-id. */
export function spanId(random: Random): string {
  const id = hex32(random) + hex32(random)
  return id === '0000000000000000' ? '0000000000000001' : id
}

/** 32 lower-case hex digits: a W3C trace-id, and our request ids. */
export function traceId(random: Random): string {
  return spanId(random) + spanId(random)
}
