import { test } from 'tap'
import { editDistance, nearest } from './suggest.ts'

test('each slip counts once: insert, delete, replace, swap', async (t) => {
  t.equal(editDistance('deadline', 'deadline'), 0)
  t.equal(editDistance('conect', 'connect'), 1)
  t.equal(editDistance('timeouts', 'timeout'), 1)
  t.equal(editDistance('shad', 'shed'), 1)
  t.equal(editDistance('daedline', 'deadline'), 1)
  t.equal(editDistance('', 'abc'), 3)
  t.equal(editDistance('abc', ''), 3)
})

test('the nearest word is proposed when it is near enough to be a slip', async (t) => {
  const known = ['deadline', 'bulkhead', 'timeouts', 'shed', 'match']
  t.equal(nearest('daedline', known), 'deadline')
  t.equal(nearest('Timeout', known), 'timeouts')
  t.equal(nearest('shde', known), 'shed')
  t.equal(nearest('compression', known), null)
  t.equal(nearest('x', known), null)
  t.equal(nearest('d'.repeat(100_000), known), null, 'a word without end is not compared')
})
