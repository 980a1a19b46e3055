// Streams of chance: reproducible, independent, even.

import { test } from 'tap'
import { fractionOf, openStream } from './random.ts'

const take = (count: number, draw: () => number): number[] => Array.from({ length: count }, draw)

test('the same seed and name give the same numbers', async (t) => {
  t.same(take(50, openStream(7, 'latency')), take(50, openStream(7, 'latency')))
})

test('another seed, or another name, gives other numbers', async (t) => {
  const numbers = take(50, openStream(7, 'latency')).join()
  t.not(take(50, openStream(8, 'latency')).join(), numbers)
  t.not(take(50, openStream(7, 'error')).join(), numbers)
})

test('drawing from one stream does not shift another', async (t) => {
  const undisturbed = take(20, openStream(3, 'reset'))
  const reset = openStream(3, 'reset')
  const error = openStream(3, 'error')
  const interleaved = take(20, () => {
    error()
    return reset()
  })
  t.same(interleaved, undisturbed)
})

test('numbers lie in [0, 1) and fill it evenly, and two streams do not move together', async (t) => {
  for (const seed of [0, 1, 2, 0xffff_ffff]) {
    const first = openStream(seed, 'provider-1/error')
    const second = openStream(seed, 'provider-2/error')
    const tenths = Array.from({ length: 10 }, () => 0)
    let product = 0
    for (let i = 0; i < 20_000; i++) {
      const number = first()
      if (!(number >= 0 && number < 1)) t.fail(`seed ${seed}: ${number}`)
      tenths[Math.floor(number * 10)]! += 1
      product += (number - 0.5) * (second() - 0.5)
    }
    // 2,000 expected in each tenth, deviation 42: five deviations.
    t.ok(tenths.every((count) => Math.abs(count - 2_000) < 212), `seed ${seed}: ${tenths.join(' ')}`)
    // Each product has variance 1/144: the mean of 20,000 has deviation 0.0006.
    t.ok(Math.abs(product / 20_000) < 0.003, `seed ${seed}: covariance ${product / 20_000}`)
  }
})

test('the fraction of a text is the same every time and spreads over texts', async (t) => {
  const fractions = Array.from({ length: 1_000 }, (_, i) => fractionOf(`cus_${i}`))
  t.equal(fractionOf('cus_17'), fractions[17])
  const mean = fractions.reduce((sum, one) => sum + one, 0) / fractions.length
  t.ok(Math.abs(mean - 0.5) < 0.05, `mean ${mean}`)
})
