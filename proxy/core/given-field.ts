// Whether a field of the caller goes upstream with every attempt. What rests on a key that the upstream knows must ask
// here: one that ends at this hop is in the caller's head, and in no other.

import type { Exchange } from './exchange.ts'
import { nominated } from './hop-by-hop.ts'

/** True when its head has the field of this lower-case name, and neither the route nor Connection takes it out. */
export function isGiven({ caller: { head: { headers } }, plan }: Exchange, lowerName: string): boolean {
  const isNamed = headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === lowerName)
  return isNamed && !plan.forwarding.requestRemove.has(lowerName) && !nominated(headers).has(lowerName)
}
