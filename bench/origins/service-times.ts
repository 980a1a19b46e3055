// Service times with an exponential distribution and hardly any luck: the quantiles of the distribution in shuffled
// blocks. Independent draws would let the capacity of a few seconds wander by 2 %, as much as the experiments are to
// tell apart.
import { seededRandom } from '../generator/schedule.ts'

/** About half a second of eight slots of 20 ms. */
const blockLength = 200

/** An endless supply of values with mean 1; each block of 200 has all its quantiles, and so the mean, exactly. */
export function exponentialTimes(seed: number): () => number {
  const random = seededRandom(seed)
  const block = quantiles(blockLength)
  let at = blockLength
  return () => {
    if (at === blockLength) {
      shuffle(block, random)
      at = 0
    }
    return block[at++] ?? 1
  }
}

// Midpoint quantiles miss a little of the tail; scaled so that the mean is 1.
function quantiles(count: number): number[] {
  const values = Array.from({ length: count }, (_, index) => -Math.log(1 - (index + 0.5) / count))
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  return values.map((value) => value / mean)
}

// Fisher and Yates.
function shuffle(values: number[], random: () => number): void {
  for (let last = values.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const kept = values[last] ?? 0
    values[last] = values[other] ?? 0
    values[other] = kept
  }
}
