// How much work a request is: distributions by name over a seeded stream, each with its mean in ms.

import type { Random } from '../../../proxy/core/random.ts'

/** Draws the work of one request, ms. */
export type Sampler = () => number

export function always(ms: number): Sampler {
  return () => ms
}

export function exponentialOf(random: Random, meanMs: number): Sampler {
  return () => -Math.log(1 - random()) * meanMs
}

/** `variation`: standard deviation over mean. */
export function lognormalOf(random: Random, meanMs: number, variation: number): Sampler {
  const s2 = Math.log(1 + variation * variation)
  const mu = Math.log(meanMs) - s2 / 2
  const s = Math.sqrt(s2)
  return () => Math.exp(mu + s * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()))
}

/** One of several fixed amounts: `[weight, ms]`, weights adding up to 1. */
export function mixOf(random: Random, parts: readonly (readonly [number, number])[]): Sampler {
  return () => {
    let left = random()
    for (const [weight, ms] of parts) {
      left -= weight
      if (left < 0) return ms
    }
    return (parts[parts.length - 1] as readonly [number, number])[1]
  }
}
