// Breakers held open or closed by hand: finds those that are meant among the parts. That a hold ends by itself is the
// breaker's own affair.

import type { BreakerChange } from '../admin/changes.ts'
import type { Parts } from '../pipeline/parts.ts'
import { circuitsKey } from '../policies/breaker/circuits.ts'
import type { Circuits } from '../policies/breaker/circuits.ts'

/** Null, or in one sentence which names there are. */
export function holdBreakers(
  parts: Parts, { upstream, route, state, forMs }: BreakerChange, now: number,
): string | null {
  const known = new Map(parts.named<Circuits>(circuitsKey))
  const circuits = known.get(upstream)
  if (circuits === undefined) {
    return `There is no upstream "${upstream}" with a breaker; there are: ${listed(known.keys())}.`
  }
  const meant = circuits.of(route)
  if (meant.length === 0) {
    return `Upstream "${upstream}" has no breaker for a route "${route}"; it has them for: ${
      listed(circuits.routes.keys())}.`
  }
  for (const { machine } of meant) machine.hold(state, now + forMs, now)
  return null
}

function listed(names: Iterable<string>): string {
  const all = [...names]
  return all.length === 0 ? 'none' : all.join(', ')
}
