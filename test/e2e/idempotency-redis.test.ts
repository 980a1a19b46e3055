// Keys in a real Redis, through real processes that are killed, paused and cut off from it at the worst moments. The
// numbers are of the catalogue.

import { test } from 'tap'
import type { Test } from 'tap'
import { ask, codeOf, eventually } from '../support/asking.ts'
import type { Answered } from '../support/asking.ts'
import { chargingService } from '../support/charging-service.ts'
import { charge, keyedBefore } from '../support/keyed-service.ts'
import type { KeyedOptions } from '../support/keyed-service.ts'
import { say } from '../support/redis-groups.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startSeawall } from '../support/seawall.ts'
import type { SeawallProcess } from '../support/seawall.ts'
import { storeShim } from '../support/store-shim.ts'

type Service = Awaited<ReturnType<typeof chargingService>>

async function rig(t: Test): Promise<{ readonly service: Service, readonly redis: RedisServer }> {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  return { service: await chargingService(t), redis }
}

/** A lease of a second: so long nobody may know whether the owner lives. */
function seawallAt(t: Test, service: Service, url: string, options: KeyedOptions = {}): Promise<SeawallProcess> {
  const idempotency = { lease: '1s', onConcurrent: 'reject', ...options.idempotency }
  const store = { type: 'redis', url, path: undefined, timeout: '500ms', ...options.store }
  return startSeawall(t, keyedBefore(service, '', { ...options, idempotency, store }))
}

/** The first answer that is enough, of repetitions one after the other. */
async function until(seawall: SeawallProcess, key: string, isEnough: (answer: Answered) => boolean): Promise<Answered> {
  let answer = await charge(seawall, key)
  await eventually('the answer', async () => {
    if (!isEnough(answer)) answer = await charge(seawall, key)
    return isEnough(answer)
  }, 8_000)
  return answer
}

const isUnknown = (answer: Answered): boolean => codeOf(answer) === 'idempotency.outcome-unknown'

test('case 31: kill -9 between a claim and its answer leaves a doubt, and nothing is ever sent', async (t) => {
  const { service, redis } = await rig(t)
  const shim = await storeShim(t, redis)
  const seawall = await seawallAt(t, service, shim.url)
  shim.mute = 'claim'
  shim.onMet = () => { seawall.child.kill('SIGKILL') }
  t.equal(await charge(seawall, 'k-1').catch(() => null), null, 'its caller is cut off')
  await eventually('the claim is in the store', async () => (await say(redis, ['KEYS', '*{*'])).includes('{'))
  const next = await seawallAt(t, service, redis.url)
  t.equal((await until(next, 'k-1', isUnknown)).status, 409)
  t.ok(isUnknown(await charge(next, 'k-1')))
  t.equal(service.ledger.length, 0)
  t.equal((await charge(next, 'k-2')).status, 201)
})

test('case 33: kill -9 before the answer reached the store is unknown for good, and not sent again', async (t) => {
  const { service, redis } = await rig(t)
  const shim = await storeShim(t, redis)
  const seawall = await seawallAt(t, service, shim.url)
  shim.swallow = 'finish'
  shim.onMet = () => { seawall.child.kill('SIGKILL') }
  t.equal(await charge(seawall, 'k-1').catch(() => null), null, 'its caller is cut off')
  t.equal(service.rowsOf('k-1'), 1, 'the service has charged')
  const next = await seawallAt(t, service, redis.url)
  t.equal((await until(next, 'k-1', isUnknown)).status, 409)
  for (let i = 0; i < 3; i++) t.ok(isUnknown(await charge(next, 'k-1')))
  t.equal(service.rowsOf('k-1'), 1)
})

test('case 38: Redis is paused while the service works: the answer is given, and on record afterwards', async (t) => {
  const { service, redis } = await rig(t)
  service.delayMs = () => 200
  const options = { idempotency: { lease: '10s', recordTimeout: '300ms' }, store: { timeout: '150ms' } }
  const [here, there] = await Promise.all([1, 2].map(() => seawallAt(t, service, redis.url, options)))
  if (here === undefined || there === undefined) return
  service.onCharge = () => { redis.pause() }
  const first = await charge(here, 'k-1')
  service.onCharge = null
  t.equal(first.status, 201)
  t.equal(first.headers['idempotency-status'], 'unrecorded')
  const again = await charge(here, 'k-1')
  t.equal(again.body, first.body, 'known here')
  const elsewhere = await charge(there, 'k-1')
  t.equal(codeOf(elsewhere), 'idempotency.store-unavailable', 'and not elsewhere')
  redis.resume()
  const told = await until(there, 'k-1', ({ status }) => status === 201)
  t.equal(told.headers['idempotency-replayed'], 'true')
  t.equal(told.body, first.body)
  t.equal(service.ledger.length, 1)
})

test('case 39: a Redis that was flushed has forgotten, as documented, and an alarm says so', async (t) => {
  const { service, redis } = await rig(t)
  const seawall = await seawallAt(t, service, redis.url)
  const losses = async (): Promise<string> => {
    const { body } = await ask(seawall.ports['admin'] as number, '/metrics')
    return /seawall_store_losses\{[^}]*\} (\d+)/.exec(body)?.[1] ?? ''
  }
  await charge(seawall, 'k-1')
  t.equal((await charge(seawall, 'k-1')).headers['idempotency-replayed'], 'true')
  t.equal(await losses(), '0')
  await say(redis, ['FLUSHALL'])
  t.equal((await charge(seawall, 'k-1')).headers['idempotency-status'], 'executed')
  t.equal(service.rowsOf('k-1'), 2, 'nobody can know a key that was forgotten')
  await eventually('the loss is counted', async () => await losses() === '1', 8_000)
  t.equal((await charge(seawall, 'k-1')).headers['idempotency-replayed'], 'true')
})

test('case 39: with onStateLoss "closed" nothing is sent for a key that was perhaps lost, until told', async (t) => {
  const { service, redis } = await rig(t)
  const seawall = await seawallAt(t, service, redis.url, { store: { onStateLoss: 'closed' } })
  t.equal((await charge(seawall, 'k-1')).status, 201)
  await say(redis, ['FLUSHALL'])
  const refused = await charge(seawall, 'k-1')
  t.equal(refused.status, 503)
  t.equal(codeOf(refused), 'idempotency.store-unavailable')
  t.match(JSON.parse(refused.body), { reason: 'state-lost', retry: 'same-key' })
  t.equal(refused.headers['idempotency-status'], 'not-processed')
  t.equal((await charge(seawall, 'k-2')).status, 503, 'nor for one that was never seen: nobody can tell')
  t.equal(service.ledger.length, 1)
  const tell = (body: string): Promise<Answered> => ask(
    seawall.ports['admin'] as number, '/admin/idempotency/accept-loss',
    { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  t.equal((await tell('{}')).status, 400, 'not by a slip')
  t.equal((await tell('{"confirm":"accept-loss"}')).status, 200)
  t.equal((await charge(seawall, 'k-2')).status, 201)
  t.equal((await charge(seawall, 'k-2')).headers['idempotency-replayed'], 'true')
})

test('case 43: an owner that was paused for longer than its lease records what the service had said', async (t) => {
  const { service, redis } = await rig(t)
  service.delayMs = () => 300
  const [owner, other] = await Promise.all([1, 2].map(() => seawallAt(t, service, redis.url)))
  if (owner === undefined || other === undefined) return
  service.onCharge = () => { owner.child.kill('SIGSTOP') }
  const first = charge(owner, 'k-1')
  // Else the other may be the first, and the owner of the key.
  await eventually('the service has charged', () => service.ledger.length === 1)
  t.ok(await until(other, 'k-1', isUnknown))
  owner.child.kill('SIGCONT')
  t.equal((await first).status, 201)
  const told = await until(other, 'k-1', ({ status }) => status === 201)
  t.equal(told.headers['idempotency-replayed'], 'true')
  t.equal(told.body, (await first).body)
  t.equal(service.ledger.length, 1)
})
