// HOT PATH — runs for every head in both directions. Rules: docs/decisions/0004.
// Which fields end at the next hop (RFC 9110 section 7.6.1): the well-known ones and those a Connection field names.

import type { RawHeaders } from './raw-headers.ts'

const always: ReadonlySet<string> = new Set([
  'connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade', 'http2-settings',
  'proxy-authenticate', 'proxy-authorization', 'proxy-authentication-info',
])

const none: ReadonlySet<string> = new Set()

/** Whether a field of this lower-case name ends at this hop whatever Connection says. */
export function isHopByHop(lowerName: string): boolean {
  return always.has(lowerName)
}

/**
 * The lower-case names that the Connection fields of a head nominate. `close` and `keep-alive` are among them and
 * harmless. Fields that frame or address the message are never taken out on a peer's word.
 */
export function nominated(headers: RawHeaders): ReadonlySet<string> {
  let names: Set<string> | null = null
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue
    for (const part of (headers[i + 1] as string).split(',')) {
      const token = part.trim().toLowerCase()
      if (token === '' || token === 'close' || token === 'keep-alive' || protectedNames.has(token)) continue
      names ??= new Set()
      names.add(token)
    }
  }
  return names ?? none
}

const protectedNames: ReadonlySet<string> = new Set([
  'content-length', 'host', 'content-type', 'content-encoding', 'date', 'via', 'authorization', 'cookie', 'set-cookie',
  'forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-request-id', 'traceparent', 'tracestate',
  'idempotency-key',
])
