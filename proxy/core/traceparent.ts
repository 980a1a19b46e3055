// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// What a traceparent field says (W3C Trace Context, section 3.2), and whether it may be continued at all.

export interface TraceParent {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string
  /** 16 lower-case hex digits, not all zero. */
  readonly parentId: string
  /** Two hex digits. */
  readonly flags: string
}

const valid = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/
const noTraceId = '0'.repeat(32)
const noParentId = '0'.repeat(16)
/** Length of a version 00 traceparent. */
const wholeLength = 55

/** The parts of a traceparent that may be continued; null when it may not. */
export function parseTraceparent(text: string): TraceParent | null {
  const isLater = text.length > wholeLength
  // Later versions may add parts after a dash; what they have in front is read as version 00.
  if (isLater && (text.charCodeAt(wholeLength) !== 45 || text.startsWith('00'))) return null
  const known = isLater ? text.slice(0, wholeLength) : text
  if (!valid.test(known) || known.startsWith('ff')) return null
  const traceId = known.slice(3, 35)
  const parentId = known.slice(36, 52)
  if (traceId === noTraceId || parentId === noParentId) return null
  const flags = known.slice(53)
  // Of later versions only the first flag (sampled) is known to mean the same.
  return { traceId, parentId, flags: known.startsWith('00') ? flags : `0${Number.parseInt(flags, 16) & 1}` }
}

const someTraceId = /^[0-9a-f]{32}$/

/** Whether this text (a request id, say) can serve as a trace-id. */
export function isTraceId(text: string): boolean {
  return someTraceId.test(text) && text !== noTraceId
}
