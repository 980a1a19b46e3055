// The door to chance: the only file that calls Math.random, and the identifiers made from it.

/** A number in [0, 1). */
export type Random = () => number

/** The real dice. */
export const systemRandom: Random = () => Math.random()

/** Two digits for each byte: toString(16) of a double is ten times slower, and every request makes six of these. */
const hexOfByte: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

function hex32(random: Random): string {
  const bits = (random() * 0x100000000) >>> 0
  return (hexOfByte[bits >>> 24] as string) + (hexOfByte[(bits >>> 16) & 255] as string)
    + (hexOfByte[(bits >>> 8) & 255] as string) + (hexOfByte[bits & 255] as string)
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
