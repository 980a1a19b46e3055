// One Seawall behind another, both with keys: each keeps what it knows, and neither hides what the other says.

import { test } from 'tap'
import { chargingService } from '../support/charging-service.ts'
import { charge, keyedBefore } from '../support/keyed-service.ts'
import { startSeawall } from '../support/seawall.ts'

test('case 50: through two Seawalls in a row a charge is one row, and each says what is true of its key', async (t) => {
  const service = await chargingService(t)
  // A disk that is busy with others is not what this is about.
  const options = { idempotency: { recordTimeout: '20s' } }
  const inner = await startSeawall(t, keyedBefore(service, './records', options))
  const before = { url: `http://127.0.0.1:${inner.ports['public']}` } as never
  const outer = await startSeawall(t, keyedBefore(before, './records', options))
  const first = await charge(outer, 'k-1')
  t.strictSame([first.status, first.headers['idempotency-status']], [201, 'executed'])
  const again = await charge(outer, 'k-1')
  t.strictSame([again.body, again.headers['idempotency-status']], [first.body, 'replayed'])
  const within = await charge(inner, 'k-1')
  t.strictSame([within.body, within.headers['idempotency-status']], [first.body, 'replayed'], 'the key went on')
  t.strictSame((await charge(inner, 'k-2')).headers['idempotency-status'], 'executed')
  const told = await charge(outer, 'k-2')
  t.strictSame([told.status, told.headers['idempotency-status']], [201, 'executed'], 'the outer one asked once')
  for (const { rawHeaders } of [first, again, told]) {
    const names = rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
    t.equal(names.filter((name) => name === 'idempotency-status').length, 1)
  }
  t.equal(service.ledger.length, 2)
})
