// The endpoints of one upstream and what is known of them; outlives a reload. Here endings become knowledge, and
// knowledge becomes standing: put out, probed, let in again, told to whoever watches.

import { EndpointLimits, endpointLimitsKey } from '../../algorithms/endpoint-limits.ts'
import { Balancer } from '../../algorithms/balancer.ts'
import type { BalanceMethod } from '../../algorithms/balancer.ts'
import { EndpointRecord } from '../../algorithms/endpoint-record.ts'
import { failsInARow, mostOut, outliersOf, putOut } from '../../algorithms/outliers.ts'
import type { OutlierReason } from '../../algorithms/outliers.ts'
import type { Attempt } from '../../core/attempt.ts'
import type { EndpointOptions } from '../../core/configuration.ts'
import type { Lesson } from '../../core/outcome-matrix.ts'
import type { PolicyContext } from '../../core/policy.ts'
import { originOf } from '../../core/upstream.ts'
import type { CheckResult, Endpoint } from '../../core/upstream.ts'

/** Between two comparisons of the endpoints, ms. */
const compareMs = 2_000
/** Probes in a row that bring an endpoint back. */
const probesWanted = 3
/** What a failure is put down as: this, or ten times what is usual, ms. */
const leastPenaltyMs = 1_000
const penaltyFactor = 10
const longestPenaltyMs = 60_000
/** Half-life of the rate of calls, ms. */
const rateHalfLifeMs = 10_000

export interface ClusterOptions {
  readonly method: BalanceMethod
  readonly slowStartMs: number
  /** By the origin of the endpoint. */
  readonly shares: ReadonlyMap<string, EndpointOptions | undefined>
  /** Whether active checks say who is well. */
  readonly isChecked: boolean
}

/** What there is to learn from one ending. */
export interface Ending {
  readonly serial: number
  readonly lesson: Lesson
  readonly latencyMs: number
  readonly retryAfterMs: number
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

export class Cluster {
  readonly balancer: Balancer
  readonly #context: PolicyContext
  /** What each of them can use: the sum is what the door of the upstream lets in. */
  readonly #limits: EndpointLimits
  /** By address: attempts under way over a reload know their endpoint as another object. */
  readonly #records = new Map<string, EndpointRecord>()
  /** One endpoint, and nothing to know of it: it is asked whatever happens. */
  isAlone = false
  #compareAt = 0
  #calls = 0
  #calledAt = 0

  constructor(context: PolicyContext) {
    this.#context = context
    this.#limits = context.part(endpointLimitsKey + context.upstream, () => new EndpointLimits())
    this.balancer = new Balancer(context.random)
  }

  /** Takes endpoints and options over; who is known by its address keeps what is known of it. */
  configure(endpoints: readonly Endpoint[], options: ClusterOptions, now: number): void {
    const { balancer } = this
    const isFirst = balancer.records.length === 0
    const known = new Map(balancer.records.map((record) => [record.endpoint.url, record]))
    this.#records.clear()
    this.#limits.setEndpoints(endpoints, now)
    this.isAlone = endpoints.length === 1 && !options.isChecked
    balancer.method = options.method
    balancer.slowStartMs = options.slowStartMs
    balancer.records = endpoints.map((endpoint) => {
      const record = known.get(endpoint.url) ?? new EndpointRecord(endpoint)
      record.limit = this.#limits.of(endpoint)
      // Those that a name turns out to stand for are no newcomers: they have been asked under it.
      const isNew = !known.has(endpoint.url) && (endpoint.isLatecomer ?? !isFirst)
      if (isNew) this.#comesBack(record, now)
      const share = options.shares.get(originOf(endpoint))
      record.endpoint = endpoint
      record.tier = share?.tier ?? 0
      record.weight = share?.weight ?? 1
      if (!options.isChecked) record.isHealthy = true
      this.#records.set(endpoint.url, record)
      return record
    })
    this.#askOthers()
  }

  /** Where this attempt goes; null: nowhere. */
  choose(attempt: Attempt, now: number): EndpointRecord | null {
    this.#called(now)
    if (now >= this.#compareAt) this.#compare(now)
    const { work, kind } = attempt
    return this.balancer.choose({
      tried: work.tried, needsOther: kind === 'hedge', mayProbe: kind === 'first',
      isSafe: safeMethods.has(work.exchange.caller.head.method), serial: attempt.serial,
    }, now)
  }

  recordOf(endpoint: Endpoint | null): EndpointRecord | undefined {
    return endpoint === null ? undefined : this.#records.get(endpoint.url)
  }

  /** How an attempt at that endpoint ended. */
  learn(record: EndpointRecord, ending: Ending, now: number): void {
    const { balance, breaker } = ending.lesson
    if (balance === 'sample') {
      record.sampled(ending.latencyMs)
      record.load.observe(ending.latencyMs, now)
    } else if (balance === 'censored') {
      if (ending.latencyMs > record.load.latencyMs(now)) record.load.observe(ending.latencyMs, now)
    } else if (balance !== 'none') record.load.observe(this.#penaltyMs(ending.retryAfterMs, now), now)
    if (breaker === 'ok') record.succeeded(now)
    else if (breaker === 'fail' || breaker === 'half-fail') this.#failed(record, breaker === 'fail' ? 1 : 0.5, now)
    const { standing } = record
    if (standing.kind !== 'probing' || standing.probe !== ending.serial) return
    standing.probe = 0
    if (breaker === 'ok') {
      if (++standing.passed >= probesWanted) this.#returns(record, 'probes-passed', now)
    } else if (breaker !== 'none' && breaker !== 'ignorable') this.#putOut(record, 'probe-failed', now)
  }

  /** The body of a good answer broke. */
  spoil(record: EndpointRecord, now: number): void {
    record.load.observe(this.#penaltyMs(0, now), now)
    this.#failed(record, 1, now)
  }

  /** An active check has changed its mind. */
  checked(endpoint: Endpoint, isHealthy: boolean, seen: CheckResult, now: number): void {
    const record = this.#records.get(endpoint.url)
    if (record === undefined || record.isHealthy === isHealthy) return
    record.isHealthy = isHealthy
    if (isHealthy) this.#returns(record, 'check', now)
    else {
      this.#askOthers()
      this.#tellEjected(record, `check: ${seen}`, 0)
    }
  }

  /** How many addresses of that origin get nothing. */
  outOf(origin: string): number {
    return this.balancer.records.filter((record) => originOf(record.endpoint) === origin
      && !(record.isHealthy && record.standing.kind === 'in')).length
  }

  /** Figures for status: one text an endpoint, in its order. */
  inspect(now: number): Record<string, string> {
    return Object.fromEntries(this.balancer.records.map((record) => {
      const { standing, load } = record
      const state = !record.isHealthy ? 'unhealthy'
        : standing.kind === 'out' ? `out for ${((standing.until - now) / 1000).toFixed(1)} s` : standing.kind
      return [record.endpoint.url, `${state}, ${load.pending} under way, ${load.latencyMs(now).toFixed(1)} ms`
        + (this.#limits.isOn ? `, limit ${record.limit?.capacity}` : '')]
    }))
  }

  #failed(record: EndpointRecord, weight: number, now: number): void {
    record.failed(weight, now)
    if (!record.isIn || !failsInARow(record, this.balancer.records, now)) return
    const able = this.balancer.records.filter((one) => one.weight > 0)
    if (able.filter((one) => !one.isIn).length < mostOut(able.length)) this.#putOut(record, 'in-a-row', now)
  }

  #compare(now: number): void {
    this.#compareAt = now + compareMs
    const { records, slowStartMs } = this.balancer
    for (const { record, reason } of outliersOf(records, slowStartMs, now)) this.#putOut(record, reason, now)
  }

  #putOut(record: EndpointRecord, reason: OutlierReason | 'probe-failed', now: number): void {
    const callsPerMs = this.#calls * Math.LN2 / rateHalfLifeMs
    const forMs = putOut(record, callsPerMs, this.#context.random, now)
    this.#askOthers()
    this.#tellEjected(record, reason, forMs)
  }

  /** Who is asked may be others now: what the upstream can use is what they can. */
  #askOthers(): void {
    const { balancer } = this
    const tier = balancer.tier()
    for (const record of balancer.records) record.limit?.ask(balancer.asks(record, tier))
    this.#limits.asked()
  }

  #tellEjected(record: EndpointRecord, reason: string, forMs: number): void {
    const { announce, upstream } = this.#context
    announce({ what: 'endpoint-ejected', upstream, endpoint: record.endpoint.url, reason, forMs: Math.round(forMs) })
  }

  #returns(record: EndpointRecord, reason: string, now: number): void {
    record.standing = { kind: 'in' }
    this.#comesBack(record, now)
    this.#askOthers()
    const { announce, upstream } = this.#context
    announce({ what: 'endpoint-returned', upstream, endpoint: record.endpoint.url, reason })
  }

  /** It begins as good as the others, and with a part of its share. */
  #comesBack(record: EndpointRecord, now: number): void {
    record.forget()
    record.backSince = now
    record.limit?.rise()
    record.load.seed(this.#usualMs(now), now)
  }

  #penaltyMs(retryAfterMs: number, now: number): number {
    const usual = Math.max(leastPenaltyMs, penaltyFactor * this.#usualMs(now))
    return Math.min(longestPenaltyMs, Math.max(retryAfterMs, usual))
  }

  /** The middle of what the endpoints that are in take, ms. */
  #usualMs(now: number): number {
    const known = this.balancer.records.filter((record) => record.isIn)
      .map((record) => record.load.latencyMs(now)).filter((ms) => ms > 0).toSorted((a, b) => a - b)
    return known[(known.length - 1) >> 1] ?? 0
  }

  #called(now: number): void {
    this.#calls = this.#calls * 2 ** ((this.#calledAt - now) / rateHalfLifeMs) + 1
    this.#calledAt = now
  }
}
