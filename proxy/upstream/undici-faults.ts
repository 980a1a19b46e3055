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
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'upstream.reset'],
  ['HPE_INVALID_EOF_STATE', 'upstream.reset'],
  ['UND_ERR_HEADERS_OVERFLOW', 'upstream.malformed'],
])

/** TLS failures come with some forty codes; these are their beginnings. */
const tlsCode = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|EPROTO)/

/** The fault code of an error that ended an attempt. */
export function faultOf(error: Error): FaultCode {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const fault = faults.get(code)
  if (fault !== undefined) return fault
  // undici has one code for both: a closed socket, and bytes on it that it will not read.
  if (code === 'UND_ERR_SOCKET') return error.message.startsWith('bad ') ? 'upstream.malformed' : 'upstream.reset'
  if (tlsCode.test(code)) return 'upstream.tls'
  return code.startsWith('HPE_') ? 'upstream.malformed' : 'upstream.reset'
}
