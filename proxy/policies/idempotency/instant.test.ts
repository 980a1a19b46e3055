import { test } from 'tap'
import { instantOf } from './instant.ts'

test('an instant reads as the calendar has it, forth and back over days', (t) => {
  const some = [
    0, 1, 999, 86_399_999, 86_400_000, 951_782_399_999, 951_782_400_000, 1_790_000_000_042, 1_790_000_000_700.9, -1,
    4_102_444_799_999,
  ]
  for (const ms of [...some, ...some.toReversed()]) t.equal(instantOf(ms), new Date(ms).toISOString(), `${ms}`)
  t.end()
})
