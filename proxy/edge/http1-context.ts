// What the connections of one listener have in common. It holds no state of any of them.

import type { Clock } from '../core/clock.ts'
import type { Code } from '../core/codes.ts'
import type { HeadLimits } from '../http1/head-reader.ts'
import type { ConnectionLimits } from './connection-timing.ts'
import type { Gate } from './gate.ts'
import type { HeadFlusher } from './head-flusher.ts'
import type { HttpDate } from './http-date.ts'
import type { Http2Gate } from './http2-gate.ts'
import type { Caller } from '../core/caller.ts'

/** What all connections of a listener share. */
export interface ConnectionContext {
  readonly clock: Clock
  readonly gate: Gate
  readonly http2Gate: Http2Gate
  readonly limits: HeadLimits
  readonly flusher: HeadFlusher
  readonly date: HttpDate
  readonly accept: (caller: Caller) => void
  /** Counts what was refused before a route was known. */
  readonly unrouted: (code: Code) => void
  readonly isDraining: () => boolean
  readonly halfClose: 'leave' | 'serve'
  readonly connectionLimits: ConnectionLimits
}
