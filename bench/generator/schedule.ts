// The arrivals of an open loop, all computed before the first is sent: absolute offsets, so that being late once never
// shifts what follows. Does not send anything and does not know the time.
import type { RateStep } from './plan.ts'

export interface ScheduleOptions {
  readonly arrivals: 'poisson' | 'constant'
  readonly ratePerSecond: number
  readonly lengthMs: number
  readonly seed: number
  readonly steps?: readonly RateStep[]
}

/** Bounds the memory of one run: 8 bytes an arrival. */
const maxArrivals = 20_000_000

/**
 * Offsets from the start in milliseconds, ascending, all below `lengthMs`. Throws RangeError on a rate it cannot serve.
 */
export function arrivalOffsets(options: ScheduleOptions): Float64Array {
  const { ratePerSecond, lengthMs } = options
  const steps = options.steps ?? []
  const expected = Math.max(ratePerSecond, ...steps.map((step) => step.perSecond)) * lengthMs / 1000
  if (!(ratePerSecond > 0) || steps.some((step) => !(step.perSecond > 0)) || !(expected <= maxArrivals)) {
    throw new RangeError(`Cannot schedule ${ratePerSecond} requests a second for ${lengthMs} ms: ` +
      `the rate must be above 0 and the arrivals at most ${maxArrivals}`)
  }
  if (options.arrivals === 'constant' && steps.length > 0) throw new RangeError('A constant rate has no steps')
  return options.arrivals === 'constant' ? constantOffsets(options) : poissonOffsets(options)
}

function constantOffsets({ ratePerSecond, lengthMs }: ScheduleOptions): Float64Array {
  const count = Math.ceil(ratePerSecond * lengthMs / 1000)
  return Float64Array.from({ length: count }, (_, index) => index * 1000 / ratePerSecond)
}

// Independent exponential gaps: what many callers who know nothing of each other look like from the service.
// Where the rate changes, the rest of a gap is stretched to the new rate: a Poisson process has no memory.
function poissonOffsets({ ratePerSecond, lengthMs, seed, steps = [] }: ScheduleOptions): Float64Array {
  const random = seededRandom(seed)
  const offsets: number[] = []
  let perMs = ratePerSecond / 1000
  let step = 0
  let atMs = 0
  for (;;) {
    let gap = -Math.log(1 - random())
    for (let next = steps[step]; next !== undefined && atMs + gap / perMs >= next.fromMs; next = steps[++step]) {
      gap -= (next.fromMs - atMs) * perMs
      atMs = next.fromMs
      perMs = next.perSecond / 1000
    }
    atMs += gap / perMs
    if (atMs >= lengthMs || offsets.length >= maxArrivals) return Float64Array.from(offsets)
    offsets.push(atMs)
  }
}

/** sfc32 (Chris Doty-Humphrey's Small Fast Counter): numbers in [0, 1), the same for the same seed everywhere. */
export function seededRandom(seed: number): () => number {
  let a = 0x9e3779b9
  let b = 0x243f6a88
  let c = seed | 0
  let counter = 1
  const next = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum | 0
    return (sum >>> 0) / 2 ** 32
  }
  // The author's advice: the first 12 outputs still show the seed.
  for (let i = 0; i < 12; i++) next()
  return next
}
