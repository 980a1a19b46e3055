// The door towards those who serve: what the pipeline may ask of whatever sends an attempt. The simulator stands here
// in virtual time, the real connections in upstream/.

import type { Duplex } from 'node:stream'
import type { Attempt } from './attempt.ts'
import type { FaultCode } from './codes.ts'

/** One address of an upstream. */
export interface Endpoint {
  /**
   * Canonical origin, for logs and status: `http://127.0.0.1:3000`. Of a name with several addresses each has its own
   * behind it: `http://app.internal:3000#10.0.3.7`.
   */
  readonly url: string
  /** As configured: the Host field, the server name and the certificate are its, whatever the address. */
  readonly host: string
  readonly port: number
  readonly isSecure: boolean
  /** The one of several addresses of `host` that is meant; absent: whatever `host` stands for. */
  readonly address?: string
  /** Its name got this address while others were there already. */
  readonly isLatecomer?: boolean
}

/** The origin that an endpoint was configured as. */
export function originOf({ url, address }: Endpoint): string {
  return address === undefined ? url : url.slice(0, url.indexOf('#'))
}

/** What a check of an endpoint saw: the status of an answer, or why there was none. */
export type CheckResult = number | FaultCode

/** Who has asked for a connection of its own, and hears how it goes. */
export interface DialOwner {
  /** It can carry a request. At most once, and first. */
  opened(): void
  /** It could not be opened, or broke. May come more than once. */
  lost(fault: FaultCode, cause: string): void
}

/** A connection that serves nobody else: whoever asked for it writes, reads and closes it. */
export interface Dialled {
  readonly socket: Duplex
  /** Closes at once, also while it is being opened. */
  shut(): void
}

/** Sends an attempt, or does something to it first. */
export type Send = (attempt: Attempt) => void

export interface Upstream {
  readonly name: string
  /** Who can be asked now, in the order of the configuration; another list when the addresses of a name change. */
  readonly endpoints: readonly Endpoint[]
  /** Calls `changed` whenever the list is another, in place of whoever asked before. Absent: it never changes. */
  watch?(changed: () => void): void
  /** Sends the attempt; tells it what happens through `attempt.sent`, `informed`, `headed`, `failed` and `closed`. */
  send(attempt: Attempt): void
  /** Tries to open one connection to the first endpoint; null: it was accepted, else what was seen. Never rejects. */
  probe(timeoutMs: number): Promise<string | null>
  /** Asks that endpoint with a GET of its own, over a connection of its own. Never rejects. */
  check(endpoint: Endpoint, path: string, timeoutMs: number): Promise<CheckResult>
  /**
   * Opens a connection for this attempt, over HTTP/1.1 and in all else as for any other attempt; chooses the endpoint
   * where no gate has. Absent: nothing can be upgraded here.
   */
  dial?(attempt: Attempt, owner: DialOwner): Dialled
  /** Figures for status and gauges: connections open, idle, and so on. */
  inspect(): Record<string, number | string>
  /** Closes idle connections now and the others when their attempt ends. */
  close(): void
}
