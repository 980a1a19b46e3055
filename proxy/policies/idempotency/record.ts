// Around everything that sends: sees to it that the request is here whole, and writes down what all attempts of one key
// came to, before it is replied. Who lost the race for the key is answered here as recall would have, without a permit.

import type { Exchange } from '../../core/exchange.ts'
import type { Answer, Outcome } from '../../core/outcome.ts'
import type { Handler, Layer } from '../../core/policy.ts'
import { WAIT } from '../../core/scope.ts'
import { inProgress, withStatus } from './answers.ts'
import { keyedOf } from './keyed.ts'
import type { Keyed } from './keyed.ts'
import type { KeyedRoute } from './keyed-route.ts'
import { Recollection } from './recollection.ts'

/** How often the key may be free again after a lost race before the caller is told to come back. */
const maxTurns = 3

export function recordLayer(route: KeyedRoute): Layer {
  return (next) => async (work, kind) => {
    const keyed = keyedOf(work.exchange)
    if (keyed === null) return bypassed(route, work.exchange, await next(work, kind))
    if (keyed.isBypassed) return bypassed(route, work.exchange, await next(work, kind))
    const refused = await bodyOf(keyed)
    if (refused !== null) return refused
    for (let turn = 0; turn < maxTurns; turn++) {
      const outcome = await once(keyed, next, work, kind)
      if (outcome !== null) return outcome
    }
    keyed.count('in-progress')
    return inProgress
  }
}

/** What it came to; null: the race was lost, and then the key became free. */
async function once(keyed: Keyed, next: Handler, ...[work, kind]: Parameters<Handler>): Promise<Outcome | null> {
  keyed.lost = null
  const outcome = await next(work, kind).catch((error: unknown) => gaveWay(keyed, error))
  if (keyed.holding !== null) return keyed.holding.conclude(outcome)
  if (keyed.isBypassed) return bypassed(keyed.route, work.exchange, outcome)
  const hasLost = keyed.lost !== null && outcome.kind === 'refused' && outcome.by === 'claim'
  return hasLost ? recollect(keyed) : outcome
}

/** A defect of ours: of the key is known what `delivered` says, and nobody else would ever say it. */
async function gaveWay({ holding }: Keyed, error: unknown): Promise<never> {
  await holding?.conclude({ kind: 'failed', fault: 'upstream.reset', cause: String(error) })
  throw error
}

/** Sent without a record: nobody repeats it safely, and the caller is told. */
function bypassed(route: KeyedRoute, { caller }: Exchange, outcome: Outcome): Outcome {
  if (!route.settings.methods.has(caller.head.method) || outcome.kind !== 'reply') return outcome
  route.count('bypassed')
  return withStatus(outcome, 'bypassed')
}

/** Reads the body where no door has done so; null, or why it cannot be had. */
function bodyOf(keyed: Keyed): Promise<Answer | null> | Answer | null {
  const { promise, resolve } = Promise.withResolvers<Answer | null>()
  const verdict = keyed.intake.read(resolve)
  return verdict === WAIT ? promise : verdict
}

/** As recall would have answered; null: the key is free. */
async function recollect(keyed: Keyed): Promise<Answer | null> {
  // Its caller has left or been told: nobody waits.
  if (keyed.exchange.outcome !== null) return inProgress
  const { promise, resolve } = Promise.withResolvers<Answer | null>()
  const recollection = new Recollection(keyed, resolve)
  const verdict = recollection.begin()
  if (verdict !== WAIT) return verdict
  keyed.recollection = recollection
  keyed.exchange.work.onOver = () => {
    recollection.leave()
    resolve(inProgress)
  }
  const answer = await promise
  keyed.recollection = null
  keyed.exchange.work.onOver = null
  return answer
}
