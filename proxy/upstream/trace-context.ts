// HOT PATH — runs for every attempt. Rules: docs/decisions/0004.
// W3C Trace Context on its way through: a valid trace goes on under a parent-id of ours, anything else begins a new
// one. It records no spans.

import { spanId, traceId } from '../core/random.ts'
import type { Random } from '../core/random.ts'

const valid = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/
const someTraceId = /^[0-9a-f]{32}$/
const noTraceId = '0'.repeat(32)
const noParentId = '0'.repeat(16)
/** Length of a version 00 traceparent. */
const wholeLength = 55

/** What receivers must be able to take (W3C Trace Context section 3.3.1): beyond that a state is dropped whole. */
const maxStateLength = 512
const maxStateMembers = 32

/** `<trace-id>-` and the flags that go on with it, of a traceparent that may be continued; null when it may not. */
function continued(traceparent: string): { readonly trace: string; readonly flags: string } | null {
  const isLater = traceparent.length > wholeLength
  // Later versions may add parts after a dash; what they have in front is read as version 00.
  if (isLater && (traceparent.charCodeAt(wholeLength) !== 45 || traceparent.startsWith('00'))) return null
  const known = isLater ? traceparent.slice(0, wholeLength) : traceparent
  if (!valid.test(known) || known.startsWith('ff')) return null
  if (known.startsWith(noTraceId, 3) || known.startsWith(noParentId, 36)) return null
  const flags = known.slice(53)
  // Of later versions only the first flag (sampled) is known to mean the same.
  return { trace: known.slice(3, 36), flags: known.startsWith('00') ? flags : `0${Number.parseInt(flags, 16) & 1}` }
}

/**
 * The traceparent line, and the tracestate line if there is one. `traceparent` '' when none came, `tracestate` '' when
 * none did. A new trace takes the request id for its id where that is one, so that all attempts belong together.
 */
export function traceLines(traceparent: string, tracestate: string, requestId: string, random: Random): string {
  const old = traceparent === '' ? null : continued(traceparent)
  if (old !== null) {
    const line = `traceparent: 00-${old.trace}${spanId(random)}-${old.flags}\r\n`
    return tracestate === '' || !fits(tracestate) ? line : `${line}tracestate: ${tracestate}\r\n`
  }
  const trace = someTraceId.test(requestId) && requestId !== noTraceId ? requestId : traceId(random)
  // Sampled: samplers that follow their parent, which is what tracing libraries begin with, would otherwise record
  // nothing at all behind a hop that begins the trace.
  return `traceparent: 00-${trace}-${spanId(random)}-01\r\n`
}

function fits(tracestate: string): boolean {
  if (tracestate.length > maxStateLength) return false
  let members = 1
  for (let at = tracestate.indexOf(','); at >= 0; at = tracestate.indexOf(',', at + 1)) members++
  return members <= maxStateMembers
}
