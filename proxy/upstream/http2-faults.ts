// What the end of an HTTP/2 stream says of the upstream: one table. What to do about it is the attempt's affair.

import { constants } from 'node:http2'
import type { FaultCode } from '../core/codes.ts'
import { causeOf, faultOf } from './faults.ts'

const byCode: ReadonlyMap<number, FaultCode> = new Map([
  // It says so itself: nothing was done (RFC 9113 section 8.7).
  [constants.NGHTTP2_REFUSED_STREAM, 'upstream.refused'],
  // One of us does not speak HTTP/2: whoever sent the reset has found the other out.
  [constants.NGHTTP2_PROTOCOL_ERROR, 'upstream.malformed'],
  [constants.NGHTTP2_FLOW_CONTROL_ERROR, 'upstream.malformed'],
  [constants.NGHTTP2_FRAME_SIZE_ERROR, 'upstream.malformed'],
  [constants.NGHTTP2_COMPRESSION_ERROR, 'upstream.malformed'],
  [constants.NGHTTP2_INADEQUATE_SECURITY, 'upstream.tls'],
])

/** Whether the stream was never opened, because its session was no more. */
export function isUnopened(error: Error | null): boolean {
  if (error === null || !('code' in error)) return false
  return error.code === 'ERR_HTTP2_INVALID_SESSION' || error.code === 'ERR_HTTP2_GOAWAY_SESSION'
}

/** Why a stream ended. */
export interface StreamEnd {
  readonly fault: FaultCode
  readonly cause: string
}

/** `code`: of the reset, or what node makes of an error of the connection; `error`: that error, if there was one. */
export function streamEndOf(code: number, error: Error | null): StreamEnd {
  const name = error !== null && 'code' in error ? error.code : ''
  // Errors of the protocol itself that end the whole connection.
  if (name === 'ERR_HTTP2_ERROR') return { fault: 'upstream.malformed', cause: causeOf(error as Error) }
  if (error !== null && name !== 'ERR_HTTP2_STREAM_ERROR' && name !== 'ERR_HTTP2_SESSION_ERROR') {
    return { fault: faultOf(error, 'open'), cause: causeOf(error) }
  }
  return { fault: byCode.get(code) ?? 'upstream.reset', cause: `the upstream ended the stream with code ${code}` }
}
