// HOT PATH — runs for every request. Rules: docs/decisions/0004.
// Counts what ended, at the two choke points (attempt end, exchange end), into flat arrays found by index. It knows
// nothing of HTTP and asks nobody; gauges are pulled when the page is made.

import type { Attempt } from '../core/attempt.ts'
import type { Clock } from '../core/clock.ts'
import { codes } from '../core/codes.ts'
import type { Code } from '../core/codes.ts'
import type { Exchange } from '../core/exchange.ts'
import type { Outcome, PolicyName } from '../core/outcome.ts'
import type { Meter } from '../core/meter.ts'
import type { Observer } from '../core/plan.ts'
import { acceptOverflows } from './accept-overflows.ts'
import { watchEventLoopDelay } from './event-loop-delay.ts'
import type { Gauges } from './inspect.ts'
import {
  codeIndex, codeLabel, kindIndex, modeIndex, outcomeIndex, outcomeLabel, policyIndex, statusClassIndex,
  statusClassLabel, whereIndex,
} from './label-sets.ts'
import type { DeadlinePlace } from './label-sets.ts'
import { createMetricPage } from './metric-page.ts'
import type { MetricPage } from './metric-page.ts'
import { metricFamilies } from './metric-families.ts'
import { createTables } from './metric-tables.ts'
import type { Objective } from './objective.ts'
import { Objectives } from './objectives.ts'
import type { Promises } from './objectives.ts'
import { PolicyMeter } from './policy-meter.ts'
import type { Tables } from './metric-tables.ts'

/** Names of the configuration, in its order: a plan's `index` and `upstreamIndex` are positions in these lists. */
export interface Names {
  readonly routes: readonly string[]
  readonly upstreams: readonly string[]
  /** What is promised of each route, in their order; absent: nothing of any. */
  readonly promises?: Promises
}

export interface MetricsOptions extends Names {
  readonly hash: string
  readonly clock: Clock
  /** Pulled once for each page. */
  readonly gauges: () => Gauges
}

export interface Metrics {
  /** What policies count with. */
  readonly meter: Meter
  /** Counts for the plans of the configuration given at the start. */
  readonly observer: Observer
  readonly page: MetricPage
  /** A request that no route took (`route.none`, or refused at the gate of the listener): `route="_none"`. */
  unrouted(code: Code): void
  /** The observer for the plans of a new configuration; names that stay keep their counts. */
  reloaded(names: Names & { readonly hash: string }): Observer
  /** How what is promised of routes is kept, for status. */
  readonly objectives: Pick<Objectives, 'parts'>
  close(): void
}

/** The route of requests that have none. Names of a configuration do not begin with an underscore. */
export const noRoute = '_none'

export function createMetrics(options: MetricsOptions): Metrics {
  const tables = createTables()
  const objectives = new Objectives(() => options.clock.now())
  const none = tables.routes.slot(noRoute, { route: noRoute })
  const loop = watchEventLoopDelay()
  let hash = options.hash
  // Pulled before a page is made, never here: what has gauges may not have been made yet.
  let gauges: Gauges = { upstreams: [], bulkheads: [], drain: { phase: 'serving', seconds: 0, cut: 0 }, logDropped: 0 }
  const meter = new PolicyMeter()
  const own = metricFamilies(tables, () => gauges, () => hash)
  const families = [...own, ...objectives.families(), ...meter.families(), loop.family, acceptOverflows()]
  return {
    observer: new TableObserver(tables, objectives, options),
    objectives,
    meter,
    page: createMetricPage(families, options.clock, () => { gauges = options.gauges() }),
    unrouted(code) {
      tables.exchanges.add(none, exchangeColumn(outcomeIndex('refused'), code, codes[code].status))
    },
    reloaded(names) {
      hash = names.hash
      return new TableObserver(tables, objectives, names)
    },
    close: () => { loop.stop() },
  }
}

class TableObserver implements Observer {
  readonly #tables: Tables
  /** Rows by the indices of this configuration. */
  readonly #routeRows: Int32Array
  readonly #upstreamRows: Int32Array
  /** Rows of (upstream, route) by the route's index; -1 until the first attempt. */
  readonly #pairRows: Int32Array
  /** By the route's index; null: nothing is promised of it. */
  readonly #objectives: readonly (Objective | null)[]

  constructor(tables: Tables, objectives: Objectives, { routes, upstreams, promises = [] }: Names) {
    this.#tables = tables
    this.#objectives = objectives.follow(routes, promises)
    // Each threshold is an edge: what is read of a burn rate there needs no guess between two.
    for (const promised of promises) if (promised !== null) tables.exchangeMs.addEdge(promised.thresholdMs)
    this.#routeRows = Int32Array.from(routes, (route) => tables.routes.slot(route, { route }))
    this.#upstreamRows = Int32Array.from(upstreams, (upstream) => tables.upstreams.slot(upstream, { upstream }))
    this.#pairRows = new Int32Array(routes.length).fill(-1)
  }

  attemptEnded(attempt: Attempt, now: number): void {
    const tables = this.#tables
    const pair = this.#pair(attempt.work.exchange, attempt.owner.upstream)
    const outcome = attempt.outcome
    const outcomeAt = outcome === null ? outcomeIndex('abandoned') : outcomeIndex(outcome.kind)
    const code = attempt.bodyFault ?? codeOfAttempt(outcome)
    const column = (kindIndex(attempt.kind) * outcomeLabel.values.length + outcomeAt) * codeLabel.values.length
    tables.attempts.add(pair, column + codeIndex(code))
    // What was never sent has no time of its own; what never got a head took until it was given up.
    if (attempt.sentAt >= 0) {
      tables.attemptMs.observe(pair, (attempt.headAt >= 0 ? attempt.headAt : now) - attempt.sentAt)
    }
  }

  exchangeEnded(exchange: Exchange, now: number): void {
    const tables = this.#tables
    const { outcome, plan } = exchange
    const row = this.#routeRows[plan.index] as number
    const outcomeAt = outcomeIndex(outcome === null ? 'abandoned' : outcome.kind)
    tables.exchanges.add(row, exchangeColumn(outcomeAt, exchange.code, exchange.status))
    tables.exchangeMs.observe(row * outcomeLabel.values.length + outcomeAt, now - exchange.startedAt)
    if (exchange.queuedMs > 0) {
      tables.queueMs.observe(this.#upstreamRows[plan.upstreamIndex] as number, exchange.queuedMs)
    }
    if (outcome !== null && outcome.kind === 'refused') this.#refused(row, outcome.by, outcome.code, 0)
    const objective = this.#objectives[plan.index]
    if (objective !== null && objective !== undefined) objective.ended(exchange, now)
    const place = placeOfDeadline(exchange, now)
    if (place !== null) tables.deadlines.add(row, whereIndex(place))
  }

  wouldRefuse(exchange: Exchange, code: Code, policy: PolicyName): void {
    this.#refused(this.#routeRows[exchange.plan.index] as number, policy, code, modeIndex('observe'))
  }

  #refused(row: number, policy: PolicyName, code: Code, mode: number): void {
    this.#tables.refused.add(row, (policyIndex(policy) * codeLabel.values.length + codeIndex(code)) * 2 + mode)
  }

  #pair(exchange: Exchange, upstream: string): number {
    const { index, route, upstream: own } = exchange.plan
    // The second upstream of a failover is looked up by its name.
    const isOwn = upstream === own
    const known = isOwn ? this.#pairRows[index] as number : -1
    if (known >= 0) return known
    const row = this.#tables.pairs.slot(`${upstream}\0${route}`, { upstream, route })
    if (isOwn) this.#pairRows[index] = row
    return row
  }
}

function exchangeColumn(outcomeAt: number, code: Code | null, status: number): number {
  const classes = statusClassLabel.values.length
  return (outcomeAt * codeLabel.values.length + codeIndex(code)) * classes + statusClassIndex(status)
}

function codeOfAttempt(outcome: Outcome | null): Code | null {
  if (outcome === null) return null
  if (outcome.kind === 'refused') return outcome.code
  if (outcome.kind === 'failed') return outcome.fault
  if (outcome.kind === 'abandoned') return codeOfCut[outcome.by]
  return null
}

/** Why an attempt was cut; a rival's victory is no fault of anybody. */
const codeOfCut = { caller: 'caller.gone', deadline: 'deadline.expired', drain: 'drain.closing', rival: null } as const

/** Null: it ended in time, or had no deadline. */
function placeOfDeadline(exchange: Exchange, now: number): DeadlinePlace | null {
  if (now < exchange.deadlineAt) return null
  const { code, outcome, work } = exchange
  if (code !== 'deadline.expired') {
    // The head was in time, the last byte was not; streams are free of it.
    return outcome !== null && outcome.kind === 'reply' && !exchange.isStream ? 'body' : null
  }
  if (work.attempts > 0) return 'attempt'
  // Refused without having waited: dead on arrival. Everything else was cut in a line.
  return outcome !== null && outcome.kind === 'refused' && exchange.queuedMs === 0 ? 'arrival' : 'queue'
}
