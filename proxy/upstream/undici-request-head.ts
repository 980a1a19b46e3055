// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The outgoing head as undici takes it: what ends at this hop is left out, and so is everything undici writes itself or
// refuses to write.

import type { Attempt } from '../core/attempt.ts'
import { isHopByHop, nominated } from '../core/hop-by-hop.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import type { Endpoint } from '../core/upstream.ts'

/** Methods whose missing body has to be said in numbers (RFC 9110 section 8.6). */
const expectsBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

export interface UndiciHead {
  readonly method: string
  readonly target: string
  readonly fields: RawHeaders
}

/** The head of this attempt towards that endpoint. */
export function outgoingHead(attempt: Attempt, endpoint: Endpoint): UndiciHead {
  const { caller, plan } = attempt.work.exchange
  const { head, body } = caller
  const named = nominated(head.headers)
  const fields: string[] = ['host', plan.forwarding.host ?? (head.authority || hostOf(endpoint))]
  for (let i = 0; i < head.headers.length; i += 2) {
    const name = head.headers[i] as string
    const lower = name.toLowerCase()
    if (isHopByHop(lower) || named.has(lower) || lower === 'host' || lower === 'content-length' || lower === 'expect') {
      continue
    }
    fields.push(name, head.headers[i + 1] as string)
  }
  const length = body !== null ? body.length : expectsBody.has(head.method) ? 0 : -1
  if (length >= 0) fields.push('content-length', String(length))
  return { method: head.method, target: head.target, fields }
}

function hostOf(endpoint: Endpoint): string {
  return `${endpoint.host}:${endpoint.port}`
}
