// What keeps the embedded store in order beside the requests: the records of dead owners become doubts, what is over
// goes, a scope is purged, records are counted. Every step is bounded; the writer's lock is shared with the requests.

import { asSeen, lost } from '../algorithms/idempotency-record.ts'
import type { Clock } from '../core/clock.ts'
import type { RecordCounts, RecordKey, StoreFault } from '../core/record-store.ts'
import type { LmdbTables } from './lmdb-tables.ts'
import type { OwnerLock } from './owner-lock.ts'
import { isFault } from './record-codec.ts'
import type { SteadyWall } from './steady-wall.ts'
import { messageOf, storeFault } from './store-fault.ts'

export const sweepEveryMs = 1_000

/** Records a sweep drops at most: a commit of some milliseconds. */
const sweepLimit = 500

/** Looks at owners and readers every so many sweeps; a watched owner's death is seen at once anyway. */
const recoverEvery = 10

export class LmdbKeeping {
  readonly #clock: Clock
  readonly #tables: LmdbTables
  readonly #owners: OwnerLock
  readonly #wall: SteadyWall
  #sweeps = 0
  #swept = 0
  #recovered = 0
  #unreadable = 0

  constructor(clock: Clock, tables: LmdbTables, owners: OwnerLock, wall: SteadyWall) {
    this.#clock = clock
    this.#tables = tables
    this.#owners = owners
    this.#wall = wall
  }

  /** A living owner with our process id from another namespace: the database locks by that number and would break. */
  async findClash(): Promise<StoreFault | null> {
    const { pid, space } = this.#owners.name
    for (const other of this.#owners.others()) {
      if (other.pid !== pid || other.space === space || await this.#owners.isGone(other.text)) continue
      return storeFault('misconfigured', `Cannot share this store: another container uses it, and its `
        + `process has the same id (${pid}). Containers that share a store must share a PID namespace, or use redis.`)
    }
    return null
  }

  /** Writes down as doubts what dead owners had in flight, and takes their sockets away. Never rejects. */
  async recover(): Promise<void> {
    try {
      const left = await this.#recoverClaims()
      for (const { text } of this.#owners.others()) {
        if (!left.has(text) && await this.#owners.isGone(text)) this.#owners.tidy(text)
      }
    } catch {
      // Closed meanwhile, or the disk is full. The records read as unknown all the same; the next round tries again.
    }
  }

  /** Drops what is over, a bounded number. */
  async sweep(): Promise<{ readonly kind: 'swept'; readonly count: number }> {
    if (this.#sweeps++ % recoverEvery === 0) {
      this.#tables.checkReaders()
      await this.recover()
    }
    const dropped = await Promise.all(
      this.#tables.due(this.#wall.now(), sweepLimit).map(({ key, place }) => this.#dropDue(key, place)))
    const count = dropped.filter(Boolean).length
    this.#swept += count
    return { kind: 'swept', count }
  }

  /** Drops a scope's records that nobody works on. */
  async purge(scope: string): Promise<{ readonly kind: 'purged'; readonly count: number }> {
    let count = 0
    let after = ''
    for (;;) {
      this.#tables.refresh()
      const keys = this.#tables.keysOf(scope, after, sweepLimit)
      const last = keys.at(-1)
      if (last === undefined) return { kind: 'purged', count }
      const dropped = await Promise.all(keys.map((key) => this.#dropIdle(key)))
      count += dropped.filter(Boolean).length
      after = last
    }
  }

  counts(): RecordCounts {
    const { done, inFlight, unknown } = this.#tables.figures()
    return { kind: 'counts', done, inFlight, unknown, isEstimate: false }
  }

  /** Goes through the writer's lock, which another process might be holding on to. */
  async touch(): Promise<{ readonly kind: 'up' }> {
    await this.#tables.unlist('0')
    return { kind: 'up' }
  }

  bytes(): number { return this.#tables.figures().bytes }

  inspect(): Record<string, number> {
    const { done, inFlight, unknown, bytes, readers } = this.#tables.figures()
    return {
      records: done + inFlight + unknown, open: inFlight + unknown, usedBytes: bytes, readers,
      sweptTotal: this.#swept, recoveredTotal: this.#recovered, unreadableTotal: this.#unreadable,
      syncFaultsTotal: this.#tables.syncFaults,
    }
  }

  /** Goes through all that is in flight, a bounded number at a time; the owners whose claims are still there. */
  async #recoverClaims(): Promise<Set<string>> {
    const left = new Set<string>()
    let after = ''
    for (;;) {
      this.#tables.refresh()
      const claims = this.#tables.inFlight(after, sweepLimit)
      const last = claims.at(-1)
      if (last === undefined) return left
      const moved = await Promise.all(claims.map(async ({ key, record }) => {
        if (isFault(record)) return this.#isUnreadable(record) && false
        const isMoved = await this.#owners.isGone(record.owner) && await this.#recoverKey(record.owner, key)
        if (!isMoved) left.add(record.owner)
        return isMoved
      }))
      this.#recovered += moved.filter(Boolean).length
      after = last.key
      await new Promise<void>((resolve) => { this.#clock.endOfTurn(resolve) })
    }
  }

  async #recoverKey(owner: string, key: RecordKey): Promise<boolean> {
    const entry = this.#tables.read(key)
    if (entry === null || this.#isUnreadable(entry)) return false
    if (entry.record.stage.kind !== 'in-flight' || entry.record.owner !== owner) return false
    return this.#tables.change(key, entry, lost(entry.record))
  }

  async #dropDue(key: RecordKey, place: string): Promise<boolean> {
    const entry = this.#tables.read(key)
    if (entry !== null && this.#isUnreadable(entry)) return this.#dropCorrupt(key, place, entry)
    if (entry === null || asSeen(entry.record, this.#wall.now(), false) !== null) {
      await this.#tables.unlist(place)
      return false
    }
    return this.#tables.change(key, entry, null)
  }

  async #dropIdle(key: RecordKey): Promise<boolean> {
    const entry = this.#tables.read(key)
    if (entry === null) return false
    if (this.#isUnreadable(entry)) return this.#dropCorrupt(key, null, entry)
    const { stage, owner } = entry.record
    if (stage.kind === 'in-flight' && !await this.#owners.isGone(owner)) return false
    return this.#tables.change(key, entry, null)
  }

  /** Its place knew when it was over; before that it answers with a fault. What a later version wrote is not ours. */
  async #dropCorrupt(key: RecordKey, place: string | null, fault: StoreFault): Promise<boolean> {
    if (fault.reason !== 'corrupt') return false
    await this.#tables.dropUnreadable(key, place)
    return true
  }

  #isUnreadable(entry: Exclude<ReturnType<LmdbTables['read']>, null>): entry is StoreFault {
    if (!isFault(entry)) return false
    this.#unreadable++
    return true
  }
}

/** What the database threw, as a fault. A full disk refuses the commit and leaves what was committed before. */
export function faultOf(error: unknown): StoreFault {
  const message = messageOf(error)
  return /no space|ENOSPC|MAP_FULL|mapsize|EDQUOT|quota/i.test(message)
    ? storeFault('no-space', `Cannot write to the store: ${message}`)
    : storeFault('unavailable', `Cannot use the store: ${message}`)
}
