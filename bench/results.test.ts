// Where the findings of a run go.
import { test } from 'tap'
import { baseName } from './results.ts'

test('what a short run or some parts found does not replace what a whole run did', async (t) => {
  const whole = { seconds: 1, rounds: 3, rate: 0, parts: [], isShort: false }
  t.equal(baseName('keyed', whole), 'keyed')
  t.equal(baseName('keyed', { ...whole, parts: ['none', 'lmdb'] }), 'keyed-none-lmdb')
  t.equal(baseName('keyed', { ...whole, isShort: true }), 'short/keyed')
})
