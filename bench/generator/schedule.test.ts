// The laws of the schedule: the right number of arrivals, their statistics, and the same arrivals for the same seed.
import { test } from 'tap'
import { arrivalOffsets, seededRandom } from './schedule.ts'

test('constant arrivals stand at equal distances and fill the length', async (t) => {
  const offsets = arrivalOffsets({ arrivals: 'constant', ratePerSecond: 400, lengthMs: 1000, seed: 0 })
  t.equal(offsets.length, 400)
  t.ok(offsets.every((offset, index) => offset === index * 2.5))
})

test('Poisson gaps have the mean and the variance of an exponential distribution, for every seed', async (t) => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const offsets = arrivalOffsets({ arrivals: 'poisson', ratePerSecond: 1000, lengthMs: 100_000, seed })
    const gaps = [...offsets].map((offset, index) => offset - (offsets[index - 1] ?? 0))
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length
    // 100,000 gaps: five standard errors are 1.6 % of the mean and 4.5 % of the variance.
    t.ok(Math.abs(mean - 1) < 0.016, `seed ${seed}: mean gap ${mean} ms`)
    t.ok(Math.abs(variance - 1) < 0.045, `seed ${seed}: variance of gaps ${variance} ms²`)
    t.ok(gaps.every((gap) => gap >= 0) && (offsets.at(-1) ?? 0) < 100_000, `seed ${seed}: ascending, within the length`)
  }
})

test('the number of Poisson arrivals in a window varies as much as its mean', async (t) => {
  for (const seed of [1, 2, 3]) {
    const offsets = arrivalOffsets({ arrivals: 'poisson', ratePerSecond: 500, lengthMs: 200_000, seed })
    const counts = Array.from({ length: 10_000 }, () => 0)
    for (const offset of offsets) {
      const window = Math.floor(offset / 20)
      counts[window] = (counts[window] ?? 0) + 1
    }
    const mean = offsets.length / counts.length
    const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length
    // Index of dispersion: 1 for Poisson, 0 for constant arrivals; its standard error here is 0.014.
    t.ok(Math.abs(variance / mean - 1) < 0.07, `seed ${seed}: dispersion ${variance / mean}`)
  }
})

test('a seed gives the same arrivals again, another seed gives others', async (t) => {
  const [first, again, other] = [7, 7, 8].map((seed) =>
    arrivalOffsets({ arrivals: 'poisson', ratePerSecond: 100, lengthMs: 5000, seed }))
  t.same(first, again)
  t.notSame(first, other)
})

test('random numbers lie in [0, 1) and fill it evenly', async (t) => {
  for (const seed of [0, 1, -1, 0x7fffffff]) {
    const random = seededRandom(seed)
    const tenths = Array.from({ length: 10 }, () => 0)
    for (let i = 0; i < 20_000; i++) {
      const value = random()
      if (value < 0 || value >= 1) t.fail(`seed ${seed}: ${value}`)
      tenths[Math.floor(value * 10)] = (tenths[Math.floor(value * 10)] ?? 0) + 1
    }
    // 2,000 expected in each, standard deviation 42.
    t.ok(tenths.every((count) => Math.abs(count - 2000) < 250), `seed ${seed}: ${tenths.join(' ')}`)
  }
})

test('a schedule without a rate or beyond the bound of memory is refused', async (t) => {
  for (const ratePerSecond of [0, -1, NaN, 1e9]) {
    t.throws(() => arrivalOffsets({ arrivals: 'poisson', ratePerSecond, lengthMs: 60_000, seed: 1 }), RangeError)
  }
})

test('a rate with steps has each rate in its own stretch, and no arrivals are lost or doubled at a step', async (t) => {
  const steps = [{ fromMs: 50_000, perSecond: 1000 }, { fromMs: 100_000, perSecond: 100 }]
  for (const seed of [1, 2, 3]) {
    const offsets = [...arrivalOffsets({ arrivals: 'poisson', ratePerSecond: 200, lengthMs: 150_000, seed, steps })]
    t.ok(offsets.every((offset, index) => offset >= (offsets[index - 1] ?? 0)), `seed ${seed}: ascending`)
    const expected = [10_000, 50_000, 5_000]
    for (const [index, count] of expected.entries()) {
      const seen = offsets.filter((offset) => Math.floor(offset / 50_000) === index).length
      t.ok(Math.abs(seen - count) < 5 * Math.sqrt(count), `seed ${seed}: ${seen} of ${count} in stretch ${index}`)
    }
  }
})

test('steps that cannot be served are an error', async (t) => {
  const options = { ratePerSecond: 1, lengthMs: 10, seed: 0 }
  const zero = { ...options, arrivals: 'poisson', steps: [{ fromMs: 5, perSecond: 0 }] } as const
  t.throws(() => arrivalOffsets(zero), RangeError)
  const constant = { ...options, arrivals: 'constant', steps: [{ fromMs: 5, perSecond: 1 }] } as const
  t.throws(() => arrivalOffsets(constant), RangeError)
})
