// The door towards those who ask: an HTTP/1.1 connection today, an HTTP/2 stream beside it. The pipeline knows only
// this interface; no type of a server library passes it.

import type { BodySink, BodySource } from './body.ts'
import type { Code } from './codes.ts'
import type { RawHeaders } from './raw-headers.ts'

/** The head of a request after the strict gate: every field here is syntactically beyond doubt. */
export interface RequestHead {
  readonly method: string
  /** Path and query exactly as received in origin-form (or what absolute-form contained); `*` for OPTIONS. */
  readonly target: string
  /** `target` up to the `?`. */
  readonly path: string
  /** The Host field, or the authority of an absolute-form target; '' only for HTTP/1.0 without Host. */
  readonly authority: string
  /** As received: order, case and repetition. */
  readonly headers: RawHeaders
  /** Minor version of HTTP/1.x, 2 for HTTP/2. */
  readonly version: 0 | 1 | 2
  /** Whether `expect: 100-continue` came with it. */
  readonly expectsContinue: boolean
}

export interface Caller {
  readonly head: RequestHead
  /** Null when the request has no body. */
  readonly body: BodySource | null
  /** The peer's address without a port, as the socket says it; '' on a unix socket. */
  readonly remoteAddress: string
  readonly isSecure: boolean
  /**
   * Who the peer proved to be by a client certificate that was verified: its first URI name, else its first DNS name,
   * else its common name, else `sha256:` and the fingerprint. Null without one.
   */
  readonly identity: string | null
  /** Sends an interim (1xx) answer, unless the caller cannot take one (HTTP/1.0). */
  inform(status: number, headers: RawHeaders): void
  /**
   * Begins the answer. `length`: bytes of the body, -1 when unknown, null when this answer has no body by rule.
   * Hop-by-hop fields are not in `headers`, a content-length only if it is true; framing is the caller's affair.
   * The sink's `write` says false when the caller reads slowly, and `onDrain` is called when it has caught up. `fail`
   * makes the break visible.
   */
  answer(status: number, reason: string, headers: RawHeaders, length: number | null, onDrain: () => void): BodySink
  /**
   * Writes one of the constant refusals; `retryAfterS` 0: no such field. What this one has beside: `fields` of its
   * head, `members` of its document.
   */
  refuse(
    code: Code, retryAfterS: number, requestId: string, fields?: RawHeaders,
    members?: Readonly<Record<string, unknown>>,
  ): void
  /** Bounds the body that is still to come, bytes; one byte more is `request.body-too-large`. */
  limitBody(maxBytes: number): void
  /** The connection is beyond use: closes it so that the break can be seen. */
  cut(): void
  /** Who is told how its side goes; null: nobody yet. Not three functions: see rule 10 of docs/decisions/0004. */
  owner: CallerOwner | null
}

/** Whose request a caller has brought. Each is called at most once. */
export interface CallerOwner {
  /** The caller leaves before its answer is complete. */
  callerLeft(): void
  /** The answer has been handed over completely, or `callerLeft` has been called. */
  callerEnded(): void
  /**
   * The rest of the request cannot be had: too slow, too large, badly framed. The owner refuses with the code or cuts;
   * after that the sink of the body is told that it failed.
   */
  requestBroken(code: Code): void
}
