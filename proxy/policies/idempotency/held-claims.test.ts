import { test } from 'tap'
import { HeldClaims } from './held-claims.ts'
import type { Held } from './held-claims.ts'
import { Underway } from './underway.ts'

function claim(): Held { return { heldIndex: -1, shutDown: () => Promise.resolve() } }

test('claims leave in any order, once', (t) => {
  const held = new HeldClaims()
  const [a, b, c] = [claim(), claim(), claim()]
  for (const one of [a, b, c]) held.add(one)
  held.delete(a)
  t.strictSame(new Set(held.all()), new Set([b, c]))
  held.delete(a)
  held.delete(c)
  t.strictSame(held.all(), [b])
  held.delete(b)
  t.equal(held.size, 0)
  held.add(a)
  t.strictSame(held.all(), [a])
  t.end()
})

test('all that are held can leave while they are gone through', (t) => {
  const held = new HeldClaims()
  for (let i = 0; i < 5; i++) held.add(claim())
  let seen = 0
  for (const one of held.all()) {
    seen++
    held.delete(one)
  }
  t.equal(seen, 5)
  t.equal(held.size, 0)
  t.end()
})

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
