// How heads change on their way through a route, put together once from listener, route and upstream.

import { BlockList, isIPv6 } from 'node:net'
import type { ListenerOptions, RouteConfiguration, UpstreamConfiguration } from '../core/configuration.ts'
import type { Forwarding } from '../core/plan.ts'

/** Fields that we say of keys. From a caller they would be believed by whoever stands behind us. */
const oursOfKeys = ['idempotency-status', 'idempotency-replayed']

export function forwardingOf(
  listener: ListenerOptions, route: RouteConfiguration, upstream: UpstreamConfiguration, via: string,
): Forwarding {
  const keyed = route.options['idempotency']
  const spoofed = keyed === undefined || keyed === 'off' ? [] : oursOfKeys
  return {
    host: upstream.host,
    via,
    stripPrefix: route.stripPrefix,
    // A field that is set replaces the one that came.
    requestRemove: lowerNames([...spoofed, ...route.requestHeaders.remove, ...Object.keys(route.requestHeaders.set)]),
    requestSet: Object.entries(route.requestHeaders.set).flat(),
    responseRemove: lowerNames([...route.responseHeaders.remove, ...Object.keys(route.responseHeaders.set)]),
    responseSet: Object.entries(route.responseHeaders.set).flat(),
    tellsTiming: route.options['explain'] === true,
    trusts: trustIn(listener.trust),
  }
}

function lowerNames(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map((name) => name.toLowerCase()))
}

/** A predicate over peer addresses; nobody is trusted without a range. */
function trustIn(ranges: readonly string[]): (address: string) => boolean {
  if (ranges.length === 0) return () => false
  const trusted = new BlockList()
  for (const range of ranges) {
    const [address, bits] = range.split('/') as [string, string | undefined]
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) trusted.addAddress(address, family)
    else trusted.addSubnet(address, Number(bits), family)
  }
  return (address) => address !== '' && trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
