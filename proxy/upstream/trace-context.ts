// HOT PATH — runs for every attempt. Rules: docs/decisions/0004.
// W3C Trace Context on its way through: a valid trace goes on under a parent-id of ours, anything else begins a new
// one. It records no spans.

import { spanId, traceId } from '../core/random.ts'
import type { Random } from '../core/random.ts'
import { isTraceId, parseTraceparent } from '../core/traceparent.ts'

/** What receivers must be able to take (W3C Trace Context section 3.3.1): beyond that a state is dropped whole. */
const maxStateLength = 512
const maxStateMembers = 32

/** Ids of the lines that were written last: those who ask which exchange a call belongs to compare them. */
export interface TraceIds {
  traceId: string
  spanId: string
}

/**
 * The traceparent line, and the tracestate line if there is one. `traceparent` '' when none came, `tracestate` '' when
 * none did. A new trace takes the id that the exchange was given, or the request id where that is one, so that all
 * attempts belong together. The ids written are left in `ids`.
 */
export function traceLines(
  traceparent: string, tracestate: string, requestId: string, ids: TraceIds, random: Random,
): string {
  const old = traceparent === '' ? null : parseTraceparent(traceparent)
  const span = ids.spanId = spanId(random)
  if (old !== null) {
    ids.traceId = old.traceId
    const line = `traceparent: 00-${old.traceId}-${span}-${old.flags}\r\n`
    return tracestate === '' || !fits(tracestate) ? line : `${line}tracestate: ${tracestate}\r\n`
  }
  if (ids.traceId === '') ids.traceId = isTraceId(requestId) ? requestId : traceId(random)
  // Sampled: samplers that follow their parent, which is what tracing libraries begin with, would otherwise record
  // nothing at all behind a hop that begins the trace.
  return `traceparent: 00-${ids.traceId}-${span}-01\r\n`
}

function fits(tracestate: string): boolean {
  if (tracestate.length > maxStateLength) return false
  let members = 1
  for (let at = tracestate.indexOf(','); at >= 0; at = tracestate.indexOf(',', at + 1)) members++
  return members <= maxStateMembers
}
