// What undici's and the system's errors mean in the house's vocabulary: one table. It judges nothing else.

import type { FaultCode } from '../core/codes.ts'

const faults: ReadonlyMap<string, FaultCode> = new Map([
  ['ECONNREFUSED', 'upstream.refused'],
  ['EHOSTUNREACH', 'upstream.refused'],
  ['ENETUNREACH', 'upstream.refused'],
  ['EADDRNOTAVAIL', 'upstream.refused'],
  ['ETIMEDOUT', 'upstream.connect-timeout'],
  ['ENOTFOUND', 'upstream.dns'],
  ['EAI_AGAIN', 'upstream.dns'],
  ['EAI_FAIL', 'upstream.dns'],
  ['ECONNRESET', 'upstream.reset'],
  ['EPIPE', 'upstream.reset'],
  ['UND_ERR_HEADERS_OVERFLOW', 'upstream.malformed'],
  // An assertion inside undici that bytes of the origin have broken, as a status below 100 does.
  ['ERR_ASSERTION', 'upstream.malformed'],
])

/** What the parser says when the connection ends inside a message. */
const endedEarly = /Invalid EOF state/

/** TLS failures come with some forty codes; these are their beginnings. */
const tlsCode = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|EPROTO)/

/** The fault code of an error that ended an attempt; `isBegun`: part of an answer had come. */
export function faultOf(error: Error, isBegun: boolean): FaultCode {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  // Also what undici calls a parser's error inside a head that named a length.
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return isBegun ? 'upstream.reset' : 'upstream.malformed'
  const fault = faults.get(code)
  if (fault !== undefined) return fault
  // The parser's errors have a name and, in this version, no code.
  if (error.name === 'HTTPParserError') return endedEarly.test(error.message) ? 'upstream.reset' : 'upstream.malformed'
  // undici has one code for both: a closed socket, and bytes on it that it will not read.
  if (code === 'UND_ERR_SOCKET') return error.message.startsWith('bad ') ? 'upstream.malformed' : 'upstream.reset'
  return tlsCode.test(code) ? 'upstream.tls' : 'upstream.reset'
}

/** Whether the body of the request, not the upstream, is to blame: it was longer or shorter than it had said. */
export function isOfRequest(error: Error): boolean {
  return 'code' in error && error.code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH'
}
