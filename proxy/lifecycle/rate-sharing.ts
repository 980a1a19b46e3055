// The server through which several instances keep one rate limit: connected in the background, never waited for. While
// it is away each instance limits alone, and the log says so once.

import type { Announce } from '../core/announce.ts'
import type { Configuration } from '../core/configuration.ts'
import type { Meter } from '../core/meter.ts'
import type { TokenLease } from '../core/token-lease.ts'
import type { RedisLink } from '../stores/redis-link.ts'
import { redisTokenLease } from '../stores/token-lease.ts'

type Options = NonNullable<Configuration['stores']['rateLimit']>

export class RateSharing {
  readonly #options: Options | null
  readonly #announce: Announce
  #link: RedisLink | null = null
  #lease: TokenLease | null = null
  #isUp = true
  #isClosed = false

  constructor({ stores: { rateLimit } }: Configuration, announce: Announce, meter: Meter) {
    this.#options = rateLimit
    this.#announce = announce
    if (rateLimit === null) return
    meter.gauge('seawall_store_up', { store: 'rateLimit' }, () => this.#isUp ? 1 : 0)
    void this.#connect(rateLimit)
  }

  /** What limits ask; null where no server is configured. */
  get lease(): TokenLease | null {
    if (this.#options === null) return null
    const away = new Error('not connected yet')
    return { take: (...args) => this.#lease === null ? Promise.reject(away) : this.#lease.take(...args) }
  }

  /** A limit has been answered, or could not be. */
  readonly turned = (isUp: boolean): void => {
    if (isUp === this.#isUp || this.#isClosed) return
    this.#isUp = isUp
    this.#announce(isUp
      ? { what: 'store-up', store: 'rateLimit' }
      : { what: 'store-down', store: 'rateLimit', reason: 'the server cannot be asked; each instance limits alone' })
  }

  /** Null, or why another configuration needs a restart. */
  fault({ stores: { rateLimit } }: Configuration): string | null {
    const isSame = JSON.stringify(rateLimit) === JSON.stringify(this.#options)
    return isSame ? null : 'stores.rateLimit cannot change while limits are shared: restart with the new one'
  }

  close(): void {
    this.#isClosed = true
    this.#link?.close()
  }

  async #connect({ url, prefix, timeoutMs }: Options): Promise<void> {
    try {
      const { linkRedis } = await import('../stores/redis-link.ts')
      if (this.#isClosed) return
      const link = linkRedis({ where: { kind: 'single', url }, connectTimeoutMs: Math.max(1_000, timeoutMs) }, () => {})
      this.#link = link
      this.#lease = redisTokenLease(link, prefix)
      await link.connect()
    } catch {
      // It goes on trying by itself; limits find out when they ask.
      this.turned(false)
    }
  }
}
