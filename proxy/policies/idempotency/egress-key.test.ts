import { test } from 'tap'
import { KeyedWorld } from '../../../test/sim/keyed-world.ts'
import { egressKey, pathOf } from './egress-key.ts'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const bytes = (text: string): Uint8Array => Buffer.from(text)

test('a key made of fields is the same for the same fields, and no other', async (t) => {
  const paths = ['$.order.id', '$.tries[0]'].map(pathOf)
  const of = (body: string, target = '/v1/charges'): string => egressKey('provider', target, bytes(body), paths)
  const key = of('{"order":{"id":"o-1"},"tries":[1]}')
  t.match(key, uuid)
  t.equal(of('{"tries":[1,2], "order":{"x":1,"id":"o-1"}}'), key)
  t.not(of('{"order":{"id":"o-2"},"tries":[1]}'), key)
  t.not(of('{"order":{"id":"o-1"},"tries":[2]}'), key)
  t.not(of('{"order":{"id":"o-1"},"tries":[1]}', '/v1/refunds'), key)
  const long = (id: string): string => of(`{"order":{"id":${id}},"tries":[1]}`)
  t.not(long('9007199254740993'), long('9007199254740992'), 'numbers count as they are written')
})

test('where a field is missing the key is for this call alone', async (t) => {
  for (const body of ['{}', 'no JSON', '', '{"a":{}}']) {
    const keys = [1, 2].map(() => egressKey('provider', '/', bytes(body), [pathOf('$.a.b')]))
    t.not(keys[0], keys[1], body)
    t.match(keys[0], /^[0-9a-f-]{36}$/)
  }
})

test('case 53: the retries of a call and its repetition by the service carry one key and the same bytes', async (t) => {
  const world = new KeyedWorld({
    sketch: { listenerKind: 'egress' }, idempotency: { methods: ['PATCH'] },
    route: { retry: { maxAttempts: 3 } },
    upstream: { deduplicates: { header: 'Idempotency-Key', for: 86_400_000, key: 'from-fields', fields: ['$.order'] } },
  })
  const carried: string[] = []
  world.upstream.step = (count, attempt) => {
    carried.push(attempt.work.requestFields?.join(' ') ?? '')
    return count <= 2 ? { fails: 'upstream.reset' } : {}
  }
  const body = '{"order":"o-1","amount":1}'
  const first = await world.chargeAt(0, { key: null, body })
  await world.chargeAt(5_000, { key: null, body })
  await world.run(10_000)
  t.equal(first.status, 201)
  t.equal(carried.length, 4)
  t.equal(new Set(carried).size, 1)
  t.match(carried[0], /^Idempotency-Key [0-9a-f-]{36}$/)
  t.strictSame([...new Set(world.upstream.rows.map((row) => row.body))], [body])
  t.strictSame(world.broken(), [])
})

test('a key of the service itself goes as it is', async (t) => {
  const world = new KeyedWorld({
    sketch: { listenerKind: 'egress' }, idempotency: { methods: ['PATCH'] },
    upstream: { deduplicates: { key: 'from-fields', fields: ['$.order'] } },
  })
  let added: unknown = null
  world.upstream.step = (_count, attempt) => {
    added = attempt.work.requestFields
    return {}
  }
  await world.chargeAt(0, { key: 'own' })
  await world.run(1_000)
  t.equal(added, null)
  t.equal(world.upstream.rows[0]?.key, 'own')
})

test('a key that the service sends and that ends here gives way to one made of fields', async (t) => {
  const world = new KeyedWorld({
    sketch: { listenerKind: 'egress' }, idempotency: { methods: ['PATCH'] },
    upstream: { deduplicates: { header: 'x-pay-key', key: 'from-fields', fields: ['$.order'] } },
  })
  let added: readonly string[] | null = null
  world.upstream.step = (_count, attempt) => {
    added = attempt.work.requestFields
    return {}
  }
  const headers = ['connection', 'x-pay-key', 'x-pay-key', 'own']
  await world.chargeAt(0, { key: null, body: '{"order":"o-1"}', headers })
  await world.run(1_000)
  t.equal(added?.[0], 'x-pay-key')
  t.strictSame(world.broken(), [])
})
