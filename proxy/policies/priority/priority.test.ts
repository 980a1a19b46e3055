import { test } from 'tap'
import type { Exchange } from '../../core/exchange.ts'
import type { Priority } from '../../core/priority.ts'
import type { RawHeaders } from '../../core/raw-headers.ts'
import { PriorityReader } from './priority-reader.ts'

type Own = Priority | 'off' | undefined

/** The class that comes of it, and how many fields were counted as ignored. */
function classOf(own: Own, headers: RawHeaders, inheritedPriority: Priority | null = null): [Priority, number] {
  let ignored = 0
  const exchange = { caller: { head: { headers } }, inheritedPriority, priority: 'default' } as unknown as Exchange
  new PriorityReader(own, { add: () => { ignored++ } }).read(exchange)
  return [exchange.priority, ignored]
}

test('without a word of anybody a request has the class of its route, or default', async (t) => {
  t.strictSame(classOf(undefined, []), ['default', 0])
  t.strictSame(classOf('critical', []), ['critical', 0])
  t.strictSame(classOf('sheddable', ['accept', '*/*', 'x-eighteen-letter', 'x']), ['sheddable', 0])
})

test('a caller may lower itself and never raise itself above its route', async (t) => {
  t.strictSame(classOf('critical', ['X-Request-Priority', 'sheddable']), ['sheddable', 0])
  t.strictSame(classOf('critical', ['x-request-priority', 'default']), ['default', 0])
  t.strictSame(classOf(undefined, ['x-request-priority', 'default']), ['default', 0])
  t.strictSame(classOf(undefined, ['x-request-priority', 'critical']), ['default', 1], 'and that is counted')
  t.strictSame(classOf('sheddable', ['x-request-priority', 'default']), ['sheddable', 1])
  t.strictSame(classOf(undefined, ['x-request-priority', 'bypass']), ['default', 1], 'bypass is by route only')
})

test('nonsense is ignored and counted', async (t) => {
  const values = ['', 'CRITICAL', 'high', 'sheddable, default', '1', ' sheddable', 'x'.repeat(10_000), '__proto__']
  for (const value of values) {
    t.strictSame(classOf('critical', ['x-request-priority', value]), ['critical', 1], value.slice(0, 20))
  }
  t.strictSame(classOf('critical', ['x-request-priority', 'sheddable', 'X-Request-Priority', 'sheddable']),
    ['critical', 1], 'said twice')
  for (const value of ['u=8', 'u=-1', 'u=1.5', 'u=x', 'u="5"', 'u=', 'u==5', ',', 'u=5;', 'u=(5)', '\x80', 'u']) {
    t.strictSame(classOf('critical', ['priority', value]), ['critical', 1], value)
  }
})

test('of RFC 9218 only what nobody waits for says something: urgency 5 to 7', async (t) => {
  for (const urgency of [0, 1, 2, 3, 4]) {
    t.strictSame(classOf('critical', ['priority', `u=${urgency}`]), ['critical', 0])
  }
  for (const urgency of [5, 6, 7]) t.strictSame(classOf('critical', ['Priority', `u=${urgency}, i`]), ['sheddable', 0])
  for (const value of ['', 'i', 'i=?0', 'x=1', 'u=3, x']) t.strictSame(classOf('critical', ['priority', value]),
    ['critical', 0], value)
  t.strictSame(classOf('critical', ['priority', 'i, u=6']), ['sheddable', 0], 'in any order')
  t.strictSame(classOf('critical', ['priority', 'i', 'priority', 'u=6']), ['sheddable', 0], 'over two lines')
  t.strictSame(classOf('critical', ['priority', 'u=6', 'x-request-priority', 'default']), ['default', 0],
    'our own word goes first')
})

test('a call has the class of the exchange it is made for, within what its route says', async (t) => {
  t.strictSame(classOf(undefined, [], 'critical'), ['critical', 0], 'which is known, and no word of a caller')
  t.strictSame(classOf('default', [], 'critical'), ['default', 0])
  t.strictSame(classOf('critical', [], 'sheddable'), ['sheddable', 0])
  t.strictSame(classOf(undefined, ['x-request-priority', 'sheddable'], 'critical'), ['sheddable', 0])
})

test('a route may be deaf to what its callers say', async (t) => {
  t.strictSame(classOf('off', ['x-request-priority', 'sheddable', 'priority', 'u=7']), ['default', 0])
})
