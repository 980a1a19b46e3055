// HOT PATH — runs for every request that is not decided on at once. Rules: docs/decisions/0004.
// The exchanges that wait at a door, in no order. A list with each one's place in it and not a Set: a Set that grows
// and shrinks leaves tables behind of which each keeps the next alive, and with the first one in old space all who
// waited after it stay until old space is collected.

import type { Exchange } from '../core/exchange.ts'

export class WaitingExchanges {
  #members: Exchange[] = []

  add(exchange: Exchange): void {
    exchange.waitingIndex = this.#members.push(exchange) - 1
  }

  /** Nothing happens to one who does not wait. */
  remove(exchange: Exchange): void {
    const at = exchange.waitingIndex
    if (at < 0) return
    exchange.waitingIndex = -1
    const last = this.#members.pop() as Exchange
    if (last === exchange) return
    this.#members[at] = last
    last.waitingIndex = at
  }

  /** All of them; nobody waits from then on. */
  takeAll(): readonly Exchange[] {
    const all = this.#members
    this.#members = []
    for (const exchange of all) exchange.waitingIndex = -1
    return all
  }
}
