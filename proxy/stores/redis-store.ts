// Records in Redis or Valkey: the store that several replicas share. Each word is one script on one key, in the
// server's time; an owner counts as alive while it renews its lease. Its deadlines are those of the guarded store
// around it.

import type { Clock } from '../core/clock.ts'
import type { ClaimRequest, ClaimResult, ClaimToken, Decision, Doubt, DoubtReason, Lookup, Opened, RecordCounts,
  RecordKey, RecordStore, ResolveResult, StoredAnswer, StoreFault, TokenResult } from '../core/record-store.ts'
import { encodeAnswer } from './answer-codec.ts'
import { newOwnerName } from './owner-name.ts'
import { isFault } from './record-codec.ts'
import type * as Link from './redis-link.ts'
import type { RedisLink, RedisOptions } from './redis-link.ts'
import { isLost, redisFault, toRecord } from './redis-replies.ts'
import { countRecords, doubtsOf, keysOf } from './redis-scan.ts'
import { claimScript, wordScript } from './redis-scripts.ts'
import { RedisWatch } from './redis-watch.ts'
import type { WatchOptions } from './redis-watch.ts'
import type { SealKeys } from './sealing.ts'
import { operatorAnswer, operatorToken } from './seen-record.ts'
import { messageOf, storeFault } from './store-fault.ts'

export interface RedisStoreOptions extends RedisOptions, WatchOptions {
  readonly keys: SealKeys | null
  /** How many must have a claim before it counts, and how long to wait for them. Absent: nobody but the primary. */
  readonly replicas?: { readonly atLeast: number; readonly withinMs: number }
  /** After a loss of records no key is claimed that would have been among them. Absent: it is, and executed again. */
  readonly closesOnLoss?: boolean
}

export class RedisStore implements RecordStore {
  readonly kind = 'redis'
  readonly isShared = true
  readonly #options: RedisStoreOptions
  readonly #owner = newOwnerName().text
  readonly #watch: RedisWatch

  constructor(clock: Clock, options: RedisStoreOptions) {
    this.#options = options
    this.#watch = new RedisWatch(clock, options)
  }

  get fill(): number { return this.#watch.fill }

  async open(): Promise<Opened> {
    let linkRedis: (typeof Link)['linkRedis']
    try {
      ({ linkRedis } = await import('./redis-link.ts'))
    } catch (error) {
      return storeFault('misconfigured', `Cannot load the Redis client: ${messageOf(error)}`)
    }
    return this.#watch.open(linkRedis(this.#options, (error) => { this.#watch.lastError = messageOf(error) }))
  }

  async lookup(key: RecordKey): Promise<Lookup> {
    const reply = await this.#run(claimScript, key, ['look', '', '', '', '', '0', '0', ''])
    if (isFault(reply)) return reply
    return reply[0]?.toString() === 'absent' ? { kind: 'absent' } : this.#record(key, reply)
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    const { key, token, fingerprint, credential, leaseMs, ttlMs, inDoubt } = request
    const lost = this.#options.closesOnLoss === true ? this.#watch.lossWithin(ttlMs) : null
    if (lost !== null) return lost
    const reply = await this.#run(claimScript, key,
      ['claim', token, this.#owner, fingerprint, credential, String(leaseMs), String(Math.ceil(ttlMs)), inDoubt])
    if (isFault(reply)) return reply.reason === 'no-space' ? { kind: 'full' } : reply
    switch (reply[0]?.toString()) {
      case 'taken': {
        const taken = { kind: 'taken', generation: Number(reply[1]), createdAtMs: Number(reply[2]) } as const
        return await this.#unreplicated(key) ?? await this.#forgotten(request) ?? taken
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

  async ping(): Promise<{ readonly kind: 'up' } | StoreFault> { return await this.#watch.check() ?? { kind: 'up' } }

  acceptLoss(): Promise<{ readonly kind: 'accepted' } | StoreFault> {
    return this.#guard(async (link) => {
      await this.#watch.acceptLoss(link)
      return { kind: 'accepted' }
    })
  }

  inspect(): Record<string, number | string> {
    const { isConnected, losses, lastError } = this.#watch
    return { connected: isConnected ? 1 : 0, owner: this.#owner, stateLosses: losses, lastError }
  }

  close(): Promise<void> {
    this.#watch.close()
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
    // It counts what this connection wrote before; each link has one to each primary.
    const wait = ['WAIT', String(atLeast), String(withinMs)]
    const count = await this.#guard(async (link) => Number(await link.primaryOf(this.#nameOf(key)).send(wait)))
    if (typeof count !== 'number') return count
    return count >= atLeast ? null
      : storeFault('unavailable', `Only ${count} of ${atLeast} replicas had a claim within ${withinMs} ms`)
  }

  /**
   * Why a claim may not be acted upon: its primary was found to have lost what it knew. Seen after the claim, so that
   * no loss slips in between. The key is freed: nothing was sent for it.
   */
  async #forgotten({ key, token, ttlMs }: ClaimRequest): Promise<StoreFault | null> {
    if (this.#options.closesOnLoss !== true) return null
    const lost = await this.#guard((link) => this.#watch.lossSeenAt(link.primaryOf(this.#nameOf(key)), ttlMs))
    if (lost?.reason === 'state-lost') await this.release(key, token)
    return lost
  }

  #nameOf(key: RecordKey): string { return `${this.#options.prefix}{${key}}` }

  async #guard<T>(act: (link: RedisLink) => Promise<T>): Promise<T | StoreFault> {
    const { link } = this.#watch
    if (isFault(link)) return link
    try {
      return await act(link)
    } catch (error) {
      return redisFault(error)
    }
  }
}

const nobodyElse = { atLeast: 0, withinMs: 0 }
