// What can be wrong with the embedded store's files, disk and neighbours.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import { test } from 'tap'
import { answerOf, claimOf } from '../../test/support/store-bench.ts'
import { systemClock } from '../core/clock.ts'
import { LmdbStore } from './lmdb-store.ts'
import { newOwnerName } from './owner-name.ts'
import { OwnerLock } from './owner-lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'seawall-trouble-'))
process.on('exit', () => { rmSync(folder, { recursive: true, force: true }) })

function makeStore(path: string): LmdbStore {
  return new LmdbStore(systemClock, { path, durability: 'process', maxBytes: 2 ** 30, keys: null })
}

/** Changes the bytes of a stored record behind the store's back. */
async function damage(path: string, key: string, change: (bytes: Buffer) => void): Promise<void> {
  const root = open<Buffer, string>({ path, maxDbs: 4 })
  const records = root.openDB('records', { useVersions: true, encoding: 'binary' })
  const bytes = Buffer.from(records.get(key) as Buffer)
  change(bytes)
  await records.put(key, bytes, 7)
  await root.close()
}

test('case 51: a damaged record and one of a later version are faults, and neither is executed again', async (t) => {
  const path = join(folder, 'damaged')
  const store = makeStore(path)
  await store.open()
  for (const key of ['s:1', 's:2', 's:3']) {
    await store.claim(claimOf(key, 'a'))
    await store.finish(key, 'a', answerOf(Buffer.from('body')), 60_000)
  }
  await store.close()
  await damage(path, 's:1', (bytes) => { bytes[20] = (bytes[20] as number) ^ 1 })
  await damage(path, 's:2', (bytes) => { bytes[1] = 2 })
  const again = makeStore(path)
  await again.open()
  for (const [key, reason] of [['s:1', 'corrupt'], ['s:2', 'future-version']] as const) {
    t.match(await again.lookup(key), { kind: 'fault', reason })
    t.match(await again.claim(claimOf(key, 'b')), { kind: 'fault', reason })
    t.match(await again.finish(key, 'a', answerOf(null), 60_000), { kind: 'fault', reason })
  }
  t.match(await again.lookup('s:3'), { kind: 'done' })
  t.strictSame(await again.purge('s'), { kind: 'purged', count: 2 }, 'the damaged one goes, the later version stays')
  t.match(await again.lookup('s:1'), { kind: 'absent' })
  t.match(await again.lookup('s:2'), { kind: 'fault' })
  await again.close()
})

test('four processes that race for forty keys get each key once', async (t) => {
  const path = join(folder, 'race')
  const keys = Array.from({ length: 40 }, (_, i) => `s:${i}`)
  const script = join(import.meta.dirname, '../../test/support/store-racer.ts')
  const outputs = await Promise.all(Array.from({ length: 4 }, async (_, i) => {
    const child = spawn(process.execPath, [script, path, String(i), ...keys], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => { child.kill('SIGKILL') })
    let text = ''
    child.stdout.on('data', (chunk) => { text += String(chunk) })
    await once(child, 'close')
    return text.trim().split('\n').filter((line) => line.startsWith('taken')).map((line) => line.slice(6))
  }))
  t.strictSame(outputs.flat().toSorted(), keys.toSorted())
})

const canMount = spawnSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0

test('case 47: a full disk refuses a claim with a clear fault, and serves again when there is room',
  { skip: canMount ? false : 'no user namespaces here, so no small disk can be made' }, async (t) => {
    const script = join(import.meta.dirname, '../../test/support/store-full-disk.ts')
    const mount = join(folder, 'small')
    mkdirSync(mount)
    const command = `mount -t tmpfs -o size=1m tmpfs ${mount} && exec ${process.execPath} ${script} ${mount}`
    const child = spawn('unshare', ['-Urm', 'sh', '-c', command], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => { child.kill('SIGKILL') })
    let text = ''
    child.stdout.on('data', (chunk) => { text += String(chunk) })
    await once(child, 'close')
    t.strictSame(JSON.parse(text), {
      fault: 'no-space', syncFaults: 'counted', kept: true, lookups: 'served', after: 'taken', finished: 'stored',
      reopened: 'done',
    })
  })

/** A command in a PID namespace of its own, as its process 1: what a container is to the store. */
const asFirst = ['-Urpf', '--mount-proc', '--kill-child=SIGKILL', process.execPath]
const hasSpaces = spawnSync('unshare', [...asFirst, '-e', '']).status === 0
const support = (file: string): string => join(import.meta.dirname, '../../test/support', file)

test('where every container is process 1, a dead one is told from the one that came after it, and two are refused',
  { skip: hasSpaces ? false : 'no PID namespaces here' }, async (t) => {
    const path = join(folder, 'first')
    const holder = spawn('unshare', [...asFirst, support('store-claimer.ts'), path, 's:1'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => { holder.kill('SIGKILL') })
    await once(holder.stdout, 'data')
    const look = (): unknown => JSON.parse(String(
      spawnSync('unshare', [...asFirst, support('store-looker.ts'), path, 's:1']).stdout))
    t.strictSame(look(), { pid: 1, opened: 'fault', found: 'fault', reason: 'misconfigured' })
    const exited = once(holder.stdout, 'close')
    holder.kill('SIGKILL')
    await exited
    t.strictSame(look(), { pid: 1, opened: 'opened', found: 'unknown', reason: 'owner-lost' })
  })

test('a socket that does not listen any more is a dead owner, a foreign name and another boot too', async (t) => {
  const path = join(folder, 'owners')
  const deaths: number[] = []
  const lock = await OwnerLock.take(systemClock, path, () => { deaths.push(1) })
  const other = await OwnerLock.take(systemClock, path, () => { /* Nobody dies here. */ })
  if (!(lock instanceof OwnerLock) || !(other instanceof OwnerLock)) return t.fail('no lock')
  t.equal(await lock.isGone(other.name.text), false)
  t.equal(lock.isGone(other.name.text), false, 'watched: known at once')
  t.equal(lock.isGone(lock.name.text), false)
  const stranger = newOwnerName()
  t.equal(await lock.isGone(stranger.text), true, 'never had a socket')
  t.equal(lock.isGone('somebody'), true)
  t.equal(lock.isGone(stranger.text.replace(stranger.boot, '00000000')), true)
  writeFileSync(join(path, `${newOwnerName().text}.sock`), '')
  t.equal(await lock.isGone(lock.others().find((o) => o.text !== other.name.text)?.text ?? ''), true, 'a mere file')
  await other.close()
  while (deaths.length === 0) await new Promise((resolve) => { setImmediate(resolve) })
  t.equal(await lock.isGone(other.name.text), true)
  await lock.close()
})

test('a long path has room for the socket all the same', async (t) => {
  const path = join(folder, 'x'.repeat(120))
  const store = makeStore(path)
  t.match(await store.open(), { kind: 'opened' })
  t.match(await store.claim(claimOf('s:1', 'a')), { kind: 'taken' })
  await store.close()
})
