// The ledger: what it remembers over a restart, what it counts as double, what it refuses to read.

import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import type { Order } from './ledger.ts'
import { openLedger } from './ledger.ts'
import { ManualClock } from './manual-clock.ts'

function orderOf(reference: string, key: string | null): Order {
  return { key, port: 4000, amount: 5, currency: 'eur', source: 'tok_visa', reference, bodySha256: 'digest' }
}

test('charges are found by id, key and reference, also after a restart', async (t) => {
  const path = join(t.testdir(), 'ledger.ndjson')
  const before = await openLedger(path, new ManualClock(), t.fail)
  const first = await before.execute(orderOf('r1', 'k1'))
  const again = await before.execute(orderOf('r1', 'k1'))
  await before.execute(orderOf('r2', null))
  await before.close()
  const after = await openLedger(path, new ManualClock(), t.fail)
  t.teardown(() => after.close())
  t.same(after.charges, before.charges)
  t.same(after.findById(first.id), first)
  t.same(after.findByKey('k1'), first, 'a key finds its first execution')
  t.same(after.findByReference('r1'), [first, again])
  t.equal(after.findById('ch_none'), null)
  t.same(after.findByReference('none'), [])
  const next = await after.execute(orderOf('r3', null))
  t.notOk(before.charges.some((charge) => charge.id === next.id), 'ids go on where they ended')
})

test('the summary counts double charges by key, and by reference where no key was sent', async (t) => {
  const ledger = await openLedger(join(t.testdir(), 'ledger.ndjson'), new ManualClock(), t.fail)
  t.teardown(() => ledger.close())
  const orders = [['r1', 'k1'], ['r1', 'k1'], ['r1', 'k1'], ['r2', 'k2'], ['r3', '__proto__'], ['r3', '__proto__'],
    ['r4', null], ['r4', null]] as const
  for (const [reference, key] of orders) await ledger.execute(orderOf(reference, key))
  t.same(JSON.parse(JSON.stringify(ledger.summary())), JSON.parse(`{
    "count": 8, "keys": 3, "withoutKey": 2, "extraExecutions": 3,
    "doubleCharges": { "k1": 3, "__proto__": 2 }, "doubleReferences": { "r1": 3, "r3": 2, "r4": 2 } }`))
})

test('an interrupted last row is dropped with a notice', async (t) => {
  const path = join(t.testdir(), 'ledger.ndjson')
  const before = await openLedger(path, new ManualClock(), t.fail)
  await before.execute(orderOf('r1', 'k1'))
  await before.close()
  appendFileSync(path, '{"id":"ch_0000')
  const notices: string[] = []
  const after = await openLedger(path, new ManualClock(), (text) => notices.push(text))
  t.teardown(() => after.close())
  t.equal(after.charges.length, 1)
  t.match(notices, [/dropped 14 bytes of an interrupted last row/])
})

test('a row that is no charge is an error that names its line', async (t) => {
  const path = join(t.testdir(), 'ledger.ndjson')
  for (const row of ['{"id":', '{"id":"ch_1"}', '[]']) {
    writeFileSync(path, `${row}\n`)
    await t.rejects(openLedger(path, new ManualClock(), t.fail), { message: /line 1 must be a charge, got/ })
  }
})
