// HOT PATH — runs twice for every key. Rules: docs/decisions/0004.
// One word to the embedded store on its way: reads the record, decides, and writes, until nobody came between. What its
// process knows already it takes instead of the first read, as the write names it all the same. One object and one
// promise, because what a key costs is for a good part the garbage of its words. It knows no answers.

import { asSeen } from '../algorithms/idempotency-record.ts'
import type { Change } from '../algorithms/idempotency-record.ts'
import type { RecordKey, Soon, StoreFault } from '../core/record-store.ts'
import type { KnownRecords } from './known-records.ts'
import { faultOf } from './lmdb-keeping.ts'
import type { Entry, Held, LmdbTables } from './lmdb-tables.ts'
import { isFault } from './record-codec.ts'
import type { Write } from './shared-commits.ts'
import type { SteadyWall } from './steady-wall.ts'
import { storeFault } from './store-fault.ts'

/** What the words of one store stand on. */
export interface WordGround {
  readonly tables: LmdbTables
  readonly wall: SteadyWall
  readonly known: KnownRecords
  /** Null: there is none. */
  read(key: RecordKey): Entry | StoreFault | null
  isOwnerGone(entry: Entry): Soon<boolean>
}

/** A change that was overtaken is decided anew; more often than this it never is, outside of a defect. */
const maxTries = 16

export class LmdbWord<Said extends string, Told> implements Write {
  readonly #ground: WordGround
  readonly #key: RecordKey
  readonly #decide: (record: Held | null) => Change<Buffer, Said>
  readonly #tell: (said: Said, record: Held | null) => Told
  readonly #resolve: (told: Told | StoreFault) => void
  #tries = 0
  /** Undefined: to be read. */
  #believed: Entry | null | undefined
  #entry: Entry | null = null
  #change: Change<Buffer, Said> | null = null
  #next: Entry | null = null

  private constructor(
    ground: WordGround, key: RecordKey, decide: (record: Held | null) => Change<Buffer, Said>,
    tell: (said: Said, record: Held | null) => Told, resolve: (told: Told | StoreFault) => void,
    believed: Entry | null | undefined,
  ) {
    this.#ground = ground
    this.#key = key
    this.#decide = decide
    this.#tell = tell
    this.#resolve = resolve
    this.#believed = believed
  }

  /**
   * Never rejects. `tell` is given what was decided, and the record after it. `believed` is what stands there as far as
   * is known without a read.
   */
  static say<Said extends string, Told>(
    ground: WordGround, key: RecordKey, decide: (record: Held | null) => Change<Buffer, Said>,
    tell: (said: Said, record: Held | null) => Told, believed?: Entry | null,
  ): Promise<Told | StoreFault> {
    return new Promise((resolve) => { new LmdbWord(ground, key, decide, tell, resolve, believed).#try() })
  }

  // Write
  write(): Promise<boolean> {
    return this.#ground.tables.write(this.#key, this.#entry, this.#next)
  }

  committed(isDone: boolean): void {
    const { known, tables } = this.#ground
    if (isDone) {
      known.changed(this.#key, this.#next)
      return this.#settle(this.#next?.record ?? null)
    }
    tables.refresh()
    this.#believed = undefined
    this.#try()
  }

  failed(error: unknown): void {
    void this.#ground.tables.causeOf(error).then((cause) => { this.#resolve(faultOf(cause)) })
  }

  #try(): void {
    if (this.#tries++ === maxTries) {
      const seen = `it was changed by others ${maxTries} times over`
      return this.#resolve(storeFault('unavailable', `Cannot change a record: ${seen}`))
    }
    try {
      const entry = this.#believed === undefined ? this.#ground.read(this.#key) : this.#believed
      if (entry !== null && isFault(entry)) return this.#resolve(entry)
      this.#entry = entry
      const isGone = entry !== null && this.#ground.isOwnerGone(entry)
      if (!(isGone instanceof Promise)) return this.#go(isGone)
      isGone.then((it) => { this.#go(it) }).catch((error: unknown) => { this.#resolve(faultOf(error)) })
    } catch (error) {
      this.#resolve(faultOf(error))
    }
  }

  #go(isOwnerGone: boolean): void {
    const { tables, wall } = this.#ground
    const seen = asSeen(this.#entry?.record ?? null, wall.now(), isOwnerGone)
    this.#change = this.#decide(seen)
    const { next } = this.#change
    if (next === undefined) return this.#keepsAll(seen)
    this.#next = next === null ? null : tables.entryOf(next)
    tables.commit(this)
  }

  /** Nothing is to be written. No commit will show whether a belief is true, so it is looked at. */
  #keepsAll(seen: Held | null): void {
    // What it stands on may have been committed a moment ago, and is not on the disk yet.
    if (this.#believed === undefined) return this.#settle(seen)
    this.#believed = undefined
    this.#try()
  }

  #settle(record: Held | null): void {
    const { tables } = this.#ground
    if (!tables.isFlushed) return this.#say(record)
    tables.settled().then(() => { this.#say(record) }, (error: unknown) => { this.#resolve(faultOf(error)) })
  }

  #say(record: Held | null): void {
    try {
      this.#resolve(this.#tell((this.#change as Change<Buffer, Said>).say, record))
    } catch (error) {
      this.#resolve(faultOf(error))
    }
  }
}
