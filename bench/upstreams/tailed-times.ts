// Service times as many services have them: lognormal, and once in a hundred something else happens that takes fifty
// times as long. The case hedging is made for.
import { seededRandom } from '../generator/schedule.ts'

/** Coefficient of variation 1. */
const sigma = Math.sqrt(Math.log(2))
const tailShare = 0.01
/** Of the mean of the others: 500 ms beside 10. */
const tailFactor = 50

/** An endless supply; the mean of all but the tail is 1. */
export function tailedTimes(seed: number): () => number {
  const random = seededRandom(seed)
  return () => random() < tailShare ? tailFactor : Math.exp(sigma * normal(random) - sigma ** 2 / 2)
}

/** What `tailedTimes` takes on average. */
export const meanOfTailed = 1 - tailShare + tailShare * tailFactor

// Box and Muller; 1 - u, because the logarithm of 0 is none.
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
