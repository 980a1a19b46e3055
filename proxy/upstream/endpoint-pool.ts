// What an upstream asks of the connections to one endpoint, whatever protocol is spoken on them.

import type { Attempt } from '../core/attempt.ts'
import type { CheckResult, Endpoint } from '../core/upstream.ts'
import type { PoolTimeouts } from './pool.ts'
import type { SocketOpening } from './socket-opening.ts'

export interface EndpointPool {
  readonly endpoint: Endpoint
  readonly opening: SocketOpening
  readonly timeouts: PoolTimeouts
  /** Connections, and those among them without an attempt. */
  readonly openCount: number
  readonly idleCount: number
  /** Attempts under way. */
  readonly busyCount: number
  /** Connections that were ever opened; attempts that were sent over one that was there. */
  readonly opened: number
  readonly reused: number
  send(attempt: Attempt): void
  /** Asks the endpoint over a connection of its own. Never rejects. */
  check(host: string | null, path: string, timeoutMs: number): Promise<CheckResult>
  /** Once in a while: closes what has expired, and looks for peers that have gone still. */
  sweep(now: number): void
  /** Closes free connections now and the others when their attempt ends. */
  close(): void
}
