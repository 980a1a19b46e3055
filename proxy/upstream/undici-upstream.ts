// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The real Upstream over undici's dispatchers: parser, writer and sockets are undici's; the free list, the timers and
// the words are ours. Of undici's own pool, queue, retry and redirect nothing is used.

import type { Attempt } from '../core/attempt.ts'
import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import type { Endpoint, Upstream } from '../core/upstream.ts'
import { RequestHeads, viaPseudonym } from './request-head.ts'
import { connect } from './undici-connect.ts'
import type { LeafTimeouts } from './undici-client.ts'
import { UndiciPool } from './undici-pool.ts'

export interface UndiciUpstreamOptions {
  readonly name: string
  /** At least one. */
  readonly endpoints: readonly Endpoint[]
  /** All in ms. */
  readonly timeouts: LeafTimeouts
  readonly clock: Clock
  readonly random: Random
}

/** An upstream whose connections are undici's. Throws when there is no endpoint. */
export function createUndiciUpstream(options: UndiciUpstreamOptions): Upstream {
  if (options.endpoints.length === 0) throw new Error(`upstream ${options.name} has no endpoint`)
  return new UndiciUpstream(options)
}

class UndiciUpstream implements Upstream {
  readonly name: string
  readonly endpoints: readonly Endpoint[]
  readonly #pools: readonly UndiciPool[]
  readonly #clock: Clock
  readonly #random: Random

  constructor(options: UndiciUpstreamOptions) {
    this.name = options.name
    this.endpoints = options.endpoints
    const heads = new RequestHeads(options.random, viaPseudonym)
    this.#pools = options.endpoints.map((endpoint) => new UndiciPool(endpoint, options.timeouts, options.clock, heads))
    this.#clock = options.clock
    this.#random = options.random
  }

  send(attempt: Attempt): void {
    const pools = this.#pools
    const pool = pools[pools.length === 1 ? 0 : Math.floor(this.#random() * pools.length)] as UndiciPool
    pool.send(attempt)
  }

  probe(timeoutMs: number): Promise<string | null> {
    return new Promise((resolve) => {
      connect(this.endpoints[0] as Endpoint, timeoutMs, this.#clock, (error, socket) => {
        socket?.destroy()
        resolve(error === null ? null : error.message)
      })
    })
  }

  inspect(): Record<string, number | string> {
    let idle = 0
    let busy = 0
    for (const pool of this.#pools) {
      idle += pool.idleCount
      busy += pool.busyCount
    }
    return { connections: idle + busy, idle, busy }
  }

  close(): void {
    for (const pool of this.#pools) pool.close()
  }
}
