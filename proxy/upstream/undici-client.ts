// One undici Client as this house wants it: one connection, no pipelining, no HTTP/2, none of undici's own deadlines.
// It holds no request and makes no decision.

import { Client } from 'undici'
import type { Clock } from '../core/clock.ts'
import type { Endpoint } from '../core/upstream.ts'
import { connect } from './undici-connect.ts'

export interface LeafTimeouts {
  readonly connectMs: number
  /** Between bytes of an answer's body. */
  readonly idleMs: number
  /** How long an unused connection is kept when the origin announces nothing. */
  readonly keepAliveMs: number
}

/** An origin that announces its own idle time closes at that time: we have to be earlier by more than a round trip. */
const keepAliveMarginMs = 1000

/** Twice what callers may send us; undici counts names and values only, not what stands between them. */
const maxHeadBytes = 32 * 1024

/** A client that connects when the first request is dispatched. `onSocketError` hears of errors before undici does. */
export function createClient(
  endpoint: Endpoint, timeouts: LeafTimeouts, clock: Clock, onSocketError: (error: Error) => void,
): Client {
  return new Client(endpoint.url, {
    pipelining: 1,
    allowH2: false,
    maxHeaderSize: maxHeadBytes,
    // Deadlines and timeouts are policies with clocks of their own.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: timeouts.keepAliveMs,
    keepAliveTimeoutThreshold: keepAliveMarginMs,
    connect: (_options, done) => {
      connect(endpoint, timeouts.connectMs, clock, (error, socket) => {
        if (error !== null || socket === null) return done(error ?? new Error('no socket'), null)
        socket.on('error', onSocketError)
        done(null, socket)
      })
    },
  })
}
