// HOT PATH — runs for every attempt. Rules: docs/decisions/0004.
// Where an attempt goes: to the better of two endpoints drawn by lot (or the least busy, or in turn), never to one that
// is out, to one not tried before if there is any, to one below its learned limit if there is any, to the next tier
// only when this one has nobody left. Endpoints that are to come back are probed by first attempts, one at a time.

import type { Random } from '../core/random.ts'
import type { Endpoint } from '../core/upstream.ts'
import type { EndpointRecord } from './endpoint-record.ts'

export type BalanceMethod = 'peak-ewma' | 'least-request' | 'round-robin'

/** What is asked of the one that is to be chosen. */
export interface Wish {
  /** Endpoints that have been tried for this work; null: none. */
  readonly tried: readonly Endpoint[] | null
  /** A hedge: another endpoint, or none. */
  readonly needsOther: boolean
  /** A first attempt, which others can follow: it may serve as a probe. */
  readonly mayProbe: boolean
  /** Nothing is lost when it fails. */
  readonly isSafe: boolean
  readonly serial: number
}

/** An unsafe attempt probes only when for this long none that is safe came along, ms. */
const safeFirstMs = 5_000

export class Balancer {
  readonly #random: Random
  records: readonly EndpointRecord[] = []
  method: BalanceMethod = 'peak-ewma'
  slowStartMs = 10_000
  #candidates: EndpointRecord[] = []
  #turn = 0

  constructor(random: Random) { this.#random = random }

  /** Null: nobody can be asked. */
  choose(wish: Wish, now: number): EndpointRecord | null {
    const probed = wish.mayProbe ? this.#probe(wish, now) : null
    if (probed !== null) return probed
    const candidates = this.#collect(wish)
    if (candidates.length === 0) return null
    if (candidates.length > 1) this.#keepThoseWithRoom(candidates, now)
    if (candidates.length === 1) return candidates[0] as EndpointRecord
    if (this.method === 'least-request') return this.#leastBusy(candidates)
    return this.method === 'round-robin' ? this.#inTurn(candidates, now) : this.#betterOfTwo(candidates, now)
  }

  /** The tier that is asked: the first that has anybody left. Infinity: all look bad. */
  tier(): number {
    let tier = Infinity
    for (const record of this.records) if (record.isIn && record.tier < tier) tier = record.tier
    return tier
  }

  /** Whether attempts go there as a matter of course, while that is the tier. */
  asks(record: EndpointRecord, tier: number): boolean {
    // All look bad, which is more often a wrong check than a dead fleet: everybody is asked as if all were well.
    return tier === Infinity ? record.weight > 0 : record.isIn && record.tier === tier
  }

  #probe(wish: Wish, now: number): EndpointRecord | null {
    for (const record of this.records) {
      const { standing } = record
      if (standing.kind === 'in' || !record.isHealthy || wish.tried?.includes(record.endpoint) === true) continue
      const dueAt = standing.kind === 'out' ? standing.until : standing.since
      if (now < dueAt || (!wish.isSafe && now < dueAt + safeFirstMs)) continue
      if (standing.kind === 'out') record.standing = { kind: 'probing', since: now, probe: wish.serial, passed: 0 }
      else if (standing.probe === 0) standing.probe = wish.serial
      else continue
      return record
    }
    return null
  }

  /** Who may be chosen: the first tier that has anybody; all of them in need. */
  #collect(wish: Wish): EndpointRecord[] {
    const { records } = this
    const tier = this.tier()
    const candidates = this.#candidates
    candidates.length = 0
    let untried = 0
    for (const record of records) {
      if (!this.asks(record, tier)) continue
      if (wish.tried?.includes(record.endpoint) === true) {
        if (!wish.needsOther) candidates.push(record)
      } else {
        // Untried ones to the front, so that the tried ones can be cut off.
        candidates.push(record)
        const last = candidates.length - 1
        candidates[last] = candidates[untried] as EndpointRecord
        candidates[untried++] = record
      }
    }
    if (untried > 0) candidates.length = untried
    return candidates
  }

  /** Cuts off those that have no room below their own limit; where none has any, all but the one least over it. */
  #keepThoseWithRoom(candidates: EndpointRecord[], now: number): void {
    let least = candidates[0] as EndpointRecord
    let leastOver = Infinity
    let kept = 0
    for (let i = 0; i < candidates.length; i++) {
      const record = candidates[i] as EndpointRecord
      const over = record.limit?.over ?? -1
      if (over < 0) {
        candidates[i] = candidates[kept] as EndpointRecord
        candidates[kept++] = record
        continue
      }
      record.limit?.turnedAway(now)
      if (over >= leastOver) continue
      least = record
      leastOver = over
    }
    if (kept === 0) candidates[kept++] = least
    candidates.length = kept
  }

  #betterOfTwo(candidates: readonly EndpointRecord[], now: number): EndpointRecord {
    const [first, second] = this.#two(candidates)
    const [better, other] = first.load.cost(now) <= second.load.cost(now) ? [first, second] : [second, first]
    // Who is coming back gets its part, however little it has to do.
    return this.#isCold(better, now) && !this.#isCold(other, now) ? other : better
  }

  #isCold(record: EndpointRecord, now: number): boolean {
    const warmth = record.warmth(this.slowStartMs, now)
    return warmth < 1 && this.#random() >= warmth
  }

  /** Two by lot: different ones where all weigh the same, else each by its weight. */
  #two(candidates: readonly EndpointRecord[]): readonly [EndpointRecord, EndpointRecord] {
    const count = candidates.length
    const { weight } = candidates[0] as EndpointRecord
    if (candidates.every((record) => record.weight === weight)) {
      const first = Math.floor(this.#random() * count)
      const second = (first + 1 + Math.floor(this.#random() * (count - 1))) % count
      return [candidates[first] as EndpointRecord, candidates[second] as EndpointRecord]
    }
    return [this.#byWeight(candidates), this.#byWeight(candidates)]
  }

  #byWeight(candidates: readonly EndpointRecord[]): EndpointRecord {
    let total = 0
    for (const { weight } of candidates) total += weight
    let left = this.#random() * total
    for (const record of candidates) if ((left -= record.weight) < 0) return record
    return candidates[candidates.length - 1] as EndpointRecord
  }

  #leastBusy(candidates: readonly EndpointRecord[]): EndpointRecord {
    const start = this.#turn++ % candidates.length
    let best = candidates[start] as EndpointRecord
    for (let i = 1; i < candidates.length; i++) {
      const record = candidates[(start + i) % candidates.length] as EndpointRecord
      if ((record.load.pending + 1) / record.weight < (best.load.pending + 1) / best.weight) best = record
    }
    return best
  }

  /** Smooth weighted round robin: everybody earns its weight, the richest pays for all. */
  #inTurn(candidates: readonly EndpointRecord[], now: number): EndpointRecord {
    let total = 0
    let best = candidates[0] as EndpointRecord
    for (const record of candidates) {
      const weight = record.weight * record.warmth(this.slowStartMs, now)
      total += weight
      record.turn += weight
      if (record.turn > best.turn) best = record
    }
    best.turn -= total
    return best
  }
}
