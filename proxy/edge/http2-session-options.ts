// Every bound that node's HTTP/2 knows, set: what is not bounded here is bounded in http2-connection.ts. The bounds of
// heads lie above those of the gate, so that a head which is a little too large gets an answer and not a reset.

import type { ServerSessionOptions } from 'node:http2'
import type { HeadLimits } from '../http1/head-reader.ts'

/** Streams that one connection may have open. */
export const maxStreams = 100

/** What RFC 9113 section 6.5.2 adds to each field when it counts them, bytes. */
const perField = 32
/** Fields that begin with a colon. */
const pseudoFields = 4

export function sessionOptions(limits: HeadLimits): ServerSessionOptions & { streamResetBurst: number } {
  const mostFields = 2 * limits.fieldCount + pseudoFields
  return {
    maxHeaderListPairs: mostFields,
    /** MB. */
    maxSessionMemory: 32,
    maxSettings: 32,
    maxOutstandingPings: 10,
    maxOutstandingSettings: 10,
    maxSessionInvalidFrames: 100,
    // Streams beyond the bound are refused one by one; a connection that goes on and on with it ends.
    maxSessionRejectedStreams: 1000,
    // A last resort behind our own count, which knows whether a stream was reset soon.
    streamResetBurst: 1000,
    streamResetRate: 200,
    // Strict would drop such a field and go on; the gate refuses the request (RFC 9113 section 8.2.1).
    strictFieldWhitespaceValidation: false,
    // Which field may come once is for those who read them to say.
    strictSingleValueFields: false,
    settings: {
      maxConcurrentStreams: maxStreams,
      maxHeaderListSize: 2 * limits.headBytes + perField * mostFields,
      enableConnectProtocol: false,
    },
  } as ServerSessionOptions & { streamResetBurst: number }
}
