// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// Whether a text is a host with an optional port (RFC 3986 section 3.2, without userinfo). It resolves nothing.

import { isIPv6 } from 'node:net'

/** reg-name or IPv4 address, and a port of at most five digits; the grammar lets it be empty. */
const named = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+(?::([0-9]{0,5}))?$/
const literal = /^\[([0-9A-Fa-f:.]+)\](?::([0-9]{0,5}))?$/

/** Whether `text` may stand in a Host field: `name`, `1.2.3.4`, `[::1]`, each with or without `:port`. */
export function isAuthority(text: string): boolean {
  const isLiteral = text.startsWith('[')
  const match = isLiteral ? literal.exec(text) : named.exec(text)
  if (match === null) return false
  if (isLiteral && !isIPv6(match[1] as string)) return false
  const port = isLiteral ? match[2] : match[1]
  return port === undefined || Number(port) <= 65_535
}

/** Whether two authorities name one place for this scheme: case, an empty port and its own port do not matter. */
export function isSameAuthority(one: string, other: string, isSecure: boolean): boolean {
  if (one === other) return true
  const ownPort = isSecure ? ':443' : ':80'
  return withoutPort(one.toLowerCase(), ownPort) === withoutPort(other.toLowerCase(), ownPort)
}

function withoutPort(authority: string, port: string): string {
  if (authority.endsWith(':')) return authority.slice(0, -1)
  return authority.endsWith(port) ? authority.slice(0, -port.length) : authority
}
