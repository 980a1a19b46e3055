// Whether a Redis may be used: connected, with the settings it must have, and still with the records it had. Looks when
// it is opened, every few seconds, and whenever the store is probed. It reads no record.

import type { Clock, Timer } from '../core/clock.ts'
import type { Opened, StoreFault } from '../core/record-store.ts'
import { Canaries } from './redis-canary.ts'
import { checkRedis } from './redis-checks.ts'
import type { RedisLink, RedisNode } from './redis-link.ts'
import { redisFault } from './redis-replies.ts'
import { messageOf, storeFault } from './store-fault.ts'

export interface WatchOptions {
  /** Before every key of ours. */
  readonly prefix: string
  /** A server that evicts, or forgets on a restart, is used all the same. */
  readonly acceptLoss: boolean
  readonly connectTimeoutMs: number
}

/** Between two looks at the server: whether it was flushed, or changed its settings. */
const checkEveryMs = 5_000

/** The client of a single server tries by itself; those of sentinels and clusters give up. */
const connectAgainMs = 1_000

const notYet = storeFault('unavailable', 'The store is not open')
const stateLost = storeFault('state-lost', 'Redis has forgotten its records: new keys are refused until their ttl is '
  + 'over, or until somebody accepts the loss')

export class RedisWatch {
  readonly #clock: Clock
  readonly #options: WatchOptions
  readonly #canaries: Canaries
  #link: RedisLink | null = null
  /** The server's settings were seen, and are what they must be. */
  #verdict: StoreFault | null = notYet
  #notices: readonly string[] = []
  #timer: Timer | null = null
  /** What a connection said last, for people. */
  lastError = ''
  /** Share of the memory that is taken, as last seen. */
  fill = 0

  constructor(clock: Clock, options: WatchOptions) {
    this.#clock = clock
    this.#options = options
    this.#canaries = new Canaries(options.prefix)
  }

  get isConnected(): boolean { return this.#link?.isReady === true }
  get losses(): number { return this.#canaries.losses }

  /** The connection, or why it may not be used now. */
  get link(): RedisLink | StoreFault {
    const link = this.#link
    return link === null || !link.isReady ? this.#unavailable() : this.#verdict ?? link
  }

  async open(link: RedisLink): Promise<Opened> {
    this.#link = link
    this.#checkLater()
    const connected = this.#connect(link)
    const waited = new Promise<StoreFault>((resolve) => {
      this.#clock.after(this.#options.connectTimeoutMs, () => { resolve(this.#unavailable()) })
    })
    const fault = await Promise.race([connected, waited])
    return fault ?? { kind: 'opened', notices: this.#notices }
  }

  /** Looks at the settings of the servers and at the canaries. Null: all is well. Never rejects. */
  async check(): Promise<StoreFault | null> {
    const link = this.#link
    if (link === null || !link.isReady) return this.#unavailable()
    try {
      const { fault, notices, reached, fill } = await checkRedis(await link.primaries(), this.#options.acceptLoss)
      this.#verdict = fault
      this.fill = fill
      this.#notices = notices
      if (fault === null) await this.#canaries.look(reached, this.#clock.now())
      return fault
    } catch (error) {
      return redisFault(error)
    }
  }

  /** Why a key that is kept for so long may have been forgotten; null: it has not, as far as was seen. */
  lossWithin(ttlMs: number): StoreFault | null {
    return this.#clock.now() - this.#canaries.lostAt < ttlMs ? stateLost : null
  }

  /** The same, from a look at the primary that has just answered. Rejects with what the server or socket said. */
  async lossSeenAt(node: RedisNode, ttlMs: number): Promise<StoreFault | null> {
    await this.#canaries.look([node], this.#clock.now())
    return this.lossWithin(ttlMs)
  }

  /** What was lost until now is no reason to refuse any more, for all who share the server. Rejects likewise. */
  async acceptLoss(link: RedisLink): Promise<void> {
    await this.#canaries.look(await link.primaries(), this.#clock.now(), true)
  }

  close(): void {
    this.#timer?.clear()
    this.#timer = null
    this.#verdict = notYet
    this.#link?.close()
    this.#link = null
  }

  #unavailable(): StoreFault {
    return storeFault('unavailable', `No connection to Redis${this.lastError === '' ? '' : `: ${this.lastError}`}`)
  }

  /** Until the store is closed: a server that is away is no reason to stop asking. Never rejects. */
  async #connect(link: RedisLink): Promise<StoreFault | null> {
    while (this.#link === link) {
      try {
        await link.connect()
        return await this.check()
      } catch (error) {
        this.lastError = messageOf(error)
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
      void this.check()
    })
  }
}
