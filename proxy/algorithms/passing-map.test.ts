import { test } from 'tap'
import { PassingMap } from './passing-map.ts'

test('what stands under a key is known until it leaves', (t) => {
  const map = new PassingMap<string, object>()
  const [first, second] = [{ name: 'first' }, { name: 'second' }]
  map.set('s:1', first)
  t.equal(map.get('s:1'), first)
  map.set('s:1', second)
  t.equal(map.get('s:1'), second)
  t.equal(map.size, 1)
  map.delete('s:2')
  map.delete('s:1')
  t.equal(map.get('s:1'), undefined)
  t.equal(map.size, 0)
  map.set('s:3', first)
  map.clear()
  t.equal(map.get('s:3'), undefined)
  t.equal(map.size, 0)
  t.end()
})
