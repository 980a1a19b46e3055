// The clock of one connection: what is due on it, since when, and what has been due for too long. It is looked at once
// in a while; it closes nothing itself.

import type { Socket } from 'node:net'
import { StallWatch } from './stall-watch.ts'
import type { BodyPace } from './stall-watch.ts'

/** Limits of one connection, in ms unless the name says otherwise. */
export interface ConnectionLimits {
  readonly headMs: number
  readonly keepAliveMs: number
  readonly requestIdleMs: number
  /** A body that is slower than this on average is too slow; 0: none is. */
  readonly bodyBytesPerSecond: number
  /** Requests after which a connection ends; Infinity: it does not. */
  readonly requestsPerConnection: number
  /** Age at which a connection ends with its next answer; Infinity: it does not. */
  readonly connectionAgeMs: number
}

/** What has taken too long: an answer is not read, a body does not come, a head does not, or nobody asks. */
export type Overdue = 'sending' | 'receiving' | 'head' | 'idle'

export class ConnectionTiming {
  readonly #limits: ConnectionLimits
  readonly #stall = new StallWatch()
  readonly #openedAt: number
  #requests = 0
  /** Since when a head is due; -1 while none has begun. The first one is due from the start. */
  #headSince: number
  #idleSince: number

  constructor(limits: ConnectionLimits, now: number) {
    this.#limits = limits
    this.#openedAt = this.#headSince = this.#idleSince = now
  }

  /** Whether the next byte of a head is not its first. */
  get awaitsHead(): boolean { return this.#headSince >= 0 }

  headBegan(now: number): void {
    this.#headSince = now
  }

  /** Whether the request that begins is the last one of its connection. */
  isLastRequest(now: number): boolean {
    const { requestsPerConnection, connectionAgeMs } = this.#limits
    return ++this.#requests >= requestsPerConnection || now - this.#openedAt >= connectionAgeMs
  }

  answered(now: number): void {
    this.#headSince = -1
    this.#idleSince = now
  }

  /** Of an exchange under way: what of it no longer moves. `pace`: what is expected of its caller's body. */
  stalled(socket: Socket, pace: BodyPace, now: number): Overdue | null {
    const { requestIdleMs, bodyBytesPerSecond } = this.#limits
    return this.#stall.look(socket, pace, now, requestIdleMs, bodyBytesPerSecond)
  }

  /** Between exchanges. */
  overdue(now: number): Overdue | null {
    const { headMs, keepAliveMs } = this.#limits
    if (this.#headSince < 0) return now - this.#idleSince >= keepAliveMs ? 'idle' : null
    return now - this.#headSince >= headMs ? 'head' : null
  }
}
