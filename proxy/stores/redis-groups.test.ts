// The store behind sentinels and in a cluster, on real servers: the contract, and what a failover does to it.
import { t as root, test } from 'tap'
import type { Test } from 'tap'
import { say, startCluster, startSentinelGroup, until } from '../../test/support/redis-groups.ts'
import type { RedisServer } from '../../test/support/redis-server.ts'
import { answerOf, claimOf } from '../../test/support/store-bench.ts'
import { storeContract } from '../../test/support/store-contract.ts'
import { systemClock } from '../core/clock.ts'
import type { RedisPlace } from '../core/configuration.ts'
import { GuardedStore } from './guarded-store.ts'
import { slotOf } from './redis-slot.ts'
import { RedisStore } from './redis-store.ts'

const stores: RedisStore[] = []
let benches = 0

const [group, cluster] = await Promise.all([startSentinelGroup(), startCluster()])
const behindSentinels: RedisPlace = {
  kind: 'sentinel', name: group.name, sentinels: group.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
}
const inCluster: RedisPlace = { kind: 'cluster', urls: cluster.primaries.map(({ url }) => url) }
const places = { 'redis behind sentinels': behindSentinels, 'a cluster of redis': inCluster }

async function openStore(where: RedisPlace, prefix: string): Promise<RedisStore> {
  const store = new RedisStore(systemClock, { where, prefix, acceptLoss: false, keys: null, connectTimeoutMs: 2_000 })
  stores.push(store)
  const opened = await store.open()
  if (opened.kind === 'fault') throw new Error(opened.message)
  return store
}

async function passes(ms: number): Promise<void> {
  await new Promise((resolve) => { setTimeout(resolve, ms) })
}

for (const [name, where] of Object.entries(places)) {
  storeContract(name, () => {
    const prefix = `bench${benches++}:`
    return {
      leaseMs: 60, sweptAfterMs: 100, manyKeys: 1_000,
      join: () => openStore(where, prefix),
      pass: passes,
      lose: async () => {
        await passes(80)
        return true
      },
    }
  })
}

/** Records, done and in flight, whose names spread them over all there is. */
async function recordsIn(store: RedisStore): Promise<string[]> {
  const keys = Array.from({ length: 60 }, (_, i) => `s:${i}`)
  for (const key of keys) {
    await store.claim(claimOf(key, 'a'))
    if (key.endsWith('0')) continue
    await store.finish(key, 'a', answerOf(Buffer.from(key)), 60_000)
  }
  return keys
}

/** How long until every record is there again, ms; meanwhile every word has to have an answer in its time. */
async function backAfter(t: Test, store: RedisStore, keys: readonly string[]): Promise<number> {
  const guarded = new GuardedStore(store, systemClock)
  t.teardown(() => guarded.close())
  const startMs = performance.now()
  let [longestMs, faults, absent] = [0, 0, 0]
  await until('every record is there again', async () => {
    const askedMs = performance.now()
    const found = await Promise.all(keys.map(async (key) => guarded.lookup(key)))
    longestMs = Math.max(longestMs, performance.now() - askedMs)
    faults += found.filter(({ kind }) => kind === 'fault').length
    absent += found.filter(({ kind }) => kind === 'absent').length
    return found.every(({ kind }) => kind === 'done' || kind === 'in-flight')
  })
  t.ok(longestMs < 1_000, `no word takes longer than its time: ${longestMs.toFixed(0)} ms`)
  t.ok(faults > 0)
  t.equal(absent, 0, 'no record counts as never seen')
  return performance.now() - startMs
}

test('a cluster keeps records on all its primaries, each record whole in one slot', async (t) => {
  const store = await openStore(inCluster, 'spread:')
  const keys = await recordsIn(store)
  for (const primary of cluster.primaries) {
    const names = (await say(primary, ['KEYS', 'spread:{*'])).split('\n')
    t.ok(names.length > 5, `${names.length} of ${keys.length}`)
  }
  t.equal(await say(cluster.primaries[0] as RedisServer, ['CLUSTER', 'KEYSLOT', 'a:{s:1}']),
    await say(cluster.primaries[1] as RedisServer, ['CLUSTER', 'KEYSLOT', 'b:{s:1}']),
    'the name of the record alone says where')
})

test('a record whose slot moves to another primary is found there', async (t) => {
  const store = await openStore(inCluster, 'moved:')
  await store.claim(claimOf('s:1', 'a'))
  const [from, to] = await ends('moved:{s:1}')
  const [fromId, toId] = [await say(from, ['CLUSTER', 'MYID']), await say(to, ['CLUSTER', 'MYID'])]
  const slot = await say(from, ['CLUSTER', 'KEYSLOT', 'moved:{s:1}'])
  await say(to, ['CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId])
  await say(from, ['CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId])
  t.match(await store.lookup('s:1'), { kind: 'in-flight' }, 'not yet moved')
  const names = (await say(from, ['CLUSTER', 'GETKEYSINSLOT', slot, '1000'])).split('\n')
  await say(from, ['MIGRATE', '127.0.0.1', String(to.port), '', '0', '5000', 'KEYS', ...names])
  t.match(await store.claim(claimOf('s:1', 'b')), { kind: 'in-flight' }, 'asked for on the way')
  for (const node of [to, from]) await say(node, ['CLUSTER', 'SETSLOT', slot, 'NODE', toId])
  t.strictSame(await store.finish('s:1', 'a', answerOf(null), 60_000), { kind: 'stored' }, 'moved')
  t.match(await store.claim(claimOf('s:1', 'b')), { kind: 'done' })
})

/** The primary that has this name, and another. */
async function ends(name: string): Promise<[RedisServer, RedisServer]> {
  for (const [i, primary] of cluster.primaries.entries()) {
    const has = await say(primary, ['EXISTS', name]).catch(() => '0')
    if (has === '1') return [primary, cluster.primaries[(i + 1) % 3] as RedisServer]
  }
  throw new Error(`Nobody has ${name}`)
}

test('one primary of a cluster that was flushed is noticed', async (t) => {
  const store = await openStore(inCluster, 'flush:')
  t.match(store.inspect(), { stateLosses: 0 })
  await say(cluster.primaries[2] as RedisServer, ['FLUSHALL'])
  t.match(await store.ping(), { kind: 'up' })
  t.match(store.inspect(), { stateLosses: 1 })
})

test('with waitReplicas a claim counts only once replicas have it', async (t) => {
  const open = async (where: RedisPlace, atLeast: number): Promise<RedisStore> => {
    const replicas = { atLeast, withinMs: 100 }
    const options = { where, prefix: 'wait:', acceptLoss: false, keys: null, connectTimeoutMs: 2_000, replicas }
    const store = new RedisStore(systemClock, options)
    stores.push(store)
    await store.open()
    return store
  }
  const [one, two] = [await open(behindSentinels, 1), await open(behindSentinels, 2)]
  t.match(await one.claim(claimOf('s:1', 'a')), { kind: 'taken' })
  t.match(await two.claim(claimOf('s:2', 'a')), { kind: 'fault', reason: 'unavailable', message: /1 of 2 replicas/ })
  t.match(await two.release('s:2', 'a'), { kind: 'stored' }, 'as the guard does')
  t.match(await one.lookup('s:2'), { kind: 'absent' })
  // The first third has a replica, the others have none.
  const third = await open(inCluster, 1)
  for (let i = 0; i < 20; i++) {
    const isFirst = slotOf(`wait:{w:${i}}`) < 5_461
    t.match(await third.claim(claimOf(`w:${i}`, 'a')), isFirst ? { kind: 'taken' } : { kind: 'fault' })
  }
  for (const name of ['wait:{s:1}', 'a', 'a{}b', 'x{y', '{a}{b}', 'caf\u00e9']) {
    t.equal(String(slotOf(name)), await say(cluster.replica, ['CLUSTER', 'KEYSLOT', name]), name)
  }
})

test('a primary behind sentinels is killed: its replica has the records, and takes their answers', async (t) => {
  const store = await openStore(behindSentinels, 'failover:')
  const keys = await recordsIn(store)
  // Of what the replica does not have yet nothing is promised.
  await say(group.primary, ['WAIT', '1', '1000'])
  await group.primary.kill()
  const tookMs = await backAfter(t, store, keys)
  t.comment(`back after ${tookMs.toFixed(0)} ms, a second of which is the sentinels' own`)
  t.ok(tookMs < 10_000)
  t.match(await store.claim(claimOf('s:1', 'b')), { kind: 'done' })
  t.match(await store.claim(claimOf('s:10', 'b')), { kind: 'in-flight', isOwn: true })
  t.strictSame(await store.finish('s:10', 'a', answerOf(null), 60_000), { kind: 'stored' })
  t.match(store.inspect(), { stateLosses: 0 })
})

test('a primary of a cluster is killed: the others serve on, and its replica takes over its records', async (t) => {
  const store = await openStore(inCluster, 'third:')
  const keys = await recordsIn(store)
  const [gone] = cluster.primaries as [RedisServer]
  const lost = new Set((await say(gone, ['KEYS', 'third:{*'])).split('\n').map((name) => name.slice(7, -1)))
  await say(gone, ['WAIT', '1', '1000'])
  await gone.kill()
  for (const key of keys) t.match((await store.lookup(key)).kind, lost.has(key) ? /./ : /done|in-flight/)
  t.match(await store.ping(), { kind: 'up' }, 'for the sake of the others')
  const tookMs = await backAfter(t, store, keys)
  t.comment(`back after ${tookMs.toFixed(0)} ms, a second of which is the cluster's own`)
  t.ok(tookMs < 10_000)
  t.match(store.inspect(), { stateLosses: 0 })
})

test('a store that is opened while everything is away comes when it is back', async (t) => {
  for (const [where, away] of [
    [behindSentinels, [...group.sentinels, group.primary]], [inCluster, [...cluster.primaries, cluster.replica]],
  ] as const) {
    await Promise.all(away.map((one) => one.kill()))
    const options = { where, prefix: 'later:', acceptLoss: false, keys: null, connectTimeoutMs: 500 }
    const store = new RedisStore(systemClock, options)
    stores.push(store)
    t.match(await store.open(), { kind: 'fault', reason: 'unavailable' })
    await Promise.all(away.map((one) => one.start()))
    await until('the store is there', async () => (await store.claim(claimOf('s:1', 'a'))).kind === 'taken')
  }
})

root.teardown(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await Promise.all([group.stop(), cluster.stop()])
})
