import { test } from 'tap'
import * as fc from 'fast-check'
import { formatQuantity, parseQuantity } from './quantity.ts'

const durationOf = (text: unknown): number | null => parseQuantity('duration', text)
const sizeOf = (text: unknown): number | null => parseQuantity('size', text)

test('durations are read in every unit, as milliseconds', async (t) => {
  const read = durationOf
  t.equal(read('250ms'), 250)
  t.equal(read('2s'), 2000)
  t.equal(read('1.5s'), 1500)
  t.equal(read('5m'), 300_000)
  t.equal(read('24h'), 86_400_000)
  t.equal(read('1d'), 86_400_000)
  t.equal(read(250), 250)
  t.equal(read(0), 0)
})

test('sizes are read in powers of two and of ten, as bytes', async (t) => {
  const read = sizeOf
  t.equal(read('16KiB'), 16_384)
  t.equal(read('1MiB'), 1_048_576)
  t.equal(read('1MB'), 1_000_000)
  t.equal(read('7B'), 7)
  t.equal(read(7), 7)
})

test('what is no quantity is none', async (t) => {
  const texts = ['', '2', '2 s', 's', '-2s', '1,5s', '2S', '2toString', '1e3ms']
  for (const value of [...texts, true, null, {}, -1, Infinity, NaN]) {
    t.equal(parseQuantity('duration', value), null, JSON.stringify(value))
  }
  t.equal(parseQuantity('duration', '1MiB'), null, 'a size is no duration')
  t.equal(parseQuantity('size', '1s'), null, 'a duration is no size')
  t.equal(parseQuantity('duration', `${'9'.repeat(30)}d`), null, 'too large to count')
})

test('what is written is read again as the same number', async (t) => {
  for (const unit of ['duration', 'size'] as const) {
    fc.assert(fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (quantity) =>
      parseQuantity(unit, formatQuantity(unit, quantity)) === quantity))
  }
  t.equal(formatQuantity('duration', 10_000), '10s')
  t.equal(formatQuantity('duration', 1500), '1500ms')
  t.equal(formatQuantity('duration', 0), '0ms')
  t.equal(formatQuantity('size', 16_384), '16KiB')
  t.equal(formatQuantity('size', 1000), '1000B')
})
