// Asks a second upstream when the first is down, under the same claim and record. What may change something goes there
// only while not one byte of it has been handed to the first: two upstreams never know of each other's keys.
//
// Observe: the first upstream's outcome is the answer; what would have gone to the second is counted in the status.

import type { Outcome } from '../../core/outcome.ts'
import { isSafe } from '../../core/methods.ts'
import type { Handler, LayerDefinition } from '../../core/policy.ts'
import { TriggerSet } from '../../core/trigger.ts'
import type { Triggers } from '../../core/trigger.ts'
import { KeptOutcome } from '../../core/whole-body.ts'
import type { Work } from '../../core/work.ts'
import { failoverSchema } from './schema.ts'
import type { FailoverOptions } from './schema.ts'

/** Of the first upstream's answer, held back while the second is asked. */
const keptBytes = 64 * 1024

/** The first upstream is not there, or says so. */
const down: Triggers = [
  'breaker.open', 'upstream.none', 'upstream.refused', 'upstream.dns', 'upstream.tls', 'upstream.connect-timeout',
  'upstream.timeout', 'upstream.stalled', 'upstream.reset', 'upstream.malformed', 502, 503, 504,
]

class Failing {
  readonly #first: Handler
  readonly #second: Handler
  readonly #on: TriggerSet
  readonly figures = { sentOver: 0, wouldHaveSentOver: 0 }

  constructor(first: Handler, second: Handler, on: TriggerSet) {
    this.#first = first
    this.#second = second
    this.#on = on
  }

  readonly handle: Handler = async (work, kind) => {
    const outcome = await this.#first(work, kind)
    if (!this.#goesOver(work, outcome)) return outcome
    const kept = new KeptOutcome(outcome, keptBytes)
    const failed = work.last
    const other = await this.#second(work, 'failover')
    const attempt = work.last
    if (attempt !== failed && other.kind !== 'refused') this.figures.sentOver++
    if (attempt !== null && attempt !== failed && attempt.sentAt >= 0) {
      kept.drop()
      return other
    }
    // The second was not asked, or does not answer its door: the first's word is the last, if it has said one.
    if (work.delivered === 'no' && other.kind !== 'refused') return other
    work.last = failed
    return kept.take() ?? other
  }

  readonly observe: Handler = async (work, kind) => {
    const outcome = await this.#first(work, kind)
    if (this.#goesOver(work, outcome)) this.figures.wouldHaveSentOver++
    return outcome
  }

  #goesOver(work: Work, outcome: Outcome): boolean {
    const { exchange, delivered } = work
    if (exchange.outcome !== null || this.#on.of(outcome) === null) return false
    if (delivered === 'no') return true
    // Of a body some has gone to the first; safe methods with one are rare, and not worth a record.
    return isSafe(exchange.caller.head.method) && exchange.caller.body === null
  }
}

export const failover: LayerDefinition = {
  name: 'failover',
  routeSchema: { failover: failoverSchema },
  create: (context) => {
    const options = context.routeOptions['failover'] as FailoverOptions | 'off' | undefined
    if (options === undefined || options === 'off' || options.to === context.upstream) return null
    const second = context.beneath(options.to)
    return (first) => {
      const failing = new Failing(first, second, new TriggerSet(options.on ?? down))
      context.show('failover', context.route, () => ({ to: options.to, ...failing.figures }))
      return context.shadow ? failing.observe : failing.handle
    }
  },
}
