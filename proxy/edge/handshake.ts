// The head of a WebSocket handshake towards upstream: target and fields as of any other request, and the one upgrade
// that we let through.

import type { IncomingHttpHeaders } from 'node:http'
import type { Exchange } from '../core/exchange.ts'
import { isHopByHop, nominated } from '../core/hop-by-hop.ts'
import type { Endpoint } from '../core/upstream.ts'

/** The target as received, without the prefix that the route cuts off. */
export function handshakeTarget({ caller, plan }: Exchange): string {
  const { target } = caller.head
  const { stripPrefix } = plan.forwarding
  if (stripPrefix === '' || !target.startsWith(stripPrefix)) return target
  const rest = target.slice(stripPrefix.length)
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** Fields by lower-case name; those that came several times stay several lines. */
export function handshakeFields(exchange: Exchange, endpoint: Endpoint, viaPseudonym: string): IncomingHttpHeaders {
  const { caller, plan, requestId } = exchange
  const { head } = caller
  const { forwarding } = plan
  const named = nominated(head.headers)
  const isTrusted = forwarding.trusts(caller.remoteAddress)
  const fields: IncomingHttpHeaders = { __proto__: null } as unknown as IncomingHttpHeaders
  for (let i = 0; i < head.headers.length; i += 2) {
    const name = (head.headers[i] as string).toLowerCase()
    if (isHopByHop(name) || named.has(name) || forwarding.requestRemove.has(name)) continue
    if (!isTrusted && forwarded.has(name)) continue
    add(fields, name, head.headers[i + 1] as string)
  }
  for (let i = 0; i < forwarding.requestSet.length; i += 2) {
    add(fields, (forwarding.requestSet[i] as string).toLowerCase(), forwarding.requestSet[i + 1] as string)
  }
  fields.host = forwarding.host ?? (head.authority || `${endpoint.host}:${endpoint.port}`)
  fields.connection = 'Upgrade'
  fields.upgrade = 'websocket'
  fields.via = joined(fields.via, `1.1 ${viaPseudonym}`)
  if (caller.remoteAddress !== '') {
    fields['x-forwarded-for'] = joined(fields['x-forwarded-for'], caller.remoteAddress)
  }
  fields['x-forwarded-proto'] ??= caller.isSecure ? 'https' : 'http'
  if (head.authority !== '') fields['x-forwarded-host'] ??= head.authority
  fields['x-request-id'] = requestId
  return fields
}

const forwarded: ReadonlySet<string> = new Set([
  'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port',
])

function add(fields: IncomingHttpHeaders, name: string, value: string): void {
  const earlier = fields[name]
  if (earlier === undefined) fields[name] = value
  else fields[name] = Array.isArray(earlier) ? [...earlier, value] : [earlier, value]
}

function joined(earlier: string | string[] | undefined, added: string): string {
  if (earlier === undefined) return added
  return `${Array.isArray(earlier) ? earlier.join(', ') : earlier}, ${added}`
}
