// Records in Redis or Valkey: the store that several replicas share. Each word is one script on one key, in the
// server's time; an owner counts as alive while it renews its lease. Its deadlines are those of the guarded store
// around it.

import type { Clock, Timer } from '../core/clock.ts'
import type { ClaimRequest, ClaimResult, ClaimToken, Decision, Doubt, DoubtReason, Lookup, Opened, RecordCounts,
  RecordKey, RecordStore, ResolveResult, StoredAnswer, StoreFault, TokenResult } from '../core/record-store.ts'
import { encodeAnswer } from './answer-codec.ts'
import { newOwnerName } from './owner-name.ts'
import { isFault } from './record-codec.ts'
import { Canaries } from './redis-canary.ts'
import { checkRedis } from './redis-checks.ts'
import type * as Link from './redis-link.ts'
import type { RedisLink, RedisOptions } from './redis-link.ts'
import { isLost, redisFault, toRecord } from './redis-replies.ts'
import { countRecords, doubtsOf, keysOf } from './redis-scan.ts'
import { claimScript, wordScript } from './redis-scripts.ts'
import type { SealKeys } from './sealing.ts'
import { operatorAnswer, operatorToken } from './seen-record.ts'
import { messageOf, storeFault } from './store-fault.ts'

export interface RedisStoreOptions extends RedisOptions {
  /** Before every key of ours. */
  readonly prefix: string
  /** A server that evicts, or forgets on a restart, is used all the same. */
  readonly acceptLoss: boolean
  readonly keys: SealKeys | null
  /** How many must have a claim before it counts, and how long to wait for them. Absent: nobody but the primary. */
  readonly replicas?: { readonly atLeast: number; readonly withinMs: number }
}

/** Between two looks at the server: whether it was flushed, or changed its settings. */
const checkEveryMs = 5_000

/** The client of a single server tries by itself; those of sentinels and clusters give up. */
const connectAgainMs = 1_000

export class RedisStore implements RecordStore {
  readonly kind = 'redis'
  readonly isShared = true
  readonly #clock: Clock
  readonly #options: RedisStoreOptions
  readonly #owner = newOwnerName().text
  #link: RedisLink | null = null
  /** The server's settings were seen, and are what they must be. */
  #verdict: StoreFault | null = notYet
  #notices: readonly string[] = []
  readonly #canaries: Canaries
  #lastError = ''
  #timer: Timer | null = null

  constructor(clock: Clock, options: RedisStoreOptions) {
    this.#clock = clock
    this.#options = options
    this.#canaries = new Canaries(options.prefix)
  }

  async open(): Promise<Opened> {
    let linkRedis: (typeof Link)['linkRedis']
    try {
      ({ linkRedis } = await import('./redis-link.ts'))
    } catch (error) {
      return storeFault('misconfigured', `Cannot load the Redis client: ${messageOf(error)}`)
    }
    const link = linkRedis(this.#options, (error) => { this.#lastError = messageOf(error) })
    this.#link = link
    this.#checkLater()
    const connected = this.#connect(link)
    const waited = new Promise<StoreFault>((resolve) => {
      this.#clock.after(this.#options.connectTimeoutMs, () => { resolve(this.#unavailable()) })
    })
    const fault = await Promise.race([connected, waited])
    return fault ?? { kind: 'opened', notices: this.#notices }
  }

  async lookup(key: RecordKey): Promise<Lookup> {
    const reply = await this.#run(claimScript, key, ['look', '', '', '', '', '0', '0', ''])
    if (isFault(reply)) return reply
    return reply[0]?.toString() === 'absent' ? { kind: 'absent' } : this.#record(key, reply)
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    const { key, token, fingerprint, credential, leaseMs, ttlMs, inDoubt } = request
    const reply = await this.#run(claimScript, key,
      ['claim', token, this.#owner, fingerprint, credential, String(leaseMs), String(Math.ceil(ttlMs)), inDoubt])
    if (isFault(reply)) return reply.reason === 'no-space' ? { kind: 'full' } : reply
    switch (reply[0]?.toString()) {
      case 'taken': {
        const taken = { kind: 'taken', generation: Number(reply[1]), createdAtMs: Number(reply[2]) } as const
        return await this.#unreplicated(key) ?? taken
      }
      case 'mismatch': return { kind: 'mismatch' }
      default: case undefined: return this.#record(key, reply)
    }
  }

  finish(key: RecordKey, token: ClaimToken, answer: StoredAnswer, ttlMs: number): Promise<TokenResult> {
    return this.#word(key, ['finish', token, encodeAnswer(key, answer, this.#options.keys), String(Math.ceil(ttlMs))])
  }

  release(key: RecordKey, token: ClaimToken): Promise<TokenResult> { return this.#word(key, ['release', token]) }

  doubt(key: RecordKey, token: ClaimToken, reason: DoubtReason): Promise<TokenResult> {
    return this.#word(key, ['doubt', token, reason])
  }

  renew(key: RecordKey, token: ClaimToken, leaseMs: number): Promise<TokenResult> {
    return this.#word(key, ['renew', token, String(leaseMs)])
  }

  async resolve(key: RecordKey, decision: Decision, ttlMs: number): Promise<ResolveResult> {
    const held = operatorAnswer(decision)
    const args = held.kind === 'executed'
      ? [held.kind, operatorToken(), encodeAnswer(key, held.answer, this.#options.keys), String(Math.ceil(ttlMs))]
      : [held.kind, operatorToken()]
    const reply = await this.#run(wordScript, key, args)
    return isFault(reply) ? reply : { kind: String(reply[0]) as 'resolved' | 'in-flight' | 'done' | 'gone' }
  }

  purge(scope: string): Promise<{ readonly kind: 'purged'; readonly count: number } | StoreFault> {
    return this.#guard(async (link) => {
      let count = 0
      for await (const page of keysOf(link, this.#options.prefix, scope)) {
        const replies = await Promise.all(page.map((key) => this.#run(wordScript, key, ['drop', ''])))
        const fault = replies.find((reply) => isFault(reply))
        if (fault !== undefined) return fault
        count += replies.filter((reply) => !isFault(reply) && String(reply[0]) === 'resolved').length
      }
      return { kind: 'purged', count }
    })
  }

  counts(): Promise<RecordCounts | StoreFault> {
    return this.#guard((link) => countRecords(link, this.#options.prefix))
  }

  doubts(limit: number): Promise<{ readonly kind: 'doubts'; readonly list: readonly Doubt[] } | StoreFault> {
    return this.#guard((link) => doubtsOf(link, this.#options.prefix, limit, (key) => this.lookup(key)))
  }

  /** The server drops by itself what is over. */
  sweep(): { readonly kind: 'swept'; readonly count: number } { return { kind: 'swept', count: 0 } }

  async ping(): Promise<{ readonly kind: 'up' } | StoreFault> { return await this.#check() ?? { kind: 'up' } }

  inspect(): Record<string, number | string> {
    return {
      connected: this.#link?.isReady === true ? 1 : 0, owner: this.#owner,
      stateLosses: this.#canaries.losses, lastError: this.#lastError,
    }
  }

  close(): Promise<void> {
    this.#timer?.clear()
    this.#timer = null
    this.#verdict = notYet
    this.#link?.close()
    this.#link = null
    return Promise.resolve()
  }

  #record(key: RecordKey, reply: readonly Buffer[]): ReturnType<typeof toRecord> {
    return toRecord(key, reply, this.#owner, this.#options.keys)
  }

  async #word(key: RecordKey, args: readonly (string | Buffer)[]): Promise<TokenResult> {
    const reply = await this.#run(wordScript, key, args)
    return isFault(reply) ? reply : { kind: String(reply[0]) as 'stored' | 'already' | 'fenced' | 'gone' }
  }

  #run(
    script: typeof claimScript, key: RecordKey, args: readonly (string | Buffer)[],
  ): Promise<readonly Buffer[] | StoreFault> {
    return this.#guard(async (link) => {
      const reply = await link.run(script, this.#nameOf(key), args) as readonly Buffer[]
      return isLost(reply) ?? reply
    })
  }

  /** Why a claim may not be acted upon: a failover would forget it. It is given back like any that was not answered. */
  async #unreplicated(key: RecordKey): Promise<StoreFault | null> {
    const { atLeast, withinMs } = this.#options.replicas ?? nobodyElse
    if (atLeast === 0) return null
    const count = await this.#guard((link) => link.replicated(this.#nameOf(key), atLeast, withinMs))
    if (typeof count !== 'number') return count
    return count >= atLeast ? null
      : storeFault('unavailable', `Only ${count} of ${atLeast} replicas had a claim within ${withinMs} ms`)
  }

  #nameOf(key: RecordKey): string { return `${this.#options.prefix}{${key}}` }

  async #guard<T>(act: (link: RedisLink) => Promise<T>): Promise<T | StoreFault> {
    const link = this.#link
    if (link === null || !link.isReady) return this.#unavailable()
    if (this.#verdict !== null) return this.#verdict
    try {
      return await act(link)
    } catch (error) {
      return redisFault(error)
    }
  }

  #unavailable(): StoreFault {
    return storeFault('unavailable', `No connection to Redis${this.#lastError === '' ? '' : `: ${this.#lastError}`}`)
  }

  /** Looks at the settings of the servers and at the canaries. Null: all is well. Never rejects. */
  async #check(): Promise<StoreFault | null> {
    const link = this.#link
    if (link === null || !link.isReady) return this.#unavailable()
    try {
      const primaries = await link.primaries()
      const { fault, notices, reached } = await checkRedis(primaries, this.#options.acceptLoss)
      this.#verdict = fault
      this.#notices = notices
      if (fault === null) await this.#canaries.look(reached)
      return fault
    } catch (error) {
      return redisFault(error)
    }
  }

  /** Until the store is closed: a server that is away is no reason to stop asking. Never rejects. */
  async #connect(link: RedisLink): Promise<StoreFault | null> {
    while (this.#link === link) {
      try {
        await link.connect()
        return await this.#check()
      } catch (error) {
        this.#lastError = messageOf(error)
        const fault = redisFault(error)
        if (fault.reason !== 'unavailable') return fault
        await new Promise<void>((resolve) => { this.#clock.after(connectAgainMs, resolve) })
      }
    }
    return notYet
  }

  #checkLater(): void {
    this.#timer = this.#clock.after(checkEveryMs, () => {
      // Before its end: one that hangs is not the last.
      this.#checkLater()
      void this.#check()
    })
  }
}

const nobodyElse = { atLeast: 0, withinMs: 0 }
const notYet = storeFault('unavailable', 'The store is not open')
