import { test } from 'tap'
import { UnorderedList } from './unordered-list.ts'
import type { Listed } from './unordered-list.ts'

const members = (count: number): Listed[] => Array.from({ length: count }, () => ({ listIndex: -1 }))

test('a member leaves once, from any place, and the others stay', (t) => {
  const all = members(100)
  const [first, last] = [all[0] as Listed, all[99] as Listed]
  const list = new UnorderedList()
  for (const member of all) list.add(member)
  const leaving = [first, last, ...all.filter((_, i) => i % 3 === 1)]
  for (const member of [...leaving, ...leaving]) list.remove(member)
  const left = all.filter((member) => !leaving.includes(member))
  t.strictSame(new Set(list.all()), new Set(left))
  t.equal(list.size, left.length)
  t.end()
})

test('when all are taken nobody is left, and who leaves afterwards takes nobody along', (t) => {
  const [early, late] = members(2) as [Listed, Listed]
  const list = new UnorderedList()
  list.add(early)
  t.strictSame(list.takeAll(), [early])
  list.add(late)
  list.remove(early)
  t.strictSame(list.takeAll(), [late])
  t.strictSame(list.takeAll(), [])
  t.end()
})

test('all can leave while they are gone through, and come again', (t) => {
  const all = members(5)
  const list = new UnorderedList()
  for (const member of all) list.add(member)
  const seen = list.all()
  for (const member of seen) list.remove(member)
  t.equal(seen.length, 5)
  t.equal(list.size, 0)
  list.add(seen[0] as Listed)
  t.strictSame(list.all(), [seen[0]])
  t.end()
})
