// Lets commits of the embedded database be over without the disk: they survive the process, and a few times a second a
// moment is made that survives the machine. Such a moment is a snapshot that is held by a reader, so that nothing it is
// made of is written over, then flushed, then noted in a small database of its own, whose commits are flushed. After
// another boot the file is put back to the last one, as its later pages may be missing.
//
//   hold a snapshot ─▶ flush ─▶ note its head ─▶ let the one before go

import { closeSync, existsSync, fdatasync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type * as Lmdb from 'lmdb'
import type { RootDatabase, Transaction } from 'lmdb'
import type { Clock, Timer } from '../core/clock.ts'
import { causeOf } from './commit-cause.ts'
import { flushedHead, headOf, later, latestHead, putBack } from './lmdb-head.ts'
import type { Head } from './lmdb-head.ts'

/** What the loss of power may cost of the last words. Also what a busy file grows by: no page is used again sooner. */
const everyMs = 250

/** Others may commit between looking and holding, each time anew. */
const maxTries = 100

const flush = promisify(fdatasync)

/** Null: this boot has no name, and a file that was not flushed could not be told from one that was. */
export function bootName(): string | null {
  try {
    return /^[0-9a-f-]{36}/.exec(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'))?.[0] ?? null
  } catch {
    // Not Linux, or /proc is hidden.
    return null
  }
}

/** The note beside the data: the head of the last moment that is on the disk, and in which boot it was written. */
export class SyncNotes {
  readonly #notes: RootDatabase<Buffer, string>

  constructor(lmdb: typeof Lmdb, path: string) {
    this.#notes = lmdb.open<Buffer, string>({
      path: join(path, 'synced'), noSubdir: false, maxReaders: 512, permissionsMode: 0o600, encoding: 'binary',
      useVersions: true, eventTurnBatching: false, txnStartThreshold: Number.MAX_SAFE_INTEGER,
    } as Lmdb.RootDatabaseOptionsWithPath)
  }

  /**
   * Before the data are opened, by whoever comes first in this boot: puts them back to the last moment that is known to
   * be on the disk. `letItself` opens them as the database does by itself, for files without such a moment.
   */
  settle(boot: string, data: string, letItself: () => void): void {
    // One process at a time, and none that dies here leaves it locked.
    this.#notes.transactionSync(() => {
      if (this.#notes.get('boot')?.toString('latin1') === boot) return
      if (existsSync(data)) restore(data, this.#head(), letItself)
      this.#notes.putSync('boot', Buffer.from(boot, 'latin1'), 0)
    })
  }

  /** Notes a head that is on the disk, unless a later one is noted already. */
  async note(head: Head): Promise<boolean> {
    const { number, bytes } = head
    for (let tries = 0; tries < maxTries; tries++) {
      this.#notes.resetReadTxn()
      const noted = this.#notes.getEntry('head')
      if (noted !== undefined && (noted.version ?? 0) >= number) return true
      const put = (): void => { void this.#notes.put('head', bytes, number) }
      const isDone = await (noted === undefined
        ? this.#notes.ifNoExists('head', put)
        : this.#notes.ifVersion('head', noted.version ?? 0, put))
      if (!isDone) continue
      await this.#notes.flushed
      return true
    }
    return false
  }

  async close(): Promise<void> { await this.#notes.close() }

  #head(): Head | null {
    const bytes = this.#notes.get('head')
    return bytes === undefined ? null : headOf(Buffer.from(bytes))
  }
}

function restore(data: string, noted: Head | null, letItself: () => void): void {
  const descriptor = openSync(data, 'r+')
  try {
    const flushed = flushedHead(descriptor)
    // Where both were at work, what either holds is held: the later one is whole.
    if (noted !== null) return putBack(descriptor, flushed === null ? noted : later(noted, flushed))
  } finally {
    closeSync(descriptor)
  }
  letItself()
}

export class SyncPoints {
  readonly #clock: Clock
  readonly #root: RootDatabase<Buffer, string>
  readonly #notes: SyncNotes
  readonly #descriptor: number
  #held: Transaction | null = null
  #number = -1
  #timer: Timer | null = null
  #isClosed = false
  #making: Promise<void> = Promise.resolve()
  #failed = 0

  private constructor(clock: Clock, root: RootDatabase<Buffer, string>, notes: SyncNotes, data: string) {
    this.#clock = clock
    this.#root = root
    this.#notes = notes
    this.#descriptor = openSync(data, 'r+')
  }

  /** Makes the first one: before it nothing may be written. Throws when it cannot be made. */
  static async start(
    clock: Clock, root: RootDatabase<Buffer, string>, notes: SyncNotes, data: string,
  ): Promise<SyncPoints> {
    const points = new SyncPoints(clock, root, notes, data)
    try {
      await points.#make()
    } catch (error) {
      closeSync(points.#descriptor)
      await notes.close()
      throw error
    }
    points.#later()
    return points
  }

  /** Moments that could not be made; the one before is held until one can. */
  get failed(): number { return this.#failed }

  /** Makes one now, where something was committed since the last. One at a time. */
  async take(): Promise<void> {
    try {
      await this.#make()
    } catch {
      this.#failed++
    }
  }

  /** Makes a last one. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.clear()
    await this.#making
    await this.take()
    this.#held?.done()
    this.#held = null
    closeSync(this.#descriptor)
    await this.#notes.close()
  }

  #later(): void {
    if (this.#isClosed) return
    this.#timer = this.#clock.after(everyMs, () => {
      this.#making = this.take()
      void this.#making.then(() => { this.#later() })
    })
  }

  async #make(): Promise<void> {
    if (latestHead(this.#descriptor)?.number === this.#number) return
    const { head, held } = this.#hold()
    let isNoted = false
    try {
      await flush(this.#descriptor)
      isNoted = await this.#notes.note(head)
    } catch (error) {
      throw await causeOf(this.#clock, error)
    } finally {
      if (!isNoted) held.done()
    }
    if (!isNoted) throw new Error('others note all the time')
    this.#held?.done()
    this.#held = held
    this.#number = head.number
  }

  /** A snapshot, and its head: nobody committed between the look before and the look after, so it is that one. */
  #hold(): { readonly head: Head; readonly held: Transaction } {
    for (let tries = 0; tries < maxTries; tries++) {
      const head = latestHead(this.#descriptor)
      this.#root.resetReadTxn()
      const held = this.#root.useReadTransaction()
      this.#root.resetReadTxn()
      const after = latestHead(this.#descriptor)
      if (head !== null && after !== null && head.number === after.number && head.bytes.equals(after.bytes)) {
        return { head, held }
      }
      held.done()
    }
    throw new Error('others commit all the time')
  }
}
