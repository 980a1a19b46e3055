// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// What a request is called in logs, answers and upstream: as its caller calls it, or by a name that is given here.

import type { Caller } from '../core/caller.ts'
import { traceId } from '../core/random.ts'
import type { Random } from '../core/random.ts'
import { firstValue } from '../core/raw-headers.ts'

/** Visible ASCII; longer ones are somebody's payload, not an id. */
const saneRequestId = /^[!-~]{1,128}$/

export function requestIdOf(caller: Caller, random: Random): string {
  const given = firstValue(caller.head.headers, 'x-request-id')
  return given !== undefined && saneRequestId.test(given) ? given : traceId(random)
}
