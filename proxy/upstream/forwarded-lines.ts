// HOT PATH — runs for every attempt. Rules: docs/decisions/0004.
// The fields that tell an upstream who asked: x-forwarded-for, -proto, -host and Forwarded (RFC 7239). Whether a peer's
// own are believed is decided by the route; what is not believed never gets here.

import { tokenCharacter } from '../http1/characters.ts'

/** What a trusted peer said, each '' when it said nothing. */
export interface Inherited {
  readonly for: string
  readonly proto: string
  readonly host: string
  readonly forwarded: string
}

/** Which of the four are written: a route may have removed or replaced some. */
export interface ForwardedChoice {
  readonly for: boolean
  readonly proto: boolean
  readonly host: boolean
  readonly forwarded: boolean
}

const mapped = '::ffff:'

/** The four lines, as far as they are wanted. `address` '' is a peer without one. */
export function forwardedLines(
  address: string, authority: string, isSecure: boolean, wanted: ForwardedChoice, inherited: Inherited,
): string {
  // An IPv4 peer of a dual-stack listener.
  const peer = address.startsWith(mapped) && address.includes('.') ? address.slice(mapped.length) : address
  const proto = isSecure ? 'https' : 'http'
  let lines = ''
  if (wanted.for) {
    const all = joined(inherited.for, peer)
    if (all !== '') lines += `x-forwarded-for: ${all}\r\n`
  }
  if (wanted.proto) lines += `x-forwarded-proto: ${inherited.proto || proto}\r\n`
  if (wanted.host && (inherited.host || authority) !== '') {
    lines += `x-forwarded-host: ${inherited.host || authority}\r\n`
  }
  if (wanted.forwarded) lines += `forwarded: ${joined(inherited.forwarded, element(peer, authority, proto))}\r\n`
  return lines
}

function joined(before: string, own: string): string {
  if (before === '') return own
  return own === '' ? before : `${before}, ${own}`
}

function element(peer: string, authority: string, proto: string): string {
  const host = authority === '' ? '' : `;host=${quoted(authority)}`
  return `for=${nodeOf(peer)}${host};proto=${proto}`
}

/** RFC 7239 section 6: an IPv6 address stands in brackets, and with them in quotes. */
function nodeOf(peer: string): string {
  if (peer === '') return 'unknown'
  return peer.includes(':') ? `"[${peer}]"` : peer
}

function quoted(value: string): string {
  for (let i = 0; i < value.length; i++) {
    if (tokenCharacter[value.charCodeAt(i)] !== 1) return `"${value.replace(/["\\]/g, '\\$&')}"`
  }
  return value
}
