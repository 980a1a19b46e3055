// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// Metrics and access log behind the one Observer that a plan knows.

import type { Observer } from '../core/plan.ts'
import type { AccessLog } from './access-log.ts'

/** Counts first, then logs. */
export function observeWith(metrics: Observer, log: AccessLog): Observer {
  return {
    attemptEnded: (attempt, now) => { metrics.attemptEnded(attempt, now) },
    exchangeEnded(exchange, now) {
      metrics.exchangeEnded(exchange, now)
      log.exchangeEnded(exchange, now)
    },
    wouldRefuse: (exchange, code, policy) => { metrics.wouldRefuse(exchange, code, policy) },
  }
}
