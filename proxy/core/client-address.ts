// Whose request it is, by address: the peer's own, or what trusted peers in between say of it.

import type { RequestHead } from './caller.ts'
import { firstValue } from './raw-headers.ts'

/**
 * The address of the client: the peer's, unless it is trusted; then the last address of X-Forwarded-For that is not
 * trusted itself, as far as the chain goes. Never a name the client chose: what no trusted peer wrote is not looked at.
 * IPv6 addresses are given without zone; '' on a unix socket that says nothing.
 */
export function clientAddress(head: RequestHead, peer: string, trusts: (address: string) => boolean): string {
  const address = plain(peer)
  if (!trusts(address)) return address
  const chain = firstValue(head.headers, 'x-forwarded-for')?.split(',') ?? []
  let client = address
  for (let i = chain.length - 1; i >= 0; i--) {
    client = plain((chain[i] as string).trim()) || client
    if (!trusts(client)) break
  }
  return client
}

const mapped = '::ffff:'

function plain(address: string): string {
  if (address.startsWith(mapped) && address.includes('.')) return address.slice(mapped.length)
  const zone = address.indexOf('%')
  return zone < 0 ? address : address.slice(0, zone)
}

/** The network of a client: an IPv4 address, or the /64 of an IPv6 address, since that is what one client is given. */
export function clientNetwork(address: string): string {
  if (!address.includes(':')) return address
  const [front, back] = address.split('::') as [string, string | undefined]
  const groups = front === '' ? [] : front.split(':')
  if (back !== undefined) {
    const behind = back === '' ? [] : back.split(':')
    while (groups.length + behind.length < 8) groups.push('0')
    groups.push(...behind)
  }
  return groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, '').toLowerCase()).join(':')
}
