// What an error of a socket says of the upstream: one table. Errors of our own parsing do not come here, the connection
// names them itself.

import type { FaultCode } from '../core/codes.ts'

/** How far a connection had come when it broke: looking for the peer, shaking hands, or carrying messages. */
export type ConnectionPhase = 'connecting' | 'securing' | 'open'

const whileConnecting: ReadonlyMap<string, FaultCode> = new Map([
  ['ENOTFOUND', 'upstream.dns'],
  ['EAI_AGAIN', 'upstream.dns'],
  ['EAI_FAIL', 'upstream.dns'],
  ['EAI_NODATA', 'upstream.dns'],
  ['EAI_NONAME', 'upstream.dns'],
  ['ETIMEDOUT', 'upstream.connect-timeout'],
])

/** The fault code of a socket error. */
export function faultOf(error: Error, phase: ConnectionPhase): FaultCode {
  // Whatever befalls a handshake, a reset included, is a matter of certificates and versions more often than not.
  if (phase === 'securing') return 'upstream.tls'
  if (phase === 'open') return isTls(codeOf(error)) ? 'upstream.tls' : 'upstream.reset'
  // Refused, unreachable, no local port left: nothing was accepted, nothing was sent.
  return whileConnecting.get(codeOf(error)) ?? 'upstream.refused'
}

/** What was seen, for the log. */
export function causeOf(error: Error): string {
  // Several addresses were tried: the sum of their errors has no message of its own.
  if (error instanceof AggregateError) return error.errors.map((one) => (one as Error).message).join('; ')
  return error.message
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}

function isTls(code: string): boolean {
  return code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS')
}
