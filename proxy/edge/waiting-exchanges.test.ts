import { test } from 'tap'
import type { Exchange } from '../core/exchange.ts'
import { WaitingExchanges } from './waiting-exchanges.ts'

const exchanges = (count: number): Exchange[] =>
  Array.from({ length: count }, () => ({ waitingIndex: -1 }) as Exchange)

test('who waits leaves once, from any place, and the others stay', (t) => {
  const all = exchanges(100)
  const [first, last] = [all[0] as Exchange, all[99] as Exchange]
  const waiting = new WaitingExchanges()
  for (const exchange of all) waiting.add(exchange)
  const leaving = [first, last, ...all.filter((_, i) => i % 3 === 1)]
  for (const exchange of [...leaving, ...leaving]) waiting.remove(exchange)
  t.strictSame(new Set(waiting.takeAll()), new Set(all.filter((exchange) => !leaving.includes(exchange))))
  t.end()
})

test('when all are taken nobody waits, and who leaves afterwards takes nobody along', (t) => {
  const [early, late] = exchanges(2) as [Exchange, Exchange]
  const waiting = new WaitingExchanges()
  waiting.add(early)
  t.strictSame(waiting.takeAll(), [early])
  waiting.add(late)
  waiting.remove(early)
  t.strictSame(waiting.takeAll(), [late])
  t.strictSame(waiting.takeAll(), [])
  t.end()
})
