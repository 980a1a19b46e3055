// Records in an embedded database beside the process: the default. Several processes of one host may use it, and it
// survives kill -9 of any of them (with `disk` also the loss of power). It needs no lease: an owner holds a lock while
// it lives. It does not reach other machines.

import { join } from 'node:path'
import { asSeen, decideClaim, decideDoubt, decideFinish, decideRelease, decideRenew, decideResolve }
  from '../algorithms/idempotency-record.ts'
import type { Change, TokenWord } from '../algorithms/idempotency-record.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { ClaimRequest, ClaimResult, ClaimToken, Decision, Doubt, DoubtReason, Lookup, Opened, RecordCounts,
  RecordKey, RecordStore, ResolveResult, Soon, StoredAnswer, StoreFault, TokenResult } from '../core/record-store.ts'
import { decodeAnswer, encodeAnswer } from './answer-codec.ts'
import { KnownRecords } from './known-records.ts'
import { faultOf, LmdbKeeping, sweepEveryMs } from './lmdb-keeping.ts'
import { LmdbTables } from './lmdb-tables.ts'
import type { Entry, Held } from './lmdb-tables.ts'
import { LmdbWord } from './lmdb-word.ts'
import type { WordGround } from './lmdb-word.ts'
import { OwnerLock } from './owner-lock.ts'
import { isFault } from './record-codec.ts'
import type { SealKeys } from './sealing.ts'
import { operatorAnswer, operatorToken, toSeen } from './seen-record.ts'
import { SteadyWall } from './steady-wall.ts'
import { messageOf, storeFault } from './store-fault.ts'

export interface LmdbStoreOptions {
  /** A folder on a local disk; made where it is missing, for this user alone. */
  readonly path: string
  /** `process`: a word is kept when the process dies · `disk`: when the machine does, at the price of a flush. */
  readonly durability: 'process' | 'disk'
  /** Bytes of pages in use beyond which new keys are answered `full`. */
  readonly maxBytes: number
  /** Null: answers are stored as they are. */
  readonly keys: SealKeys | null
}

type ClaimSaid = 'taken' | 'mismatch' | 'held' | 'full'
type ResolveSaid = Exclude<ResolveResult, StoreFault>['kind']

const results: { readonly [Said in TokenWord]: TokenResult } = {
  stored: { kind: 'stored' }, already: { kind: 'already' }, fenced: { kind: 'fenced' }, gone: { kind: 'gone' },
}
const told = (said: TokenWord): TokenResult => results[said]

export class LmdbStore implements RecordStore {
  readonly kind = 'lmdb'
  readonly isShared = false
  fill = 0
  readonly #clock: Clock
  readonly #options: LmdbStoreOptions
  readonly #wall: SteadyWall
  #tables!: LmdbTables
  #owners!: OwnerLock
  #keeping!: LmdbKeeping
  #ground!: WordGround
  readonly #known = new KnownRecords()
  #timer: Timer | null = null
  #isOpen = false

  constructor(clock: Clock, options: LmdbStoreOptions) {
    this.#clock = clock
    this.#options = options
    this.#wall = new SteadyWall(clock)
  }

  async open(): Promise<Opened> {
    const { path, durability } = this.#options
    const tables = await LmdbTables.open(this.#clock, path, durability === 'disk')
    if (isFault(tables)) return tables
    const owners = await OwnerLock.take(this.#clock, join(path, 'owners'), () => { void this.#keeping.recover() })
    if (isFault(owners)) { await tables.close(); return owners }
    this.#tables = tables
    this.#owners = owners
    this.#keeping = new LmdbKeeping(this.#clock, tables, owners, this.#wall)
    this.#ground = {
      tables, wall: this.#wall, known: this.#known,
      read: (key) => this.#read(key), isOwnerGone: (entry) => this.#isOwnerGone(entry),
    }
    const clash = await this.#keeping.findClash()
    if (clash !== null) { await this.#shut(); return clash }
    this.#isOpen = true
    await this.#keeping.recover()
    this.#keepLater()
    return { kind: 'opened', notices: [] }
  }

  lookup(key: RecordKey): Soon<Lookup> {
    const entry = this.#read(key)
    if (entry === null) {
      this.#known.missed(key)
      return { kind: 'absent' }
    }
    if (isFault(entry)) return entry
    const isGone = this.#isOwnerGone(entry)
    return isGone instanceof Promise
      ? isGone.then((it) => this.#look(key, entry, it))
      : this.#look(key, entry, isGone)
  }

  claim(request: ClaimRequest): Promise<ClaimResult> {
    return this.#say<ClaimSaid, ClaimResult>(request.key, (record) => this.#decideClaim(record, request),
      (said, record) => this.#tellClaim(request.key, said, record), this.#known.beforeClaim(request.key))
  }

  finish(key: RecordKey, token: ClaimToken, answer: StoredAnswer, ttlMs: number): Promise<TokenResult> {
    let bytes: Buffer | null = null
    return this.#say(key, (record) => {
      bytes ??= encodeAnswer(key, answer, this.#options.keys)
      return decideFinish(record, token, bytes, ttlMs, this.#wall.now())
    }, told, this.#known.claimOf(key, token))
  }

  release(key: RecordKey, token: ClaimToken): Promise<TokenResult> {
    return this.#say(key, (record) => decideRelease(record, token), told, this.#known.claimOf(key, token))
  }

  doubt(key: RecordKey, token: ClaimToken, reason: DoubtReason): Promise<TokenResult> {
    return this.#say(key, (record) => decideDoubt(record, token, reason), told, this.#known.claimOf(key, token))
  }

  /** Nothing is written: the owner's lock is its lease. */
  renew(key: RecordKey, token: ClaimToken): TokenResult {
    const entry = this.#read(key)
    if (entry !== null && isFault(entry)) return entry
    return { kind: decideRenew(entry?.record ?? null, token).say }
  }

  async resolve(key: RecordKey, decision: Decision, ttlMs: number): Promise<ResolveResult> {
    const held = operatorAnswer(decision)
    const stored = held.kind === 'executed'
      ? { kind: held.kind, answer: encodeAnswer(key, held.answer, this.#options.keys) }
      : held
    return this.#say<ResolveSaid, ResolveResult>(key, (record) =>
      decideResolve(record, stored, operatorToken(), ttlMs, this.#wall.now()), (kind) => ({ kind }))
  }

  purge(scope: string): Promise<{ readonly kind: 'purged'; readonly count: number } | StoreFault> {
    return this.#guard(() => this.#keeping.purge(scope))
  }

  counts(): RecordCounts | StoreFault { return this.#isOpen ? this.#keeping.counts() : notOpen }

  doubts(limit: number): Promise<{ readonly kind: 'doubts'; readonly list: readonly Doubt[] } | StoreFault> {
    return this.#guard(async () => {
      await this.#keeping.recover()
      const list: Doubt[] = []
      for (const key of this.#tables.inDoubt(limit)) {
        const record = await this.lookup(key)
        if (record.kind === 'unknown') list.push({ key, record })
      }
      return { kind: 'doubts', list }
    })
  }

  sweep(): Promise<{ readonly kind: 'swept'; readonly count: number } | StoreFault> {
    return this.#guard(() => this.#keeping.sweep())
  }

  ping(): Promise<{ readonly kind: 'up' } | StoreFault> {
    return this.#guard(() => this.#keeping.touch())
  }

  inspect(): Record<string, number | string> {
    if (!this.#isOpen) return {}
    return { ...this.#keeping.inspect(), owner: this.#owners.name.text, clockJumps: this.#wall.jumps }
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#timer?.clear()
    await this.#shut()
  }

  async #shut(): Promise<void> {
    await this.#owners.close()
    await this.#tables.close()
  }

  #read(key: RecordKey): Entry | StoreFault | null {
    if (!this.#isOpen) return notOpen
    try {
      return this.#tables.read(key)
    } catch (error) {
      return storeFault('unavailable', `Cannot read a record: ${messageOf(error)}`)
    }
  }

  #isOwnerGone({ record }: Entry): Soon<boolean> {
    return record.stage.kind === 'in-flight' && this.#owners.isGone(record.owner)
  }

  #look(key: RecordKey, { record }: Entry, isGone: boolean): Lookup {
    const seen = asSeen(record, this.#wall.now(), isGone)
    return seen === null ? { kind: 'absent' } : this.#show(key, seen)
  }

  #show(key: RecordKey, record: Held): Exclude<Lookup, { kind: 'absent' }> {
    const isOwn = record.owner === this.#owners.name.text
    const { stage } = record
    if (stage.kind !== 'done') return toSeen({ ...record, stage }, { isOwn, leaseLeftMs: Infinity })
    const answer = decodeAnswer(key, stage.answer, this.#options.keys)
    return isFault(answer) ? answer : toSeen({ ...record, stage: { ...stage, answer } }, { isOwn, leaseLeftMs: 0 })
  }

  #decideClaim(record: Held | null, request: ClaimRequest): Change<Buffer, ClaimSaid> {
    return record === null && this.fill > 1
      ? { say: 'full', next: undefined }
      : decideClaim(record, request, this.#owners.name.text, this.#wall.now())
  }

  #tellClaim(key: RecordKey, said: ClaimSaid, record: Held | null): ClaimResult {
    if (record === null || said === 'full') return { kind: 'full' }
    if (said === 'mismatch') return { kind: said }
    return said === 'taken'
      ? { kind: said, generation: record.generation, createdAtMs: record.createdAtMs }
      : this.#show(key, record)
  }

  #say<Said extends string, Told>(
    key: RecordKey, decide: (record: Held | null) => Change<Buffer, Said>,
    tell: (said: Said, record: Held | null) => Told, believed?: Entry | null,
  ): Promise<Told | StoreFault> {
    return this.#isOpen ? LmdbWord.say(this.#ground, key, decide, tell, believed) : Promise.resolve(notOpen)
  }

  async #guard<T>(act: () => Promise<T>): Promise<T | StoreFault> {
    if (!this.#isOpen) return notOpen
    try {
      return await act()
    } catch (error) {
      return faultOf(error)
    }
  }

  #keepLater(): void {
    this.#timer = this.#clock.after(sweepEveryMs, () => { void this.#keep() })
  }

  async #keep(): Promise<void> {
    this.#wall.check()
    this.fill = this.#keeping.bytes() / this.#options.maxBytes
    await this.sweep()
    if (this.#isOpen) this.#keepLater()
  }
}

const notOpen = storeFault('unavailable', 'The store is not open')
