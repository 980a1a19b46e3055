// The three tables of the embedded store, and writing to them: records; what is open (in flight or in doubt), by owner;
// and what ends when. A change is one native compare-and-set that carries the indexes along, so it is atomic between
// processes, and many of them share one commit.

import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import type * as Lmdb from 'lmdb'
import type { Database, RootDatabase } from 'lmdb'
import type { HeldRecord } from '../algorithms/idempotency-record.ts'
import { bucketOf } from '../algorithms/expiry-buckets.ts'
import type { Clock } from '../core/clock.ts'
import type { RecordKey, StoreFault } from '../core/record-store.ts'
import { openDatabase } from './lmdb-opening.ts'
import type { SyncPoints } from './lmdb-sync-points.ts'
import { decodeRecord, encodeRecord, isFault } from './record-codec.ts'
import { SharedCommits } from './shared-commits.ts'
import type { Write } from './shared-commits.ts'
import { messageOf, storeFault } from './store-fault.ts'

export type Held = HeldRecord<Buffer>
/** A record as read, with the version that a change of it must name. */
export interface Entry { readonly record: Held; readonly version: number }

/** In the index of what is open, in place of an owner: nobody works on it any more. */
const nobody = '?'
const nothing = Buffer.alloc(0)

type Table = Database<Buffer, string>

export class LmdbTables {
  /** A change counts only when it is on the disk. */
  readonly isFlushed: boolean
  readonly #root: RootDatabase<Buffer, string>
  readonly #records: Table
  readonly #open: Table
  readonly #ends: Table
  #points: SyncPoints | null = null
  /** Never the same again, in no process: it starts at random, so that a key taken anew is not what a reader saw. */
  #version = randomBytes(6).readUIntBE(0, 6) + 1
  readonly #commits: SharedCommits
  readonly #clock: Clock

  private constructor(clock: Clock, root: RootDatabase<Buffer, string>, isFlushed: boolean) {
    this.#clock = clock
    this.#commits = new SharedCommits(clock)
    this.#root = root
    this.#records = root.openDB('records', { useVersions: true, encoding: 'binary' })
    this.#open = root.openDB('open', { encoding: 'binary' })
    this.#ends = root.openDB('ends', { encoding: 'binary' })
    this.isFlushed = isFlushed
  }

  /** `isFlushed`: a change counts only when it is on the disk, and then survives the loss of power. */
  static async open(clock: Clock, path: string, isFlushed: boolean): Promise<LmdbTables | StoreFault> {
    let lmdb: typeof Lmdb
    try {
      lmdb = await import('lmdb')
    } catch (error) {
      return storeFault('misconfigured',
        `Cannot load lmdb for this platform (${process.platform} ${process.arch}): ${messageOf(error)}`)
    }
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 })
      const { root, guard } = await openDatabase(lmdb, path, isFlushed)
      try {
        const tables = new LmdbTables(clock, root, isFlushed)
        tables.#points = await guard(clock)
        return tables
      } catch (error) {
        await root.close()
        throw error
      }
    } catch (error) {
      return storeFault('misconfigured', `Cannot open the store in ${path}: ${messageOf(error)}`)
    }
  }

  /** Null: there is none. */
  read(key: RecordKey): Entry | StoreFault | null {
    const entry = this.#records.getEntry(key)
    if (entry === undefined) return null
    const record = decodeRecord(entry.value)
    return isFault(record) ? record : { record, version: entry.version ?? 0 }
  }

  /** What others committed since this turn of the loop began becomes visible. */
  refresh(): void { this.#root.resetReadTxn() }

  /** Puts `next` (null: nothing) in the place of `before` (null: nothing); false when that is not there any more. */
  async change(key: RecordKey, before: Entry | null, next: Held | null): Promise<boolean> {
    const isDone = await this.#committed(new Promise((resolve, reject) => {
      this.commit({ write: () => this.write(key, before, next), committed: resolve, failed: reject })
    }))
    if (isDone) await this.settled()
    return isDone
  }

  /** The same in parts, for those who write often: hands a change to a commit, which calls its `write` now or later. */
  commit(change: Write): void { this.#commits.add(change) }

  /** Within the `write` of a change; the promise is that of the commit. */
  write(key: RecordKey, before: Entry | null, next: Held | null): Promise<boolean> {
    const write = (): void => { this.#write(key, before?.record ?? null, next) }
    return before === null
      ? this.#records.ifNoExists(key, write)
      : this.#records.ifVersion(key, before.version, write)
  }

  /** Resolves when everything committed so far is on the disk, where that was asked for. */
  async settled(): Promise<void> { if (this.isFlushed) await this.#root.flushed }

  /** A failed commit carries its reason as a promise, which is rejected in the same turn, or never. */
  async causeOf(error: unknown): Promise<unknown> {
    if (!(error instanceof Error) || !('commitError' in error)) return error
    const reason = Promise.resolve(error.commitError).then(() => error, (cause: unknown) => cause)
    return Promise.race([reason, new Promise((resolve) => { this.#clock.endOfTurn(() => { resolve(error) }) })])
  }

  /** Owners that have something in flight, dead or alive. */
  owners(): string[] {
    const owners: string[] = []
    let start = ''
    for (;;) {
      const [first] = this.#open.getKeys({ start, limit: 1 })
      if (first === undefined) return owners
      const owner = first.slice(0, first.indexOf('|'))
      if (owner !== nobody) owners.push(owner)
      start = `${owner}}`
    }
  }

  /** Up to `limit` keys in flight of one owner. */
  inFlightOf(owner: string, limit: number): RecordKey[] { return this.#openKeys(owner, limit) }

  /** Up to `limit` keys in doubt. */
  inDoubt(limit: number): RecordKey[] { return this.#openKeys(nobody, limit) }

  countOpen(owner: string | null): number {
    const start = owner ?? nobody
    return this.#open.getKeysCount({ start: `${start}|`, end: `${start}}` })
  }

  /** Keys whose bucket of time is over at `nowMs`, with the name of the place they stand in. */
  due(nowMs: number, limit: number): { readonly key: RecordKey; readonly place: string }[] {
    const end = bucketText(bucketOf(nowMs))
    return [...this.#ends.getKeys({ start: '', end, limit })]
      .map((place) => ({ key: place.slice(place.indexOf('|') + 1), place }))
  }

  /** Drops a place that says nothing any more: its record is gone, or ends later. */
  async unlist(place: string): Promise<void> { await this.#committed(this.#ends.remove(place)) }

  /** Drops a record that cannot be read, with the place it stands in; nobody else can change such a one. */
  async dropUnreadable(key: RecordKey, place: string | null): Promise<void> {
    if (place !== null) carried(this.#ends.remove(place))
    await this.#committed(this.#records.remove(key))
  }

  /** Up to `limit` keys of a scope, behind `after` (the last one seen, or empty). */
  keysOf(scope: string, after: string, limit: number): RecordKey[] {
    const start = after === '' ? `${scope}:` : `${after}\u0001`
    return [...this.#records.getKeys({ start, end: `${scope};`, limit })]
  }

  /** Records of every kind, and how many of them are open. */
  figures(): { readonly records: number; readonly open: number; readonly bytes: number; readonly readers: number } {
    const stats = [this.#records, this.#open, this.#ends].map((table) => table.getStats() as TableStats)
    const [records, open] = stats as [TableStats, TableStats]
    let bytes = 0
    for (const s of stats) bytes += (s.treeBranchPageCount + s.treeLeafPageCount + s.overflowPages) * s.pageSize
    return { records: records.entryCount, open: open.entryCount, bytes, readers: records.numReaders }
  }

  /** Sync points that could not be made. */
  get syncFaults(): number { return this.#points?.failed ?? 0 }

  /** Frees the slots of readers that died. */
  checkReaders(): void { this.#root.readerCheck() }

  async close(): Promise<void> {
    await this.#points?.close()
    await this.#root.close()
  }

  #openKeys(owner: string, limit: number): RecordKey[] {
    return [...this.#open.getKeys({ start: `${owner}|`, end: `${owner}}`, limit })]
      .map((place) => place.slice(owner.length + 1))
  }

  /** Throws what the disk said, not that it said something. */
  async #committed(writing: Promise<boolean>): Promise<boolean> {
    try {
      return await writing
    } catch (error) {
      throw await this.causeOf(error)
    }
  }

  /** Within a condition: these promises stand for nothing, what is awaited is that of the condition. */
  #write(key: RecordKey, before: Held | null, next: Held | null): void {
    if (next === null) void this.#records.remove(key)
    else void this.#records.put(key, encodeRecord(next), this.#version++)
    const [openBefore, openNext] = [openPlace(key, before), openPlace(key, next)]
    if (openBefore !== openNext) {
      if (openBefore !== null) void this.#open.remove(openBefore)
      if (openNext !== null) void this.#open.put(openNext, nothing)
    }
    const [endBefore, endNext] = [endPlace(key, before), endPlace(key, next)]
    if (endBefore === endNext) return
    if (endBefore !== null) void this.#ends.remove(endBefore)
    if (endNext !== null) void this.#ends.put(endNext, nothing)
  }
}

interface TableStats {
  readonly pageSize: number
  readonly entryCount: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
  readonly numReaders: number
}

/** A write that goes with a condition fails with it; the condition is what is awaited. */
function carried(writing: Promise<boolean>): void { writing.then(undefined, () => { /* See above. */ }) }

function openPlace(key: RecordKey, record: Held | null): string | null {
  if (record === null || record.stage.kind === 'done') return null
  return `${record.stage.kind === 'in-flight' ? record.owner : nobody}|${key}`
}

/** What is in flight ends with its owner, not by its time. */
function endPlace(key: RecordKey, record: Held | null): string | null {
  if (record === null || record.stage.kind === 'in-flight') return null
  return `${bucketText(bucketOf(record.expiresAtMs))}|${key}`
}

/** Of equal length, so that text sorts as numbers do. */
function bucketText(bucket: number): string { return bucket.toString(16).padStart(9, '0') }
