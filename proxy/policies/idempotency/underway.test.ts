import { test } from 'tap'
import { Underway } from './underway.ts'

test('who is the first with a key is known until it leaves', (t) => {
  const underway = new Underway<object>()
  const [first, second] = [{ name: 'first' }, { name: 'second' }]
  underway.set('s:1', first)
  t.equal(underway.get('s:1'), first)
  underway.set('s:1', second)
  t.equal(underway.get('s:1'), second)
  t.equal(underway.size, 1)
  underway.delete('s:2')
  underway.delete('s:1')
  t.equal(underway.get('s:1'), undefined)
  t.equal(underway.size, 0)
  t.end()
})
