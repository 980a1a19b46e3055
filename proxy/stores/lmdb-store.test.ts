import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { t as root, test } from 'tap'
import type { Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import type { Clock } from '../core/clock.ts'
import { eventually } from '../../test/support/asking.ts'
import { answerOf, claimOf, ShiftedClock } from '../../test/support/store-bench.ts'
import { storeContract } from '../../test/support/store-contract.ts'
import { LmdbStore } from './lmdb-store.ts'
import type { LmdbStoreOptions } from './lmdb-store.ts'
import { sealKeys } from './sealing.ts'

const folders: string[] = []
const stores: LmdbStore[] = []
const clock = new ShiftedClock()

root.teardown(async () => {
  await Promise.all(stores.map((store) => store.close()))
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'seawall-lmdb-'))
  folders.push(folder)
  return folder
}

async function openStore(
  path: string, over: Partial<LmdbStoreOptions> = {}, on: Clock = clock,
): Promise<LmdbStore> {
  const store = new LmdbStore(on, { path, durability: 'process', maxBytes: 2 ** 30, keys: null, ...over })
  const opened = await store.open()
  if (opened.kind === 'fault') throw new Error(opened.message)
  stores.push(store)
  return store
}

storeContract('lmdb', () => {
  const path = newFolder()
  return {
    leaseMs: 10_000, sweptAfterMs: 30_000,
    join: () => openStore(path),
    pass: async (ms) => { clock.shift(ms) },
    lose: async (store) => {
      await store.close()
      return true
    },
  }
})

/** Lets the loop read what lies in its sockets: here, the end of a connection. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => { setImmediate(resolve) })
}

/** A process that claims `keys` and says so, line by line, and stays. */
async function startClaimer(t: Test, path: string, keys: readonly string[]): Promise<{ kill(): Promise<void> }> {
  const script = join(import.meta.dirname, '../../test/support/store-claimer.ts')
  const child = spawn(process.execPath, [script, path, ...keys], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  for await (const chunk of child.stdout) {
    if (String(chunk).includes('claimed')) break
  }
  return {
    kill: async () => {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

test('what a process had in flight when it was killed reads as unknown at once', async (t) => {
  const path = newFolder()
  const store = await openStore(path, {}, systemClock)
  const keys = ['s:1', 's:2', 's:3']
  const claimer = await startClaimer(t, path, keys)
  t.match(await store.lookup('s:1'), { kind: 'in-flight', isOwn: false })
  await claimer.kill()
  await turns(3)
  for (const key of keys) {
    t.match(await store.lookup(key), { kind: 'unknown', reason: 'owner-lost' })
    t.match(await store.claim(claimOf(key, 'b')), { kind: 'unknown', reason: 'owner-lost' })
  }
  await store.close()
})

test('a store that opens after its owner was killed writes the doubts down', async (t) => {
  const path = newFolder()
  const claimer = await startClaimer(t, path, ['s:1', 's:2'])
  await claimer.kill()
  const store = await openStore(path, {}, systemClock)
  t.match(store.counts(), { inFlight: 0, unknown: 2 })
  t.match(store.inspect(), { recoveredTotal: 2 })
  t.equal(readdirSync(join(path, 'owners')).length, 1, 'only our own socket is left')
  await store.close()
})

test('an owner that is paused still lives', async (t) => {
  const path = newFolder()
  const store = await openStore(path, {}, systemClock)
  const script = join(import.meta.dirname, '../../test/support/store-claimer.ts')
  const child = spawn(process.execPath, [script, path, 's:1'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  await once(child.stdout, 'data')
  child.kill('SIGSTOP')
  t.match(await store.lookup('s:1'), { kind: 'in-flight', isOwn: false })
  await store.close()
})

test('files are for this user alone', async (t) => {
  const path = join(newFolder(), 'store')
  const store = await openStore(path)
  const mode = (file: string): string => (statSync(file).mode & 0o777).toString(8)
  t.strictSame(['data.mdb', 'lock.mdb'].map((file) => mode(join(path, file))), ['600', '600'])
  t.strictSame([path, join(path, 'owners')].map(mode), ['700', '700'])
  await store.close()
})

test('records outlive the store that wrote them', async (t) => {
  const path = newFolder()
  const first = await openStore(path)
  await first.claim(claimOf('s:1', 'a'))
  await first.finish('s:1', 'a', answerOf(Buffer.from('kept')), 60_000)
  await first.close()
  const second = await openStore(path)
  t.match(await second.lookup('s:1'), { kind: 'done', answer: { body: Buffer.from('kept') } })
  await second.close()
})

test('case 42: a wall clock that jumps ends no record early, and is counted', async (t) => {
  const jumping = new ShiftedClock()
  const store = new LmdbStore(jumping, { path: newFolder(), durability: 'process', maxBytes: 2 ** 30, keys: null })
  await store.open()
  await store.claim(claimOf('s:1', 'a'))
  await store.finish('s:1', 'a', answerOf(null), 60_000)
  jumping.wallShiftMs = 2 * 86_400_000
  await store.sweep()
  t.match(await store.lookup('s:1'), { kind: 'done' })
  await eventually('the store has looked at the clock', () => store.inspect()['clockJumps'] === 1)
  t.match(await store.lookup('s:1'), { kind: 'done' })
  await store.close()
})

test('sweeping drops a bounded number of records, and all of them in the end', async (t) => {
  const store = await openStore(newFolder())
  await Promise.all(Array.from({ length: 1_200 }, async (_, i) => {
    await store.claim(claimOf(`s:${i}`, 'a', { ttlMs: 1_000 }))
    await store.finish(`s:${i}`, 'a', answerOf(Buffer.alloc(10)), 1_000)
  }))
  await store.claim(claimOf('s:busy', 'a', { ttlMs: 1_000 }))
  clock.shift(30_000)
  const counts: unknown[] = []
  for (let i = 0; i < 4; i++) counts.push(await store.sweep())
  t.strictSame(counts, [500, 500, 200, 0].map((count) => ({ kind: 'swept', count })))
  t.match(store.counts(), { done: 0, inFlight: 1, unknown: 0 }, 'what is in flight stays, however long')
  await store.close()
})

test('answers that were sealed are not on the disk, and open with an older key beside a newer one', async (t) => {
  const path = newFolder()
  const [old, next] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const secret = 'a-marker-that-must-not-be-on-the-disk'
  const first = await openStore(path, { keys: sealKeys([old]) })
  await first.claim(claimOf('s:1', 'a'))
  await first.finish('s:1', 'a', answerOf(Buffer.from(secret)), 60_000)
  await first.close()
  const { readFileSync } = await import('node:fs')
  t.notOk(readFileSync(join(path, 'data.mdb')).includes(secret))
  const rotated = await openStore(path, { keys: sealKeys([next, old]) })
  t.match(await rotated.lookup('s:1'), { kind: 'done', answer: { body: Buffer.from(secret) } })
  await rotated.close()
  const without = await openStore(path, { keys: sealKeys([next]) })
  t.match(await without.lookup('s:1'), { kind: 'fault', reason: 'corrupt' })
  t.match(await without.claim(claimOf('s:1', 'b')), { kind: 'fault', reason: 'corrupt' })
  await without.close()
})

test('a folder that cannot be made is said so, with what to do', async (t) => {
  const store = new LmdbStore(clock, { path: '/dev/null/x', durability: 'process', maxBytes: 1, keys: null })
  const message = /^\/dev\/null\/x cannot be used: .*; let this user write there, or name another "path"$/
  t.match(await store.open(), { kind: 'fault', reason: 'misconfigured', message })
  t.match(await store.claim(claimOf('s:1', 'a')), { kind: 'fault' })
})

test('beyond its bytes a store takes no new key and forgets none', async (t) => {
  const store = await openStore(newFolder(), { maxBytes: 10_000 })
  await store.claim(claimOf('s:1', 'a'))
  await store.finish('s:1', 'a', answerOf(Buffer.alloc(50_000)), 60_000)
  const looked = await until(async () => (await store.claim(claimOf('s:2', 'a'))).kind === 'full', async () => {
    await store.release('s:2', 'a')
  })
  t.ok(looked)
  t.match(await store.claim(claimOf('s:1', 'b')), { kind: 'done' })
  await store.close()
})

/** Asks again until it is true; the store looks at its size once a second. */
async function until(isTrue: () => Promise<boolean>, between: () => Promise<void>): Promise<boolean> {
  const endMs = performance.now() + 5_000
  while (performance.now() < endMs) {
    if (await isTrue()) return true
    await between()
    await new Promise((resolve) => { setImmediate(resolve) })
  }
  return false
}
