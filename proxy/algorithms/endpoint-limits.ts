// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// The learned limit of an upstream: one for each of its endpoints, and their sum for the admission. An endpoint that is
// slower, or probes its own limit, changes its own summand and nobody else's. With one endpoint it is that one's limit
// and nothing more.

import type { Endpoint } from '../core/upstream.ts'
import { EndpointLimit } from './endpoint-limit.ts'
import type { LimitSum } from './endpoint-limit.ts'
import { defaultLearning } from './limit.ts'
import type { Limit, LimitLesson, ProbingOptions } from './limit.ts'

/** The key of an upstream's limits among the parts: door and balancer share them. */
export const endpointLimitsKey = 'limits:'

export class EndpointLimits implements Limit, LimitSum {
  isOn = false
  isBinding = false
  /** There are several endpoints, or there were: since then each hears of its own permits. */
  isSplit = false
  /** Told when there may be room that was not there before. */
  onRoom: (() => void) | null = null
  #options: ProbingOptions = defaultLearning
  #isBounded = false
  /** By address: those of the upstream, and those that are no more and have attempts under way. */
  #members = new Map<string, EndpointLimit>()
  /** The only one, while there is but one. */
  readonly #first = new EndpointLimit(defaultLearning, this)
  #sum = 0
  #baselineMs = 0

  /** What the admission may have in use: what its endpoints can use, and what is in use beyond that. */
  get limit(): number { return this.isSplit ? this.#sum : this.#first.learned.limit }

  /** The mean of what they answer at their limits, ms; 0 while nothing is known. */
  get baselineMs(): number { return this.isSplit ? this.#baselineMs : this.#first.learned.baselineMs }

  /** What the endpoints that are asked can use: the sum that people want to see. */
  get usable(): number {
    if (!this.isSplit) return this.limit
    let usable = 0
    for (const member of this.#members.values()) usable += member.usable
    return usable
  }

  /** What they are doing: of one its phase, of several how many are in which. */
  get phase(): string {
    if (!this.isSplit) return this.#first.learned.phase
    const counts = new Map<string, number>()
    for (const { isHere, learned: { phase } } of this.#members.values()) {
      if (isHere) counts.set(phase, (counts.get(phase) ?? 0) + 1)
    }
    return [...counts].map(([phase, count]) => `${phase} ${count}`).join(', ')
  }

  /** Other bounds of each from now on, and what was learned stays; null: off. */
  bound(options: ProbingOptions | null): void {
    this.isOn = options !== null
    if (options === null) return
    this.#options = options
    for (const member of [this.#first, ...this.#members.values()]) {
      if (this.#isBounded) member.learned.bound(options)
      else member.begin(options, 0)
      member.recount()
    }
    this.#isBounded = true
  }

  /** The upstream has these endpoints now. Who is known by its address keeps what was learned of it. */
  setEndpoints(endpoints: readonly Endpoint[], now: number): void {
    const known = this.#members
    const here = [...known.values()].filter(({ isHere }) => isHere).length
    if (here === endpoints.length && endpoints.every(({ url }) => known.get(url)?.isHere === true)) return
    // One for one: what stands behind an address may move, and what was learned with it.
    const isAlone = endpoints.length === 1 && !this.isSplit
    const memberAt = (url: string): EndpointLimit => isAlone ? this.#first : known.get(url) ?? this.#newcomer()
    this.#members = new Map(endpoints.map(({ url }) => [url, memberAt(url)]))
    for (const member of this.#members.values()) member.stay(true)
    if (isAlone) return
    for (const [url, member] of known) {
      if (this.#members.has(url)) continue
      member.stay(false)
      if (member.inUse > 0) this.#members.set(url, member)
    }
    this.isSplit = true
    for (const member of this.#members.values()) member.tell(now)
    this.relearned()
  }

  /** Where the permit of an attempt to that endpoint counts; null: the leaf chooses, and it takes the least busy. */
  of(endpoint: Endpoint | null): EndpointLimit {
    if (!this.isSplit) return this.#first
    return (endpoint === null ? undefined : this.#members.get(endpoint.url)) ?? this.#leastBusy()
  }

  /** Others are asked now: some may find room. */
  asked(): void {
    this.relearned()
    this.onRoom?.()
  }

  /** The proxy itself was held up. */
  disturb(now: number): void {
    if (!this.isSplit) return this.#first.learned.disturb(now)
    for (const { learned } of this.#members.values()) learned.disturb(now)
  }

  observe(inFlight: number, isBinding: boolean, now: number): void {
    const isOther = isBinding !== this.isBinding
    this.isBinding = isBinding
    if (!this.isSplit) this.#first.learned.observe(inFlight, isBinding, now)
    else if (isOther) for (const member of this.#members.values()) member.tell(now)
  }

  /** What was sent past the balancer: of several endpoints nobody knows whose it was. */
  learn(lesson: LimitLesson, latencyMs: number, now: number): void {
    if (!this.isSplit) this.#first.learn(lesson, latencyMs, now)
  }

  add(change: number): void { this.#sum += change }

  relearned(): void {
    if (!this.isSplit) return
    let permits = 0
    let perMs = 0
    for (const { usable, learned: { baselineMs } } of this.#members.values()) {
      if (baselineMs === 0) continue
      permits += usable
      perMs += usable / baselineMs
    }
    // While nobody is asked who is known, what was true before is the best guess.
    if (permits > 0) this.#baselineMs = permits / perMs
  }

  /** One that joins others is most likely like them. */
  #newcomer(): EndpointLimit {
    const peers = [...this.#members.values()].map(({ learned }) => learned).filter(({ baselineMs }) => baselineMs > 0)
    const member = new EndpointLimit(this.#options, this)
    if (peers.length > 0) {
      const initial = middle(peers.map(({ limit }) => limit))
      member.begin({ ...this.#options, initial }, middle(peers.map(({ baselineMs }) => baselineMs)))
      member.learned.bound(this.#options)
    }
    return member
  }

  #leastBusy(): EndpointLimit {
    let best = this.#first
    let fewest = Infinity
    for (const member of this.#members.values()) {
      if (!member.isHere || member.inUse >= fewest) continue
      best = member
      fewest = member.inUse
    }
    return best
  }
}

/** The lower of the two where there are two. */
function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1] as number
}
