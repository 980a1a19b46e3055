import { copyFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as lmdb from 'lmdb'
import { test } from 'tap'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { seededRandom } from '../../test/sim/seeded-random.ts'
import { openDatabase } from './lmdb-opening.ts'
import { SyncNotes } from './lmdb-sync-points.ts'
import type { SyncPoints } from './lmdb-sync-points.ts'

type Root = Awaited<ReturnType<typeof openDatabase>>['root']
const page = 4096

async function opened(path: string) {
  const { root, guard } = await openDatabase(lmdb, path, false)
  const table = root.openDB<Buffer, string>('records', { encoding: 'binary' })
  const points = await guard(new VirtualClock()) as SyncPoints
  return { root, table, points }
}

type Table = Awaited<ReturnType<typeof opened>>['table']

/** Commits that put and remove at random, so that pages become free and are used again. */
async function churn(table: Table, model: Map<string, string>, random: () => number, commits: number): Promise<void> {
  for (let i = 0; i < commits; i++) {
    const writes: Promise<boolean>[] = []
    for (let j = 0; j < 20; j++) {
      const key = `key-${Math.floor(random() * 400)}`
      if (random() < 0.3) {
        model.delete(key)
        writes.push(table.remove(key))
      } else {
        const value = `${i}:${j}:`.padEnd(50 + Math.floor(random() * 400), 'v')
        model.set(key, value)
        writes.push(table.put(key, Buffer.from(value)))
      }
    }
    await Promise.all(writes)
  }
}

function contents(root: Root, table: Table): [string, string][] {
  root.resetReadTxn()
  return [...table.getRange()].map(({ key, value }): [string, string] => [key, value.toString()])
}

function sorted(model: Map<string, string>): [string, string][] {
  return [...model].toSorted(([a], [b]) => a < b ? -1 : 1)
}

/** What a disk holds on which everything before `then` arrived, and of what came after any part. */
function torn(then: Buffer, now: Buffer, random: () => number): Buffer {
  const disk = Buffer.alloc(random() < 0.5 ? now.length : then.length)
  then.copy(disk)
  for (let at = 0; at < disk.length; at += page) {
    if (random() < 0.5) now.copy(disk, at, at, Math.min(at + page, disk.length))
  }
  return disk
}

test('after the loss of power the store is as at the last sync point, whatever pages came later', async (t) => {
  for (let seed = 1; seed <= 25; seed++) {
    const random = seededRandom(seed)
    const [path, after] = [t.testdir({ [`a${seed}`]: {}, [`b${seed}`]: {} })].flatMap((dir) =>
      [join(dir, `a${seed}`), join(dir, `b${seed}`)]) as [string, string]
    const { root, table, points } = await opened(path)
    const model = new Map<string, string>()
    for (let i = 0; i < 3; i++) {
      await churn(table, model, random, 10)
      await points.take()
    }
    const expected = sorted(model)
    const then = readFileSync(join(path, 'data.mdb'))
    await churn(table, model, random, 1 + Math.floor(random() * 40))
    writeFileSync(join(after, 'data.mdb'), torn(then, readFileSync(join(path, 'data.mdb')), random))
    cpSync(join(path, 'synced'), join(after, 'synced'), { recursive: true })
    await points.close()
    await root.close()

    const notes = new SyncNotes(lmdb, after)
    notes.settle('another boot', join(after, 'data.mdb'), () => { t.fail('there is a sync point') })
    notes.settle('another boot', join(after, 'data.mdb'), () => { t.fail('it is settled') })
    await notes.close()
    const again = await opened(after)
    t.strictSame(contents(again.root, again.table), expected, `seed ${seed}`)
    const later = new Map(expected)
    await churn(again.table, later, random, 30)
    t.strictSame(contents(again.root, again.table), sorted(later), `seed ${seed}, and goes on`)
    await again.points.close()
    await again.root.close()
  }
})

test('within one boot nothing is put back: what is committed outlives the process without a sync point', async (t) => {
  const [path, copy] = [join(t.testdir({ a: {}, b: {} }), 'a'), join(t.testdirName, 'b')]
  const { root, table, points } = await opened(path)
  await table.put('key', Buffer.from('value'))
  // As a process leaves it that is killed here.
  copyFileSync(join(path, 'data.mdb'), join(copy, 'data.mdb'))
  cpSync(join(path, 'synced'), join(copy, 'synced'), { recursive: true })
  await points.close()
  await root.close()
  const again = await opened(copy)
  t.strictSame(contents(again.root, again.table), [['key', 'value']])
  await again.points.close()
  await again.root.close()
})

test('a store that flushed by itself is opened, and put back, as it flushed it', async (t) => {
  const path = t.testdir()
  const flushing = await openDatabase(lmdb, path, true)
  const table = flushing.root.openDB<Buffer, string>('records', { encoding: 'binary' })
  await table.put('key', Buffer.from('value'))
  await flushing.root.flushed
  await flushing.root.close()
  let times = 0
  const notes = new SyncNotes(lmdb, path)
  notes.settle('another boot', join(path, 'data.mdb'), () => { times++ })
  await notes.close()
  t.equal(times, 1, 'left to the database')
  const again = await opened(path)
  t.strictSame(contents(again.root, again.table), [['key', 'value']])
  await again.points.close()
  await again.root.close()
})
