// A route as a request finds it: gates and layers put in order and joined once, when the configuration loaded. It is
// immutable; an exchange keeps the plan it began with.

import type { Attempt } from './attempt.ts'
import type { Code } from './codes.ts'
import type { Exchange } from './exchange.ts'
import type { Endpoint, Send, Upstream } from './upstream.ts'
import type { Outcome, PolicyName } from './outcome.ts'
import type { AtDoor, Handler } from './policy.ts'
import type { RawHeaders } from './raw-headers.ts'
import type { GateRun } from './scope.ts'
import type { Work } from './work.ts'

/** Who counts: metrics and access log, at the two choke points. */
export interface Observer {
  attemptEnded(attempt: Attempt, now: number): void
  exchangeEnded(exchange: Exchange, now: number): void
  wouldRefuse(exchange: Exchange, code: Code, policy: PolicyName): void
}

/** How heads change on their way, from the listener, the route and the upstream together. */
export interface Forwarding {
  /** The Host sent upstream; null: the caller's own authority. */
  readonly host: string | null
  /** Name of the listener in Via fields, a token: of this process and of no other listener of it. */
  readonly via: string
  /** Cut from the front of the path; '' for none. */
  readonly stripPrefix: string
  /** Lower-case names; fields to add after the removal. */
  readonly requestRemove: ReadonlySet<string>
  readonly requestSet: RawHeaders
  readonly responseRemove: ReadonlySet<string>
  readonly responseSet: RawHeaders
  /** Whether answers say what they took: `server-timing`. */
  readonly tellsTiming: boolean
  /** Whether forwarded fields of this peer address are believed. */
  readonly trusts: (address: string) => boolean
}

export interface Plan {
  /** Name of the route, and its index in the configuration (for counting in arrays). */
  readonly route: string
  readonly index: number
  readonly listener: string
  readonly upstream: string
  readonly upstreamIndex: number
  readonly endpoints: readonly Endpoint[]
  readonly doors: GateRun
  /** All layers around the attempt, joined. */
  readonly handle: Handler
  /** An attempt without layers that is sent in another way: an upgrade. It passes every gate of an attempt. */
  readonly upgrade: (work: Work, send: Send) => Promise<Outcome>
  /** Opens a connection for such an attempt; null: the upstream has none to give. */
  readonly dial: NonNullable<Upstream['dial']> | null
  /** What may be said instead of a refusal at the doors; null: nothing. */
  readonly atDoor: AtDoor | null
  readonly forwarding: Forwarding
  /** Whether the route says that its answers are streams. */
  readonly isStream: boolean
  /** Largest request body in bytes; Infinity without a limit. */
  readonly maxBodyBytes: number
  readonly observer: Observer
}
