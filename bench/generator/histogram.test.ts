// The histogram against the exact answer: percentiles of all recorded values, sorted.
import { test } from 'tap'
import { Histogram } from './histogram.ts'
import { seededRandom } from './schedule.ts'

const ratios = [0.01, 0.5, 0.9, 0.99, 0.999, 1]

test('percentiles lie within 0.4 % of an exact sort, from nanoseconds to minutes', async (t) => {
  for (const seed of [1, 2, 3]) {
    const random = seededRandom(seed)
    const histogram = new Histogram()
    // Evenly over ten powers of ten: 1 µs to an hour and beyond the resolution of any timer.
    const values = Array.from({ length: 20_000 }, () => 10 ** (random() * 9.5 - 3))
    for (const value of values) histogram.record(value)
    values.sort((a, b) => a - b)
    for (const ratio of ratios) {
      const exact = values[Math.ceil(ratio * values.length) - 1] ?? 0
      const error = Math.abs(histogram.percentileMs(ratio) / exact - 1)
      t.ok(error <= 1 / 256, `seed ${seed}: p${ratio * 100} is ${exact}, off by ${error}`)
    }
  }
})

test('the microseconds that a proxy adds stay apart', async (t) => {
  const histogram = new Histogram()
  for (const durationMs of [0.2, 0.35, 0.8, 1.4, 2.9]) histogram.record(durationMs)
  const read = [0.2, 0.4, 0.6, 0.8, 1].map((ratio) => histogram.percentileMs(ratio).toFixed(2))
  t.same(read, ['0.20', '0.35', '0.80', '1.40', '2.90'])
})

test('every small value and every edge of an octave finds its own slot again', async (t) => {
  const edges = Array.from({ length: 33 }, (_, index) => 2 ** (index + 9))
  const small = Array.from({ length: 600 }, (_, index) => index)
  const valuesNs = [...small, ...edges.flatMap((edge) => [edge - 1, edge, edge + 1])]
  for (const valueNs of valuesNs) {
    const histogram = new Histogram()
    histogram.record(valueNs / 1e6)
    // A second, far larger value, so that the first is read from its slot and not from the maximum.
    histogram.record(4e6)
    const error = Math.abs(histogram.percentileMs(0.5) * 1e6 - valueNs)
    if (error > valueNs / 256 + 1e-6) t.fail(`${valueNs} ns came back off by ${error}`)
  }
})

test('count, extremes and mean are exact', async (t) => {
  const histogram = new Histogram()
  for (const durationMs of [3, 1, 8]) histogram.record(durationMs)
  const { count, minMs, maxMs, meanMs } = histogram.summary()
  t.same({ count, minMs, maxMs, meanMs }, { count: 3, minMs: 1, maxMs: 8, meanMs: 4 })
})

test('an empty histogram says zero and never infinity', async (t) => {
  t.ok(Object.values(new Histogram().summary()).every((value) => value === 0))
})

test('a value beyond the range is kept in the last slot and as maximum', async (t) => {
  const histogram = new Histogram()
  histogram.record(1e9)
  histogram.record(-1)
  t.equal(histogram.summary().maxMs, 1e9)
  t.equal(histogram.summary().minMs, 0)
})
