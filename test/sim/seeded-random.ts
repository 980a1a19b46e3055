// Chance that can be repeated: a small generator by seed (sfc32), with streams by name, so that one more draw in one
// part of a world does not shift what the others draw.

import type { Random } from '../../proxy/core/random.ts'

/** A stream of numbers in [0, 1), the same for the same seed and name. */
export function seededRandom(seed: number, name = ''): Random {
  let a = seed | 0
  let b = hash(name)
  let c = 0x9e3779b9 | 0
  let counter = 1
  const next: Random = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return (sum >>> 0) / 0x100000000
  }
  // The first numbers still show the seed.
  for (let i = 0; i < 15; i++) next()
  return next
}

/** An exponentially distributed number with this mean. */
export function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random()) * mean
}

function hash(name: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193)
  return h | 0
}
