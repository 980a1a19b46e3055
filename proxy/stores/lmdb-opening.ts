// Opening the embedded database in one of two ways. `disk`: the database flushes each commit by itself and a word waits
// for it. `process`: commits are not flushed one by one, and sync points see to what survives the machine; where they
// cannot be had, it is the first way without the wait.

import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type * as Lmdb from 'lmdb'
import type { RootDatabase } from 'lmdb'
import type { Clock } from '../core/clock.ts'
import { unlinkFinished } from './finished-writes.ts'
import { latestHead } from './lmdb-head.ts'
import { bootName, SyncNotes, SyncPoints } from './lmdb-sync-points.ts'

/** Processes times their reading threads, and one more for the moment each holds; a full table makes reads fail. */
const maxReaders = 512

export interface Opened {
  readonly root: RootDatabase<Buffer, string>
  /** To be called when the tables are there and before anything is written: null, or the sync points are started. */
  guard(clock: Clock): Promise<SyncPoints | null>
}

/** Throws what the database says. */
export async function openDatabase(lmdb: typeof Lmdb, path: string, isFlushed: boolean): Promise<Opened> {
  const open = (noSync: boolean): RootDatabase<Buffer, string> => {
    // The type does not know `permissionsMode`; its native side does.
    // Its batches by turn are off, ours are in shared-commits: the inner promise of theirs is nobody's, and a full disk
    // would end the process through it.
    const options = {
      path, noSubdir: false, maxDbs: 8, maxReaders, permissionsMode: 0o600, eventTurnBatching: false,
      txnStartThreshold: Number.MAX_SAFE_INTEGER, ...noSync && { noSync },
    }
    const root = lmdb.open<Buffer, string>(options)
    unlinkFinished(root)
    return root
  }
  const none = { guard: () => Promise.resolve(null) }
  const boot = bootName()
  if (boot === null) return { ...none, root: open(false) }
  const data = join(path, 'data.mdb')
  const notes = new SyncNotes(lmdb, path)
  try {
    let itself: RootDatabase<Buffer, string> | null = null
    notes.settle(boot, data, () => { itself = open(false) })
    await closed(itself)
    if (isFlushed) {
      await notes.close()
      return { ...none, root: open(false) }
    }
    const root = open(true)
    if (isKnown(data)) return { root, guard: (clock) => SyncPoints.start(clock, root, notes, data) }
    await root.close()
  } catch (error) {
    await notes.close()
    throw error
  }
  await notes.close()
  return { ...none, root: open(false) }
}

async function closed(root: RootDatabase<Buffer, string> | null): Promise<void> { await root?.close() }

/** Whether its head can be read here; another build of the database may lay it out in another way. */
function isKnown(data: string): boolean {
  const descriptor = openSync(data, 'r')
  try {
    return latestHead(descriptor) !== null
  } finally {
    closeSync(descriptor)
  }
}
