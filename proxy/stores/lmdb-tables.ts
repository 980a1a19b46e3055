// The tables of the embedded store, and writing to them: claims, which are in flight; records, which were; which of
// those are in doubt; and what ends when. A change is one native compare-and-set that carries the rest along, so it is
// atomic between processes, and many share one commit. A commit writes every page that it touched: so claims are a
// small table of their own, and what ends stands in the order in which it was written.

import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import type * as Lmdb from 'lmdb'
import type { Database, RootDatabase } from 'lmdb'
import type { HeldRecord } from '../algorithms/idempotency-record.ts'
import type { Clock } from '../core/clock.ts'
import type { RecordKey, StoreFault } from '../core/record-store.ts'
import { causeOf } from './commit-cause.ts'
import { openDatabase } from './lmdb-opening.ts'
import { endOfDue, endPlace } from './lmdb-places.ts'
import type { SyncPoints } from './lmdb-sync-points.ts'
import { decodeRecord, encodeRecord, isFault } from './record-codec.ts'
import { SharedCommits } from './shared-commits.ts'
import type { Write } from './shared-commits.ts'
import { messageOf, storeFault } from './store-fault.ts'

export type Held = HeldRecord<Buffer>
/** A record as read, with the version that a change of it must name. */
export interface Entry { readonly record: Held; readonly version: number }

type Table = Database<Buffer, string>

const nothing = Buffer.alloc(0)

export class LmdbTables {
  /** A change counts only when it is on the disk. */
  readonly isFlushed: boolean
  readonly #root: RootDatabase<Buffer, string>
  /** In flight, by key. A key stands here or among the records, never in both. */
  readonly #claims: Table
  /** In doubt or done, by key. */
  readonly #records: Table
  /** Keys of records that are in doubt. */
  readonly #doubts: Table
  /** Keys of records, by when they end and by version. */
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
    this.#claims = root.openDB('claims', { useVersions: true, encoding: 'binary' })
    this.#records = root.openDB('records', { useVersions: true, encoding: 'binary' })
    this.#doubts = root.openDB('doubts', { encoding: 'binary' })
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
        // An index of the layout before this one.
        if ([...root.getKeys()].includes('open')) {
          throw new Error('an earlier Seawall wrote it, in a layout that is not read any more')
        }
        const tables = new LmdbTables(clock, root, isFlushed)
        tables.#points = await guard(clock)
        return tables
      } catch (error) {
        await root.close()
        throw error
      }
    } catch (error) {
      return storeFault('misconfigured',
        `${path} cannot be used: ${messageOf(error)}; let this user write there, or name another "path"`)
    }
  }

  /** Null: there is none. */
  read(key: RecordKey): Entry | StoreFault | null {
    const entry = this.#claims.getEntry(key) ?? this.#records.getEntry(key)
    if (entry === undefined) return null
    const record = decodeRecord(entry.value)
    return isFault(record) ? record : { record, version: entry.version ?? 0 }
  }

  /** A record as it is to be written. */
  entryOf(record: Held): Entry { return { record, version: this.#version++ } }

  /** What others committed since this turn of the loop began becomes visible. */
  refresh(): void { this.#root.resetReadTxn() }

  /** Puts `next` (null: nothing) in the place of `before` (null: nothing); false when that is not there any more. */
  async change(key: RecordKey, before: Entry | null, next: Held | null): Promise<boolean> {
    const after = next && this.entryOf(next)
    const isDone = await this.#committed(new Promise((resolve, reject) => {
      this.commit({ write: () => this.write(key, before, after), committed: resolve, failed: reject })
    }))
    if (isDone) await this.settled()
    return isDone
  }

  /** The same in parts, for those who write often: hands a change to a commit, which calls its `write` now or later. */
  commit(change: Write): void { this.#commits.add(change) }

  /** Within the `write` of a change; the promise is that of the commit. */
  write(key: RecordKey, before: Entry | null, next: Entry | null): Promise<boolean> {
    if (before === null) return this.#writeNew(key, next)
    return this.#homeOf(before.record).ifVersion(key, before.version, () => {
      this.#remove(key, before)
      if (next !== null) this.#put(key, next)
    })
  }

  /** Resolves when everything committed so far is on the disk, where that was asked for. */
  async settled(): Promise<void> { if (this.isFlushed) await this.#root.flushed }

  /** What the disk said, not that it said something. */
  causeOf(error: unknown): Promise<unknown> { return causeOf(this.#clock, error) }

  /** Up to `limit` records in flight, dead or alive, behind the key `after` (the last one seen, or empty). */
  inFlight(after: RecordKey, limit: number): { readonly key: RecordKey; readonly record: Held | StoreFault }[] {
    return [...this.#claims.getRange({ start: after === '' ? '' : behind(after), limit })]
      .map(({ key, value }) => ({ key, record: decodeRecord(value) }))
  }

  /** Up to `limit` keys in doubt. */
  inDoubt(limit: number): RecordKey[] { return [...this.#doubts.getKeys({ limit })] }

  /** Keys whose bucket of time is over at `nowMs`, with the name of the place they stand in. */
  due(nowMs: number, limit: number): { readonly key: RecordKey; readonly place: string }[] {
    return [...this.#ends.getRange({ start: '', end: endOfDue(nowMs), limit })]
      .map(({ key: place, value }) => ({ key: value.toString('latin1'), place }))
  }

  /** Drops a place that says nothing any more: its record is gone, or ends later. */
  async unlist(place: string): Promise<void> { await this.#committed(this.#ends.remove(place)) }

  /** Drops what cannot be read, with the place it stands in. */
  async dropUnreadable(key: RecordKey, place: string | null): Promise<void> {
    const table = this.#claims.doesExist(key) ? this.#claims : this.#records
    await this.#committed(table.ifVersion(key, table.getEntry(key)?.version ?? 0, () => {
      void table.remove(key)
      void this.#doubts.remove(key)
      if (place !== null) void this.#ends.remove(place)
    }))
  }

  /** Up to `limit` keys of a scope, behind `after` (the last one seen, or empty). */
  keysOf(scope: string, after: string, limit: number): RecordKey[] {
    const range = { start: after === '' ? `${scope}:` : behind(after), end: `${scope};`, limit }
    return [...this.#records.getKeys(range), ...this.#claims.getKeys(range)].toSorted().slice(0, limit)
  }

  figures(): TableFigures {
    const stats = [this.#claims, this.#records, this.#doubts, this.#ends]
      .map((table) => table.getStats() as TableStats)
    const [claims, records, doubts] = stats as [TableStats, TableStats, TableStats]
    let bytes = 0
    for (const s of stats) bytes += (s.treeBranchPageCount + s.treeLeafPageCount + s.overflowPages) * s.pageSize
    return {
      inFlight: claims.entryCount, unknown: doubts.entryCount, done: records.entryCount - doubts.entryCount,
      bytes, readers: records.numReaders,
    }
  }

  /** Sync points that could not be made. */
  get syncFaults(): number { return this.#points?.failed ?? 0 }

  /** Frees the slots of readers that died. */
  checkReaders(): void { this.#root.readerCheck() }

  async close(): Promise<void> {
    await this.#points?.close()
    await this.#root.close()
  }

  /** Throws what the disk said, not that it said something. */
  async #committed(writing: Promise<boolean>): Promise<boolean> {
    try {
      return await writing
    } catch (error) {
      throw await this.causeOf(error)
    }
  }

  #homeOf(record: Held): Table { return record.stage.kind === 'in-flight' ? this.#claims : this.#records }

  /** Only where it is in neither table. Of two conditions the inner one tells the truth only where the outer held. */
  #writeNew(key: RecordKey, next: Entry | null): Promise<boolean> {
    let isFree = false
    let claiming!: Promise<boolean>
    // What comes of the outer one is told before what comes of the inner one, and fails with it.
    this.#records.ifNoExists(key, () => {
      claiming = this.#claims.ifNoExists(key, () => { if (next !== null) this.#put(key, next) })
    }).then((isUnknown) => { isFree = isUnknown }, () => { /* See above. */ })
    return claiming.then((isUnclaimed) => isFree && isUnclaimed)
  }

  /** Within a condition, as the next: these promises stand for nothing, what is awaited is that of the condition. */
  #remove(key: RecordKey, { record, version }: Entry): void {
    const { kind } = record.stage
    void this.#homeOf(record).remove(key)
    if (kind === 'in-flight') return
    void this.#ends.remove(endPlace(record.expiresAtMs, version))
    if (kind === 'unknown') void this.#doubts.remove(key)
  }

  #put(key: RecordKey, { record, version }: Entry): void {
    const { kind } = record.stage
    void this.#homeOf(record).put(key, encodeRecord(record), version)
    // What is in flight ends with its owner, not by its time.
    if (kind === 'in-flight') return
    void this.#ends.put(endPlace(record.expiresAtMs, version), Buffer.from(key, 'latin1'))
    if (kind === 'unknown') void this.#doubts.put(key, nothing)
  }
}

export interface TableFigures {
  readonly inFlight: number
  readonly unknown: number
  readonly done: number
  /** Of pages in use. */
  readonly bytes: number
  readonly readers: number
}

interface TableStats {
  readonly pageSize: number
  readonly entryCount: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
  readonly numReaders: number
}

/** The first key behind another. */
function behind(key: RecordKey): string { return `${key}\u0001` }
