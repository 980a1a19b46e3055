// Reproducible chance: named streams of numbers from one seed, each independent of how often the others are drawn from.
// Good enough to decide faults and latencies; not for anything secret.

/** Draws the next number of a stream, from 0 (included) to 1 (excluded). */
export type Random = () => number

/** The largest seed: streams are keyed by 32-bit numbers. */
export const MAX_SEED = 0xffff_ffff

/**
 * Opens the stream called `name` under `seed` (an integer from 0 to MAX_SEED). The same pair gives the same numbers in
 * every process; two names share nothing, so adding a draw to one behaviour leaves the others' draws where they were.
 */
export function openStream(seed: number, name: string): Random {
  const first = hashText(`${seed}/${name}`, 0x811c_9dc5)
  const second = hashText(`${name}/${seed}`, first ^ GOLDEN)
  let counter = 0
  return () => {
    // A keyed hash of a counter, not a walking state: two streams cannot be shifted copies of one sequence.
    counter = (counter + GOLDEN) >>> 0
    return mix(mix(counter ^ first) + second) / 2 ** 32
  }
}

/** A number from 0 (included) to 1 (excluded) that depends on the text alone. */
export function fractionOf(text: string): number {
  return mix(hashText(text, 0x811c_9dc5)) / 2 ** 32
}

/** 2^32 divided by the golden ratio: an odd step that visits all 2^32 counters before it repeats one. */
const GOLDEN = 0x9e37_79b9

/** FNV-1a over UTF-16 units: short, and every bit of a short name counts after `mix`. */
function hashText(text: string, basis: number): number {
  let hash = basis
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193)
  return hash >>> 0
}

/** The finaliser of MurmurHash3 (Appleby): a bijection of 32 bits in which every input bit reaches every output bit. */
function mix(value: number): number {
  let bits = value >>> 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
