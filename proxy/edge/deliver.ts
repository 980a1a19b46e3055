// HOT PATH — runs for every answer. Rules: docs/decisions/0004.
// Hands an answer to the caller: its head without what ends at this hop, then its body, from source to sink without a
// stream between them. Framing is the caller's affair, the length is the source's.

import type { Exchange } from '../core/exchange.ts'
import { isHopByHop, nominated } from '../core/hop-by-hop.ts'
import type { Reply } from '../core/outcome.ts'
import type { Plan } from '../core/plan.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import { withTiming } from './server-timing.ts'

/** Begins the answer. Names and values have passed our reader, or the checks of the configuration. */
export function deliver(exchange: Exchange, reply: Reply, now: number): void {
  const { caller, plan } = exchange
  const { body, status } = reply
  const isBare = hasNoBody(status, caller.head.method)
  const length = isBare ? null : body === null ? 0 : body.length
  // A length stays as received where it is that of this body, or of the one that HEAD and 304 speak of.
  const keptLength = length === null ? (status === 204 ? '' : null) : String(length)
  const kept = passingFields(reply.headers, plan, keptLength, length === -1 && caller.head.version !== 0)
  const fields = plan.forwarding.tellsTiming ? withTiming(kept, exchange, now) : kept
  exchange.isStream = plan.isStream || isEventStream(fields)
  if (exchange.isStream) exchange.work.becameStream()
  const sink = caller.answer(status, reply.reason, fields, length, () => body?.resume())
  exchange.settle(reply, null, status, now)
  if (body !== null && !isBare) return body.flow(sink)
  body?.discard()
  sink.end(null)
}

/** RFC 9112 section 6.3, first rule. */
function hasNoBody(status: number, method: string): boolean {
  return method === 'HEAD' || status === 204 || status === 304
}

/** Lengths of the names that may be dropped by rule, as bits; 25 is the longest. */
const telling = 1 << 2 | 1 << 7 | 1 << 10 | 1 << 14 | 1 << 16 | 1 << 17 | 1 << 18 | 1 << 19 | 1 << 25

/** The fields of an answer that travel on. `keptLength` null: any. Only a chunked body has a place for trailers. */
export function passingFields(
  received: RawHeaders, plan: Plan, keptLength: string | null, hasTrailers: boolean,
): RawHeaders {
  const { responseRemove, responseSet } = plan.forwarding
  const named = nominated(received)
  const takesOut = named.size > 0 || responseRemove.size > 0
  const kept: string[] = []
  for (let i = 0; i < received.length; i += 2) {
    const name = received[i] as string
    if (takesOut || (name.length <= 25 && (1 << name.length & telling) !== 0)) {
      const lower = name.toLowerCase()
      if (isHopByHop(lower) || named.has(lower) || responseRemove.has(lower)) continue
      if (lower === 'trailer' && !hasTrailers) continue
      if (lower === 'content-length' && keptLength !== null && received[i + 1] !== keptLength) continue
    }
    kept.push(name, received[i + 1] as string)
  }
  for (let i = 0; i < responseSet.length; i++) kept.push(responseSet[i] as string)
  return kept
}

function isEventStream(fields: RawHeaders): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    if (name.length === 12 && name.toLowerCase() === 'content-type') {
      return (fields[i + 1] as string).slice(0, 17).toLowerCase() === 'text/event-stream'
    }
  }
  return false
}
