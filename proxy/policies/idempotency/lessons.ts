// What an answer means for its key: recorded, or free again because the upstream says that it did nothing. The rule
// stands here alone; that a key is released when nothing was sent is known from the work itself.

import type { FaultCode } from '../../core/codes.ts'
import type { Reply } from '../../core/outcome.ts'
import { firstValue } from '../../core/raw-headers.ts'
import type { DoubtReason } from '../../core/record-store.ts'
import type { Settings } from './settings.ts'

/** What else was sent for the key: nothing, attempts that met a 5xx as this one did, or what may have acted. */
export type Others = 'none' | 'failed' | 'unclear'

/**
 * Whether this answer frees the key: one of the listed statuses, or the word of another Seawall that it sent nothing,
 * from the only attempt that was dispatched, and nothing was done for it elsewhere; or a 5xx where the route says so,
 * and no other attempt came to anything else. A 503 or 408 may come after a charge and is recorded like any other.
 */
export function isReleasing(
  { status, headers }: Reply, settings: Settings, believesStatus: boolean, others: Others, isElsewhere: boolean,
): boolean {
  const isAlone = others === 'none' && !isElsewhere
  if (isAlone && settings.releasing.has(status)) return true
  if (isAlone && believesStatus && firstValue(headers, 'idempotency-status') === 'not-processed') return true
  return settings.retriesServerErrors && status >= 500 && others !== 'unclear'
}

/** Whether it says that nothing was done, or not well, and that other answer to the same key does not. */
export function saysLess(reply: Reply, other: Reply, { releasing }: Settings): boolean {
  const isLittle = ({ status }: Reply): boolean => status >= 500 || releasing.has(status)
  return isLittle(reply) && !isLittle(other)
}

/** Whether the answer goes on for as long as it is read: it is never held back, and its body never kept. */
export function isStream({ headers }: Reply, isSaid: boolean): boolean {
  return isSaid || (firstValue(headers, 'content-type') ?? '').slice(0, 17).toLowerCase() === 'text/event-stream'
}

/** Why nobody knows, from what was seen of the last attempt. */
export function reasonOf(fault: FaultCode): DoubtReason {
  return fault === 'upstream.timeout' || fault === 'upstream.stalled' || fault === 'deadline.expired'
    ? 'timeout'
    : 'reset'
}
