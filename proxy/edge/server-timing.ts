// What an answer took, as `server-timing` tells it (W3C Server Timing): for callers of routes that ask for it, and for
// nobody else. What the upstream says of itself in the same field stays as it is, in a line of its own before ours.

import type { Exchange } from '../core/exchange.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import type { Work } from '../core/work.ts'

/**
 * These fields and one more: `queue` is the wait for a permit, `attempts` how many were made, `upstream` the time of
 * the attempt that was answered, or made last, from its first byte to its head; absent where nothing was sent. In ms.
 */
export function withTiming(fields: RawHeaders, { queuedMs, work }: Exchange, now: number): RawHeaders {
  let value = `queue;dur=${shown(queuedMs)}, attempts;desc="${work.attempts}"`
  const upstreamMs = upstreamTime(work, now)
  if (upstreamMs >= 0) value += `, upstream;dur=${shown(upstreamMs)}`
  return [...fields, 'server-timing', value]
}

/** As `seawall_attempt_seconds` counts it; -1: nothing was sent. */
function upstreamTime({ last }: Work, now: number): number {
  if (last === null || last.sentAt < 0) return -1
  return (last.headAt >= 0 ? last.headAt : now) - last.sentAt
}

/** A tenth of a millisecond is what a network leaves of a time. */
function shown(ms: number): number {
  return Math.round(ms * 10) / 10
}
