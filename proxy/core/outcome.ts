// How a scope can end: a closed union, so that every ending is a value that somebody has to look at. Expected endings
// are never exceptions; a throw means a bug.

import type { BodySource } from './body.ts'
import type { Code, FaultCode } from './codes.ts'
import type { RawHeaders } from './raw-headers.ts'

/** The mechanisms, in one spelling for configuration, metrics, logs and code. */
export type PolicyName =
  | 'drain' | 'inherit' | 'priority' | 'deadline' | 'rateLimit' | 'recall' | 'shed'
  | 'fallback' | 'record' | 'failover' | 'retry' | 'hedge'
  | 'balance' | 'throttle' | 'breaker' | 'permit' | 'timeouts' | 'claim' | 'fault' | 'forward'

/** An answer with a head; its body has not been read yet. */
export interface Reply {
  readonly kind: 'reply'
  readonly status: number
  /** The reason phrase as received; empty when there was none. */
  readonly reason: string
  readonly headers: RawHeaders
  /** Null when there is no body by rule (HEAD, 204, 304). */
  readonly body: BodySource | null
  readonly origin: 'upstream' | 'replay' | 'fallback'
}

/** One of us said no; nothing was sent for this scope. A constant made at load: refusing allocates nothing. */
export interface Refused {
  readonly kind: 'refused'
  readonly by: PolicyName
  readonly code: Code
  readonly status: number
  /** What the refusing policy knows of a good time to come again, in ms; 0: it knows nothing, 1 to 3 s are said. */
  readonly retryAfterMs: number
  /** Fields of this refusal alone (`ratelimit`, `idempotency-status`), in the flat form. */
  readonly fields?: RawHeaders
  /** What the problem document of this refusal alone says beside. */
  readonly members?: Readonly<Record<string, unknown>>
}

/** The upstream did not answer. */
export interface Failed {
  readonly kind: 'failed'
  readonly fault: FaultCode
  /** What was seen, for the log: never shown to a caller. */
  readonly cause: string
  /** Fields of the answer that tells it (`idempotency-status`), in the flat form. */
  readonly fields?: RawHeaders
  /** What the problem document of this failure alone says beside. */
  readonly members?: Readonly<Record<string, unknown>>
}

/** Nobody needs the answer any more. */
export interface Abandoned {
  readonly kind: 'abandoned'
  readonly by: 'caller' | 'rival' | 'drain' | 'deadline'
  /** How long the scope had run, ms: a caller that left after three times the usual latency is evidence. */
  readonly elapsedMs: number
}

/** Upgraded: from here on bytes, no longer messages. */
export interface Tunnel { readonly kind: 'tunnel' }

export type Outcome = Reply | Refused | Failed | Abandoned | Tunnel

/** What a gate may answer with instead of letting a scope in. */
export type Answer = Refused | Reply

/** The one tunnel outcome. */
export const tunnel: Tunnel = { kind: 'tunnel' }
