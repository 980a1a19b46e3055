// The one contract that memory, lmdb and redis keep, as tests; each store's own test file runs it. What only one of
// them does (files, servers, bounds) is tested there.

import { randomBytes } from 'node:crypto'
import { test } from 'tap'
import type { Test } from 'tap'
import type { Lookup, RecordStore } from '../../proxy/core/record-store.ts'
import { answerOf, claimOf } from './store-bench.ts'
import type { StoreBench } from './store-bench.ts'

let keys = 0
const newKey = (scope = 'scope'): string => `${scope}:${String(keys++)}-${randomBytes(8).toString('base64url')}`
const ttlMs = 60_000
const hello = (): Buffer => Buffer.from('hello')

type Case = (t: Test, store: RecordStore, bench: StoreBench) => Promise<void>
type On = (what: string, run: Case) => void

export function storeContract(name: string, makeBench: () => StoreBench | Promise<StoreBench>): void {
  const on: On = (what, run) => {
    test(`${name}: ${what}`, async (t) => {
      const bench = await makeBench()
      await run(t, await bench.join() as RecordStore, bench)
    })
  }

  aFreeKey(on)
  wordsByToken(on)
  doubts(on)
  time(on)
  bytes(on)
  operators(on)
  many(on)
}

function aFreeKey(on: On): void {
  on('a free key is taken once, and a second claim finds it in flight', async (t, store) => {
    const key = newKey()
    t.strictSame(await store.lookup(key), { kind: 'absent' })
    const taken = await store.claim(claimOf(key, 'a'))
    t.match(taken, { kind: 'taken', generation: 1 })
    t.match(await store.claim(claimOf(key, 'b')), {
      kind: 'in-flight', fingerprint: 'raw:fp', credential: 'cred', generation: 1, isOwn: true,
    })
    const found = await store.lookup(key)
    t.ok(found.kind === 'in-flight' && found.isOwn && found.leaseLeftMs > 1_000)
  })

  on('a claim that is sent again with its own token is taken again', async (t, store) => {
    const key = newKey()
    const first = await store.claim(claimOf(key, 'a'))
    t.strictSame(await store.claim(claimOf(key, 'a')), first)
  })

  on('a claim that is repeated after its answer is no second permission', async (t, store) => {
    const key = newKey()
    await store.claim(claimOf(key, 'a'))
    await store.finish(key, 'a', answerOf(hello()), ttlMs)
    t.match(await store.claim(claimOf(key, 'a')), { kind: 'done' })
  })

  on('another fingerprint is a mismatch: in flight, in doubt and done', async (t, store) => {
    const key = newKey()
    const other = claimOf(key, 'b', { fingerprint: 'raw:other', inDoubt: 'retry' })
    await store.claim(claimOf(key, 'a'))
    t.strictSame(await store.claim(other), { kind: 'mismatch' })
    await store.doubt(key, 'a', 'timeout')
    t.strictSame(await store.claim(other), { kind: 'mismatch' })
    await store.finish(key, 'a', answerOf(hello()), ttlMs)
    t.strictSame(await store.claim(other), { kind: 'mismatch' })
  })

  on('of fifty claims at once exactly one is taken', async (t, store) => {
    const key = newKey()
    const results = await Promise.all(Array.from({ length: 50 }, async (_, i) => store.claim(claimOf(key, `t${i}`))))
    t.equal(results.filter((r) => r.kind === 'taken').length, 1)
    t.equal(results.filter((r) => r.kind === 'in-flight').length, 49)
  })

  on('of claims through two stores exactly one is taken, and the other owner is seen', async (t, store, bench) => {
    const other = await bench.join()
    if (other === null) return
    for (let i = 0; i < 20; i++) {
      const key = newKey()
      const results = await Promise.all([store.claim(claimOf(key, 'a')), other.claim(claimOf(key, 'b'))])
      t.strictSame(results.map((r) => r.kind).toSorted(), ['in-flight', 'taken'])
      const found = results.find((r) => r.kind === 'in-flight')
      t.match(found, { isOwn: false })
      t.match(await (results[0]?.kind === 'taken' ? other : store).lookup(key), { kind: 'in-flight', isOwn: false })
    }
  })
}

function wordsByToken(on: On): void {
  on('an answer is stored once, and the same word again says already', async (t, store) => {
    const key = newKey()
    await store.claim(claimOf(key, 'a'))
    t.strictSame(await store.finish(key, 'a', answerOf(hello()), ttlMs), { kind: 'stored' })
    t.strictSame(await store.finish(key, 'a', answerOf(Buffer.from('other')), ttlMs), { kind: 'already' })
    t.match(await store.lookup(key), { kind: 'done', answer: { body: hello() } })
  })

  on('words of another token are fenced and change nothing', async (t, store) => {
    const key = newKey()
    await store.claim(claimOf(key, 'a'))
    t.strictSame(await store.finish(key, 'b', answerOf(hello()), ttlMs), { kind: 'fenced' })
    t.strictSame(await store.release(key, 'b'), { kind: 'fenced' })
    t.strictSame(await store.doubt(key, 'b', 'reset'), { kind: 'fenced' })
    t.strictSame(await store.renew(key, 'b', 10_000), { kind: 'fenced' })
    t.match(await store.lookup(key), { kind: 'in-flight' })
  })

  on('words about a key that nobody has are gone, and make no record', async (t, store) => {
    const key = newKey()
    t.strictSame(await store.finish(key, 'a', answerOf(hello()), ttlMs), { kind: 'gone' })
    t.strictSame(await store.release(key, 'a'), { kind: 'gone' })
    t.strictSame(await store.doubt(key, 'a', 'reset'), { kind: 'gone' })
    t.strictSame(await store.renew(key, 'a', 10_000), { kind: 'gone' })
    t.strictSame(await store.lookup(key), { kind: 'absent' })
  })

  on('a released key is free, and can be taken by anybody', async (t, store) => {
    const key = newKey()
    await store.claim(claimOf(key, 'a'))
    t.strictSame(await store.release(key, 'a'), { kind: 'stored' })
    t.strictSame(await store.lookup(key), { kind: 'absent' })
    t.strictSame(await store.release(key, 'a'), { kind: 'gone' })
    t.match(await store.claim(claimOf(key, 'b', { fingerprint: 'raw:other' })), { kind: 'taken', generation: 1 })
    t.strictSame(await store.finish(key, 'a', answerOf(hello()), ttlMs), { kind: 'fenced' }, 'the old token')
  })

  on('an answer is final: neither released nor doubted', async (t, store) => {
    const key = newKey()
    await store.claim(claimOf(key, 'a'))
    await store.finish(key, 'a', answerOf(hello()), ttlMs)
    t.strictSame(await store.release(key, 'a'), { kind: 'fenced' })
    t.strictSame(await store.doubt(key, 'a', 'reset'), { kind: 'fenced' })
    t.strictSame(await store.renew(key, 'a', 10_000), { kind: 'fenced' })
    t.match(await store.lookup(key), { kind: 'done' })
  })

  on('the owner may go on as long as the claim is its own', async (t, store) => {
    const key = newKey()
    await store.claim(claimOf(key, 'a'))
    t.strictSame(await store.renew(key, 'a', 10_000), { kind: 'stored' })
  })
}

function doubts(on: On): void {
  on('a doubt is told with its reason, and by its own token only resolved by an answer', async (t, store) => {
    const key = newKey()
    await store.claim(claimOf(key, 'a'))
    t.strictSame(await store.doubt(key, 'a', 'truncated'), { kind: 'stored' })
    t.strictSame(await store.doubt(key, 'a', 'timeout'), { kind: 'already' })
    t.match(await store.lookup(key), { kind: 'unknown', reason: 'truncated', generation: 1 })
    t.match(await store.claim(claimOf(key, 'b')), { kind: 'unknown', reason: 'truncated' })
    t.match(await store.claim(claimOf(key, 'a')), { kind: 'unknown' }, 'nor is its own token a permission again')
    t.strictSame(await store.release(key, 'a'), { kind: 'fenced' })
    t.strictSame(await store.renew(key, 'a', 10_000), { kind: 'fenced' })
    t.strictSame(await store.finish(key, 'a', answerOf(hello()), ttlMs), { kind: 'stored' }, 'a late answer')
    t.match(await store.claim(claimOf(key, 'b')), { kind: 'done', answer: { body: hello() } })
  })

  on('with retry a doubt is claimed again, and the old token is fenced', async (t, store) => {
    const key = newKey()
    await store.claim(claimOf(key, 'a'))
    await store.doubt(key, 'a', 'timeout')
    t.match(await store.claim(claimOf(key, 'b', { inDoubt: 'retry' })), { kind: 'taken', generation: 2 })
    t.strictSame(await store.finish(key, 'a', answerOf(hello()), ttlMs), { kind: 'fenced' })
    t.strictSame(await store.finish(key, 'b', answerOf(hello()), ttlMs), { kind: 'stored' })
    t.match(await store.lookup(key), { kind: 'done', generation: 2 })
  })

  on('with retry a claim in flight is still nobody else\'s', async (t, store) => {
    const key = newKey()
    await store.claim(claimOf(key, 'a'))
    t.match(await store.claim(claimOf(key, 'b', { inDoubt: 'retry' })), { kind: 'in-flight' })
  })

  on('what an owner had in flight when it died is in doubt for others', async (t, store, bench) => {
    const other = await bench.join()
    if (other === null) return
    const key = newKey()
    await other.claim(claimOf(key, 'a', { leaseMs: bench.leaseMs }))
    t.match(await store.lookup(key), { kind: 'in-flight' })
    await bench.lose(other)
    t.match(await seenLost(store, key), { kind: 'unknown', reason: 'owner-lost' })
    t.match(await store.claim(claimOf(key, 'b')), { kind: 'unknown', reason: 'owner-lost' })
    t.match(await store.doubts(10), { kind: 'doubts', list: [{ key, record: { reason: 'owner-lost' } }] })
    t.match(await store.counts(), { inFlight: 0, unknown: 1, done: 0 })
  })

  on('the answer of an owner that was given up is stored by its token', async (t, store, bench) => {
    const other = await bench.join()
    if (other === null) return
    const key = newKey()
    await other.claim(claimOf(key, 'a', { leaseMs: bench.leaseMs }))
    await bench.lose(other)
    t.match(await seenLost(store, key), { kind: 'unknown' })
    t.strictSame(await store.release(key, 'a'), { kind: 'fenced' }, 'somebody has been told')
    t.strictSame(await store.finish(key, 'a', answerOf(hello()), ttlMs), { kind: 'stored' })
    t.match(await store.lookup(key), { kind: 'done' })
  })

  on('with retry the key of a dead owner is claimed again, and its token is fenced', async (t, store, bench) => {
    const other = await bench.join()
    if (other === null) return
    const key = newKey()
    await other.claim(claimOf(key, 'a', { leaseMs: bench.leaseMs }))
    await bench.lose(other)
    await seenLost(store, key)
    t.match(await store.claim(claimOf(key, 'b', { inDoubt: 'retry' })), { kind: 'taken', generation: 2 })
    t.strictSame(await store.finish(key, 'a', answerOf(hello()), ttlMs), { kind: 'fenced' })
  })
}

/** What the key is once the news of its owner's death has come through; news take a turn of the loop, or some. */
async function seenLost(store: RecordStore, key: string): Promise<Lookup> {
  const endMs = performance.now() + 2_000
  for (;;) {
    const found = await store.lookup(key)
    if (found.kind !== 'in-flight' || performance.now() > endMs) return found
    await new Promise((resolve) => { setImmediate(resolve) })
  }
}

function time(on: On): void {
  on('a record that is over is absent, and its key is taken anew in the claim itself', async (t, store, bench) => {
    const key = newKey()
    await store.claim(claimOf(key, 'a', { ttlMs: 100 }))
    await store.finish(key, 'a', answerOf(hello()), 100)
    t.match(await store.lookup(key), { kind: 'done' })
    await bench.pass(150)
    t.match(await store.claim(claimOf(key, 'b', { fingerprint: 'raw:other' })), { kind: 'taken', generation: 1 })
    t.strictSame(await store.finish(key, 'a', answerOf(hello()), 100), { kind: 'fenced' })
  })

  on('a doubt that is over is absent, and its late answer finds nothing', async (t, store, bench) => {
    const key = newKey()
    await store.claim(claimOf(key, 'a', { ttlMs: 100 }))
    await store.doubt(key, 'a', 'timeout')
    await bench.pass(150)
    t.strictSame(await store.lookup(key), { kind: 'absent' })
    t.strictSame(await store.finish(key, 'a', answerOf(hello()), 100), { kind: 'gone' })
  })

  on('an answer never shortens the time its claim was given', async (t, store, bench) => {
    const key = newKey()
    await store.claim(claimOf(key, 'a', { ttlMs: 60_000 }))
    await store.finish(key, 'a', answerOf(hello()), 50)
    await bench.pass(120)
    t.match(await store.lookup(key), { kind: 'done' })
  })

  on('an answer lengthens the time of its record from when it came', async (t, store, bench) => {
    const key = newKey()
    await store.claim(claimOf(key, 'a', { ttlMs: 300 }))
    await store.finish(key, 'a', answerOf(hello()), 60_000)
    await bench.pass(400)
    await store.sweep()
    t.match(await store.lookup(key), { kind: 'done' })
  })

  on('sweeping beside a claim never leaves a claim that is not there', async (t, store, bench) => {
    const list = Array.from({ length: 40 }, () => newKey())
    await Promise.all(list.map(async (key) => {
      await store.claim(claimOf(key, 'a', { ttlMs: 50 }))
      await store.finish(key, 'a', answerOf(hello()), 50)
    }))
    await bench.pass(bench.sweptAfterMs)
    const claims = list.map(async (key) => store.claim(claimOf(key, 'b')))
    await Promise.all([store.sweep(), ...claims, store.sweep()])
    t.strictSame(new Set((await Promise.all(claims)).map((c) => c.kind)), new Set(['taken']))
    const found = await Promise.all(list.map(async (key) => (await store.lookup(key)).kind))
    t.strictSame(new Set(found), new Set(['in-flight']))
  })

  on('a record says when it was claimed and when it was finished', async (t, store) => {
    const key = newKey()
    const before = Date.now() - 5_000
    const taken = await store.claim(claimOf(key, 'a'))
    await store.finish(key, 'a', answerOf(hello()), ttlMs)
    const done = await store.lookup(key)
    if (taken.kind !== 'taken' || done.kind !== 'done') throw new Error(`${taken.kind}, ${done.kind}`)
    t.equal(done.createdAtMs, taken.createdAtMs)
    t.ok(done.createdAtMs > before && done.finishedAtMs >= done.createdAtMs)
    t.ok(Number.isInteger(done.createdAtMs))
  })
}

function bytes(on: On): void {
  on('every byte of a body comes back', async (t, store) => {
    const key = newKey()
    const body = Buffer.from(Array.from({ length: 512 }, (_, i) => i % 256))
    await store.claim(claimOf(key, 'a'))
    await store.finish(key, 'a', answerOf(body), ttlMs)
    const done = await store.lookup(key)
    t.ok(done.kind === 'done' && Buffer.compare(done.answer.body as Uint8Array, body) === 0)
  })

  on('fields keep order, case and repetition, and bytes above 127', async (t, store) => {
    const key = newKey()
    const headers = ['B', '1', 'a', '2', 'Set-Cookie', 'x=1', 'set-cookie', 'y=\u00ff', 'Empty', '']
    const answer = answerOf(null, {
      status: 404, statusText: 'N\u00f6', headers, trailers: ['Digest', 'abc'], gap: 'too-large',
    })
    await store.claim(claimOf(key, 'a'))
    await store.finish(key, 'a', answer, ttlMs)
    const done = await store.lookup(key)
    t.strictSame(done.kind === 'done' ? done.answer : done, answer)
  })

  on('an empty body is a body, and no trailers are not empty ones', async (t, store) => {
    const [none, empty] = [newKey(), newKey()]
    for (const [key, trailers] of [[none, null], [empty, []]] as const) {
      await store.claim(claimOf(key, 'a'))
      await store.finish(key, 'a', answerOf(Buffer.alloc(0), { trailers }), ttlMs)
      const done = await store.lookup(key)
      t.ok(done.kind === 'done' && done.answer.body?.length === 0)
      t.strictSame(done.kind === 'done' && done.answer.trailers, trailers)
    }
  })

  on('a body of 1 MiB comes back', async (t, store) => {
    const key = newKey()
    const body = randomBytes(2 ** 20)
    await store.claim(claimOf(key, 'a'))
    t.strictSame(await store.finish(key, 'a', answerOf(body), ttlMs), { kind: 'stored' })
    const done = await store.claim(claimOf(key, 'b'))
    t.ok(done.kind === 'done' && Buffer.compare(done.answer.body as Uint8Array, body) === 0)
  })
}

function operators(on: On): void {
  on('an operator decides a doubt, and the old token is fenced', async (t, store) => {
    const [given, bare, free] = [newKey(), newKey(), newKey()]
    for (const key of [given, bare, free]) {
      await store.claim(claimOf(key, 'a'))
      t.strictSame(await store.resolve(key, { kind: 'forget' }, ttlMs), { kind: 'in-flight' })
      await store.doubt(key, 'a', 'timeout')
    }
    const executed = { kind: 'executed', answer: answerOf(hello()) } as const
    t.strictSame(await store.resolve(given, executed, ttlMs), { kind: 'resolved' })
    t.strictSame(await store.resolve(bare, { kind: 'executed', answer: null }, ttlMs), { kind: 'resolved' })
    t.strictSame(await store.resolve(free, { kind: 'not-executed' }, ttlMs), { kind: 'resolved' })
    t.match(await store.lookup(given), { kind: 'done', answer: { body: hello() } })
    t.match(await store.lookup(bare), { kind: 'done', answer: { status: 0, body: null, gap: 'unseen' } })
    t.strictSame(await store.finish(given, 'a', answerOf(null), ttlMs), { kind: 'fenced' })
    t.strictSame(await store.finish(free, 'a', answerOf(null), ttlMs), { kind: 'gone' })
    t.match(await store.claim(claimOf(free, 'b')), { kind: 'taken' })
  })

  on('what is done is not decided again, only forgotten', async (t, store) => {
    const key = newKey()
    await store.claim(claimOf(key, 'a'))
    await store.finish(key, 'a', answerOf(hello()), ttlMs)
    t.strictSame(await store.resolve(key, { kind: 'not-executed' }, ttlMs), { kind: 'done' })
    t.strictSame(await store.resolve(key, { kind: 'executed', answer: null }, ttlMs), { kind: 'done' })
    t.strictSame(await store.resolve(key, { kind: 'forget' }, ttlMs), { kind: 'resolved' })
    t.strictSame(await store.resolve(key, { kind: 'forget' }, ttlMs), { kind: 'gone' })
  })

  on('a scope is purged without what is in flight, and other scopes stay', async (t, store) => {
    const [done, doubted, busy, other] = [newKey('one'), newKey('one'), newKey('one'), newKey('one-more')]
    for (const key of [done, doubted, busy, other]) await store.claim(claimOf(key, 'a'))
    for (const key of [done, other]) await store.finish(key, 'a', answerOf(hello()), ttlMs)
    await store.doubt(doubted, 'a', 'reset')
    t.strictSame(await store.purge('one'), { kind: 'purged', count: 2 })
    const kinds = await Promise.all([done, doubted, busy, other].map(async (key) => (await store.lookup(key)).kind))
    t.strictSame(kinds, ['absent', 'absent', 'in-flight', 'done'])
  })

  on('records are counted by state', async (t, store) => {
    const list = Array.from({ length: 6 }, () => newKey())
    for (const key of list) await store.claim(claimOf(key, 'a'))
    for (const key of list.slice(0, 3)) await store.finish(key, 'a', answerOf(hello()), ttlMs)
    await store.doubt(list[3] as string, 'a', 'reset')
    await store.release(list[4] as string, 'a')
    t.strictSame(await store.counts(), { kind: 'counts', done: 3, inFlight: 1, unknown: 1, isEstimate: false })
  })
}

function many(on: On): void {
  on('thousands of keys are claimed and finished, and every one has its own answer', async (t, store, bench) => {
    const list = Array.from({ length: bench.manyKeys ?? 10_000 }, () => newKey())
    let at = 0
    await Promise.all(Array.from({ length: 64 }, async () => {
      for (let i = at++; i < list.length; i = at++) {
        const key = list[i] as string
        await store.claim(claimOf(key, 'a'))
        await store.finish(key, 'a', answerOf(Buffer.from(key)), ttlMs)
      }
    }))
    let same = 0
    for (const key of list) {
      const done = await store.lookup(key)
      if (done.kind === 'done' && String(Buffer.from(done.answer.body as Uint8Array)) === key) same++
    }
    t.equal(same, list.length)
  })

  on('after it was closed a store is unavailable, and does not throw', async (t, store) => {
    await store.close()
    await store.close()
    if (store.kind === 'memory') return
    t.match(await store.lookup(newKey()), { kind: 'fault', reason: 'unavailable' })
    t.match(await store.claim(claimOf(newKey(), 'a')), { kind: 'fault', reason: 'unavailable' })
    t.match(await store.ping(), { kind: 'fault' })
  })
}
