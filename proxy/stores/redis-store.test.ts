import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { t as root, test } from 'tap'
import { startRedis } from '../../test/support/redis-server.ts'
import type { RedisServer } from '../../test/support/redis-server.ts'
import { answerOf, claimOf } from '../../test/support/store-bench.ts'
import { storeContract } from '../../test/support/store-contract.ts'
import { systemClock } from '../core/clock.ts'
import { linkRedis } from './redis-link.ts'
import { RedisStore } from './redis-store.ts'
import type { RedisStoreOptions } from './redis-store.ts'
import { sealKeys } from './sealing.ts'
import { redisTokenLease } from './token-lease.ts'

// Flushed each second: thousands of claims a test would otherwise wait for the disk one by one.
const server: RedisServer = await startRedis(['--appendfsync', 'everysec'])
const stores: RedisStore[] = []
let benches = 0

async function openStore(over: Partial<RedisStoreOptions> = {}, at: RedisServer = server): Promise<RedisStore> {
  const store = new RedisStore(systemClock, {
    where: { kind: 'single', url: at.url }, prefix: `t${benches}:`, acceptLoss: false, keys: null,
    connectTimeoutMs: 1_000, ...over,
  })
  stores.push(store)
  const opened = await store.open()
  if (opened.kind === 'fault') throw new Error(opened.message)
  return store
}

/** The server's clock cannot be put forward: its leases and times to live really pass, some tens of milliseconds. */
async function passes(ms: number): Promise<void> {
  await new Promise((resolve) => { setTimeout(resolve, ms) })
}

storeContract('redis', () => {
  const prefix = `bench${benches++}:`
  return {
    leaseMs: 60, sweptAfterMs: 100,
    join: () => openStore({ prefix }),
    pass: passes,
    lose: async () => {
      await passes(80)
      return true
    },
  }
})

async function client(at: RedisServer = server): Promise<ReturnType<typeof linkRedis>> {
  const link = linkRedis({ where: { kind: 'single', url: at.url }, connectTimeoutMs: 1_000 }, () => { /* Awaited. */ })
  await link.connect()
  return link
}

async function sent(args: readonly string[], at: RedisServer = server): Promise<unknown> {
  const link = await client(at)
  const [node] = await link.primaries()
  const answer = await node?.send(args)
  link.close()
  return answer
}

test('a lease that has passed is a doubt, unless its owner renews it before anybody was told', async (t) => {
  const store = await openStore({ prefix: 'lease:' })
  await store.claim(claimOf('s:1', 'a', { leaseMs: 40 }))
  await passes(60)
  t.strictSame(await store.renew('s:1', 'a', 5_000), { kind: 'stored' })
  t.match(await store.lookup('s:1'), { kind: 'in-flight' })
  await store.renew('s:1', 'a', 40)
  await passes(60)
  t.match(await store.lookup('s:1'), { kind: 'unknown', reason: 'owner-lost' })
  t.strictSame(await store.renew('s:1', 'a', 5_000), { kind: 'fenced' }, 'somebody was told')
})

test('work that outlives its ttl keeps its key while its lease is renewed', async (t) => {
  const store = await openStore({ prefix: 'long:' })
  await store.claim(claimOf('s:1', 'a', { leaseMs: 5_000, ttlMs: 100 }))
  await store.renew('s:1', 'a', 5_000)
  await passes(150)
  t.match(await store.lookup('s:1'), { kind: 'in-flight' })
})

test('a killed process is a doubt within its lease', async (t) => {
  const store = await openStore({ prefix: 'kill:' })
  const script = join(import.meta.dirname, '../../test/support/redis-claimer.ts')
  const args = [script, server.url, 'kill:', '1000', 's:1']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  await once(child.stdout, 'data')
  const found = await store.lookup('s:1')
  t.match(found, { kind: 'in-flight', isOwn: false })
  child.kill('SIGKILL')
  await passes(found.kind === 'in-flight' ? found.leaseLeftMs + 20 : 0)
  t.match(await store.claim(claimOf('s:1', 'b')), { kind: 'unknown', reason: 'owner-lost' })
})

test('an answer that was sealed is not readable in the server', async (t) => {
  const keys = sealKeys([Buffer.alloc(32, 3)])
  const store = await openStore({ prefix: 'sealed:', keys })
  const marker = 'a-marker-that-must-not-be-in-the-server'
  await store.claim(claimOf('s:1', 'a'))
  await store.finish('s:1', 'a', answerOf(Buffer.from(marker)), 60_000)
  t.match(await store.lookup('s:1'), { kind: 'done', answer: { body: Buffer.from(marker) } })
  t.notMatch(String(await sent(['HGET', 'sealed:{s:1}', 'ans'])), marker)
  await store.claim(claimOf('s:2', 'a'))
  await sent(['COPY', 'sealed:{s:1}', 'sealed:{s:2}', 'REPLACE'])
  t.match(await store.lookup('s:2'), { kind: 'fault', reason: 'corrupt' }, 'nor is it another key\'s answer')
})

test('case 51: records of a later version and damaged ones are faults, and stay', async (t) => {
  const store = await openStore({ prefix: 'odd:' })
  await sent(['HSET', 'odd:{s:1}', 'v', '2', 'st', 'x'])
  await sent(['HSET', 'odd:{s:2}', 'v', '1', 'st', 'd'])
  await sent(['SET', 'odd:{s:3}', 'text'])
  await store.claim(claimOf('s:4', 'a'))
  await store.finish('s:4', 'a', answerOf(Buffer.from('x')), 60_000)
  await sent(['HSET', 'odd:{s:4}', 'ans', 'damaged'])
  const reasons = ['future-version', 'corrupt', 'corrupt']
  for (const [i, reason] of reasons.entries()) {
    t.match(await store.claim(claimOf(`s:${i + 1}`, 'a')), { kind: 'fault', reason })
    t.match(await store.finish(`s:${i + 1}`, 'a', answerOf(null), 60_000), { kind: 'fault', reason })
  }
  t.match(await store.claim(claimOf('s:4', 'b')), { kind: 'fault' })
})

test('case 40: a server that evicts, or forgets on a restart, is refused, or accepted with a notice', async (t) => {
  const poor = await startRedis(['--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru'])
  t.teardown(() => poor.stop())
  const options = {
    where: { kind: 'single', url: poor.url } as const, prefix: 'x:', keys: null, connectTimeoutMs: 1_000,
  }
  const strict = new RedisStore(systemClock, { ...options, acceptLoss: false })
  const lax = new RedisStore(systemClock, { ...options, acceptLoss: true })
  stores.push(strict, lax)
  t.match(await strict.open(), { kind: 'fault', reason: 'misconfigured', message: /noeviction.*appendonly/ })
  t.match(await strict.claim(claimOf('s:1', 'a')), { kind: 'fault', reason: 'misconfigured' })
  t.match(await lax.open(), { kind: 'opened', notices: [/noeviction/, /appendonly/] })
  t.match(await lax.claim(claimOf('s:1', 'a')), { kind: 'taken' })
})

test('case 41: clocks of sidecars that are ten minutes off change no lease and no ttl', async (t) => {
  const offBy = async (ms: number): Promise<RedisStore> => {
    const store = new RedisStore({ ...systemClock, wallMs: () => systemClock.wallMs() + ms }, {
      where: { kind: 'single', url: server.url }, prefix: 'skew:', acceptLoss: false, keys: null,
      connectTimeoutMs: 1_000,
    })
    stores.push(store)
    await store.open()
    return store
  }
  const [behind, ahead] = [await offBy(-600_000), await offBy(600_000)]
  await behind.claim(claimOf('s:1', 'a', { leaseMs: 5_000 }))
  const found = await ahead.lookup('s:1')
  t.ok(found.kind === 'in-flight' && found.leaseLeftMs > 0 && found.leaseLeftMs <= 5_000, 'not over for the other')
  await behind.finish('s:1', 'a', answerOf(Buffer.from('x')), 60_000)
  t.match(await ahead.claim(claimOf('s:1', 'b')), { kind: 'done' })
  await ahead.claim(claimOf('s:2', 'a', { leaseMs: 40 }))
  await passes(60)
  t.match(await behind.lookup('s:2'), { kind: 'unknown', reason: 'owner-lost' }, 'nor does it last longer')
})

test('text that Redis or Lua would take for its own is only bytes', async (t) => {
  const store = await openStore({ prefix: 'odd*[{:' })
  const odd = `]]'" .. redis.call('FLUSHALL') --\u0000\r\n$5\r\n*?[x]{y}\u00ff`
  await store.claim(claimOf('s:other', 'a'))
  const claimed = { fingerprint: odd, credential: odd }
  t.match(await store.claim(claimOf('s:1', odd, claimed)), { kind: 'taken' })
  t.match(await store.lookup('s:1'), { kind: 'in-flight', fingerprint: odd, credential: odd })
  const answer = answerOf(Buffer.from(odd), { headers: ['x', odd], trailers: ['y', odd] })
  t.match(await store.finish('s:1', odd, answer, 60_000), { kind: 'stored' })
  t.match(await store.lookup('s:1'), { kind: 'done', answer: { headers: ['x', odd], trailers: ['y', odd] } })
  t.match(await store.lookup('s:other'), { kind: 'in-flight' }, 'nothing else was done')
  t.match(await store.purge('s'), { kind: 'purged', count: 1 })
})

test('a server that is full takes no new key', async (t) => {
  const small = await startRedis(['--maxmemory', '3mb'])
  t.teardown(() => small.stop())
  const store = await openStore({ prefix: 'full:' }, small)
  const before = store.fill
  t.ok(before > 0 && before < 1, 'it says how full it is')
  const credential = 'x'.repeat(20_000)
  await store.claim(claimOf('s:done', 'a'))
  await store.finish('s:done', 'a', answerOf(null), 60_000)
  let last = 'taken'
  for (let i = 0; i < 500 && last === 'taken'; i++) {
    last = (await store.claim(claimOf(`s:${i}`, 'a', { credential }))).kind
  }
  t.equal(last, 'full')
  t.match(await store.lookup('s:done'), { kind: 'done' })
  await store.ping()
  t.ok(store.fill > before && store.fill > 0.9)
})

test('a server that is killed is unavailable at once, and its records are there when it is back', async (t) => {
  const own = await startRedis()
  t.teardown(() => own.stop())
  const store = await openStore({ prefix: 'back:' }, own)
  await store.claim(claimOf('s:1', 'a'))
  await own.kill()
  let found = await store.lookup('s:1')
  while (found.kind !== 'fault') found = await store.lookup('s:1')
  t.equal(found.reason, 'unavailable')
  await own.start()
  const endMs = performance.now() + 5_000
  while (found.kind === 'fault' && performance.now() < endMs) {
    await passes(10)
    found = await store.lookup('s:1')
  }
  t.match(found, { kind: 'in-flight', isOwn: true })
  t.strictSame(await store.finish('s:1', 'a', answerOf(null), 60_000), { kind: 'stored' })
})

test('case 39: a server that was flushed is noticed', async (t) => {
  const own = await startRedis()
  t.teardown(() => own.stop())
  const store = await openStore({ prefix: 'flush:' }, own)
  t.match(store.inspect(), { stateLosses: 0 })
  await sent(['FLUSHALL'], own)
  await store.ping()
  t.match(store.inspect(), { stateLosses: 1 })
})

test('case 39: with closed no key is taken that a flushed server may have known', async (t) => {
  const own = await startRedis()
  t.teardown(() => own.stop())
  const open = (): Promise<RedisStore> => openStore({ prefix: 'lost:', closesOnLoss: true }, own)
  const [one, other] = [await open(), await open()]
  t.match(await one.claim(claimOf('s:1', 'a')), { kind: 'taken' })
  await sent(['FLUSHALL'], own)
  const lost = { kind: 'fault', reason: 'state-lost' }
  t.match(await one.claim(claimOf('s:1', 'b')), lost, 'nobody has looked since: this claim did')
  t.match(await one.lookup('s:1'), { kind: 'absent' }, 'and gave the key back')
  t.match(await one.ping(), { kind: 'up' }, 'it is in reach')
  t.match(one.inspect(), { stateLosses: 1 })
  t.match(await (await open()).claim(claimOf('s:1', 'c')), lost, 'one that starts later reads it from the server')
  await passes(120)
  t.match(await one.claim(claimOf('s:2', 'a', { ttlMs: 100 })), { kind: 'taken' }, 'kept for less: none is left')
  t.match(await other.claim(claimOf('s:4', 'a')), lost, 'one that did not know yet')
  t.match(await one.acceptLoss(), { kind: 'accepted' })
  t.match(await one.claim(claimOf('s:1', 'd')), { kind: 'taken' })
  await other.ping()
  t.match(await other.claim(claimOf('s:3', 'a')), { kind: 'taken' }, 'for all who share it, as soon as they look')
  t.match((await openStore({ prefix: 'lost:' }, own)).inspect(), { stateLosses: 0 })
})

test('case 39: a fresh server loses nothing, and one that is open takes keys after a loss', async (t) => {
  const own = await startRedis()
  t.teardown(() => own.stop())
  const closed = await openStore({ prefix: 'fresh:', closesOnLoss: true }, own)
  t.match(await closed.claim(claimOf('s:1', 'a')), { kind: 'taken' })
  const open = await openStore({ prefix: 'open:' }, own)
  await sent(['FLUSHALL'], own)
  await open.ping()
  t.match(await open.claim(claimOf('s:1', 'a')), { kind: 'taken' })
})

test('nobody listens: the store says so within its time, and does not throw', async (t) => {
  const own = await startRedis()
  await own.stop()
  const store = new RedisStore(systemClock, {
    where: { kind: 'single', url: own.url }, prefix: 'x:', acceptLoss: false, keys: null, connectTimeoutMs: 200,
  })
  stores.push(store)
  t.match(await store.open(), { kind: 'fault', reason: 'unavailable' })
  t.match(await store.claim(claimOf('s:1', 'a')), { kind: 'fault', reason: 'unavailable' })
})

test('tokens are leased to all who share a bucket, up to its burst, and refill', async (t) => {
  const [one, other] = [await client(), await client()]
  const [mine, theirs] = [redisTokenLease(one, 'limit:'), redisTokenLease(other, 'limit:')]
  const key = 'route|caller'
  const takes = Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? mine : theirs).take(key, 20, 0.001, 100))
  t.equal((await Promise.all(takes)).reduce((sum, n) => sum + n, 0), 100)
  t.equal(await mine.take(key, 20, 0.001, 100), 0)
  await passes(30)
  const refilled = await theirs.take(key, 1_000, 1, 100)
  t.ok(refilled >= 20 && refilled <= 100, String(refilled))
  one.close()
  other.close()
})

root.teardown(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await server.stop()
})
