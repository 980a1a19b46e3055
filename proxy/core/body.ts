// A body on its way, as a source that can be stopped and a sink that can say "enough for now". Both doors (caller and
// upstream) speak these two interfaces, so no stream type of a library passes either of them.

import type { RawHeaders } from './raw-headers.ts'

/** Where bytes go. Exactly one of `end` and `fail` is called, once, and nothing after it. */
export interface BodySink {
  /** Takes a chunk; false means: stop until `resume` of the source is called. The chunk may not be changed later. */
  write(chunk: Uint8Array): boolean
  /** The body is complete; `trailers` as received, or null. */
  end(trailers: RawHeaders | null): void
  /** The body will never be complete. `cause` says why in one sentence, for the log. */
  fail(cause: string): void
}

/** Where bytes come from. Nothing flows before `flow`. */
export interface BodySource {
  /** Bytes of the whole body when framed by a length; -1 when only its end will tell. */
  readonly length: number
  /** Starts the flow into `sink`; called at most once. */
  flow(sink: BodySink): void
  /** Goes on after `write` said false. */
  resume(): void
  /** Nobody wants the rest: the source is to be cut or drained by its owner; the sink is told nothing more. */
  discard(): void
}

/**
 * How the attempts of a work get the body of the request, where it is not simply the caller's, once. `open` gives a
 * source for one more attempt, or null when that cannot be had any more.
 */
export interface BodySupply {
  /** Whether the body has come whole: nobody has to ask the caller for it any more. */
  readonly isWhole?: boolean
  open(): BodySource | null
}
