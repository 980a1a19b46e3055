// The door towards those who serve: what the pipeline may ask of whatever sends an attempt. The simulator stands here
// in virtual time, the real connections in upstream/.

import type { Attempt } from './attempt.ts'
import type { FaultCode } from './codes.ts'

/** One address of an upstream. */
export interface Endpoint {
  /** Canonical origin, for logs and status: `http://127.0.0.1:3000`. */
  readonly url: string
  readonly host: string
  readonly port: number
  readonly isSecure: boolean
}

/** What a check of an endpoint saw: the status of an answer, or why there was none. */
export type CheckResult = number | FaultCode

/** Sends an attempt, or does something to it first. */
export type Send = (attempt: Attempt) => void

export interface Upstream {
  readonly name: string
  readonly endpoints: readonly Endpoint[]
  /** Sends the attempt; tells it what happens through `attempt.sent`, `informed`, `headed`, `failed` and `closed`. */
  send(attempt: Attempt): void
  /** Tries to open one connection to the first endpoint; null: it was accepted, else what was seen. Never rejects. */
  probe(timeoutMs: number): Promise<string | null>
  /** Asks that endpoint with a GET of its own, over a connection of its own. Never rejects. */
  check(endpoint: Endpoint, path: string, timeoutMs: number): Promise<CheckResult>
  /** Figures for status and gauges: connections open, idle, and so on. */
  inspect(): Record<string, number | string>
  /** Closes idle connections now and the others when their attempt ends. */
  close(): void
}
