// Finding an experiment by a misspelt name.
import { test } from 'tap'
import { catalogue, nearestName } from './catalogue.ts'

test('a misspelt or shortened name is recognised, another word is not', async (t) => {
  const names = catalogue.map((one) => one.name)
  t.equal(nearestName('overhed', names), 'overhead')
  t.equal(nearestName('slowreader', names), 'slow-reader')
  t.equal(nearestName('mem', names), 'memory')
  t.equal(nearestName('banana', names), undefined)
  t.equal(nearestName('', names), undefined)
})
