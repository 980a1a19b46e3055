// Latency distributions: their JSON form, and one draw from each. All are set by their mean, so that an experiment can
// change the shape and keep the load. It does not wait; the port does.

import type { Complaint } from './field-checks.ts'
import { join, readChoice, readDurationMs, readNumber, readObject } from './field-checks.ts'

export type Distribution =
  | { readonly type: 'constant'; readonly meanMs: number }
  /** Evenly from meanMs - spreadMs to meanMs + spreadMs. */
  | { readonly type: 'uniform'; readonly meanMs: number; readonly spreadMs: number }
  | { readonly type: 'exponential'; readonly meanMs: number; readonly maxMs: number }
  /** `sigma` is the deviation of the logarithm: p99 / median is about e^(2.33 sigma). */
  | { readonly type: 'lognormal'; readonly meanMs: number; readonly sigma: number; readonly maxMs: number }

export const NO_LATENCY: Distribution = { type: 'constant', meanMs: 0 }

/** Longer than any caller waits; a service that never answers is `stall`, not a latency. */
export const MAX_LATENCY_MS = 600_000

/** One draw in milliseconds from two numbers in [0, 1); only the log-normal needs both. */
export function sampleMs(distribution: Distribution, first: number, second: number): number {
  switch (distribution.type) {
    case 'constant':
      return distribution.meanMs
    case 'uniform':
      return distribution.meanMs + (2 * first - 1) * distribution.spreadMs
    case 'exponential':
      return Math.min(distribution.maxMs, -distribution.meanMs * Math.log(1 - first))
    case 'lognormal':
      break
  }
  // Box-Muller; the mean of a log-normal is e^(mu + sigma² / 2), solved for mu.
  const normal = Math.sqrt(-2 * Math.log(1 - first)) * Math.cos(2 * Math.PI * second)
  const logMean = Math.log(distribution.meanMs) - distribution.sigma ** 2 / 2
  return Math.min(distribution.maxMs, Math.exp(logMean + distribution.sigma * normal))
}

const TYPES = ['constant', 'uniform', 'exponential', 'lognormal'] as const

const KEYS = {
  constant: ['type', 'meanMs'],
  uniform: ['type', 'meanMs', 'spreadMs'],
  exponential: ['type', 'meanMs', 'maxMs'],
  lognormal: ['type', 'meanMs', 'sigma', 'maxMs'],
} as const

/** Median and p99 of a healthy HTTP service differ by a factor of about three; e^(2.33 × 0.5) is 3.2. */
const DEFAULT_SIGMA = 0.5

/** Reads a distribution; a bare duration is a constant latency. Complains about `field` and what lies under it. */
export function readDistribution(value: unknown, field: string, complaints: Complaint[]): Distribution {
  const latency = { min: 0, max: MAX_LATENCY_MS }
  if (typeof value === 'number' || typeof value === 'string') {
    return { type: 'constant', meanMs: readDurationMs(value, field, latency, complaints) }
  }
  const allKeys = ['type', 'meanMs', 'spreadMs', 'sigma', 'maxMs']
  const shape = readObject(value, field, allKeys, [])
  if (shape === null) {
    complaints.push({ field, expected: 'a duration or an object with type and meanMs', got: JSON.stringify(value) })
    return NO_LATENCY
  }
  const type = readChoice(shape['type'], join(field, 'type'), TYPES, complaints)
  readObject(value, field, KEYS[type], complaints)
  const meanMs = readDurationMs(shape['meanMs'], join(field, 'meanMs'), latency, complaints)
  const maxMs = readDurationMs(shape['maxMs'] ?? MAX_LATENCY_MS, join(field, 'maxMs'), latency, complaints)
  if (type === 'constant') return { type, meanMs }
  if (type === 'exponential') return { type, meanMs, maxMs }
  if (type === 'uniform') {
    const spread = shape['spreadMs'] ?? meanMs
    const spreadMs = readDurationMs(spread, join(field, 'spreadMs'), { min: 0, max: meanMs }, complaints)
    return { type, meanMs, spreadMs }
  }
  const sigma = readNumber(shape['sigma'] ?? DEFAULT_SIGMA, join(field, 'sigma'), { min: 0, max: 5 }, complaints)
  return { type, meanMs, sigma, maxMs }
}
