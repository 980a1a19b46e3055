// What the way of a request needs of a caller beyond what the pipeline sees: that the request itself can still go wrong
// after its head, and that its body has a bound.

import type { Caller } from '../core/caller.ts'
import type { Code } from '../core/codes.ts'

export interface IncomingCaller extends Caller {
  /** Bounds the body that is still to come, bytes; one byte more is `request.body-too-large`. */
  limitBody(maxBytes: number): void
  /**
   * Called at most once, when the rest of the request cannot be had: too slow, too large, badly framed. The owner
   * refuses with the code or cuts; after that the sink of the body is told that it failed.
   */
  onBroken: ((code: Code) => void) | null
}
