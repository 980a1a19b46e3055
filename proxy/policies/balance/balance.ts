// HOT PATH — runs for every attempt where there is a choice. Rules: docs/decisions/0004.
// Chooses the endpoint of an attempt, and learns from its ending how that endpoint is. With one endpoint and no checks
// it does not stand in the way at all: whether that one is asked is the breaker's affair. Where that one is a name it
// stands there and lets all pass, until the name has several addresses.

import type { BalanceMethod } from '../../algorithms/balancer.ts'
import type { Attempt } from '../../core/attempt.ts'
import type { Clock } from '../../core/clock.ts'
import type { Outcome, Refused } from '../../core/outcome.ts'
import type { Gate, PolicyContext, PolicyDefinition } from '../../core/policy.ts'
import { retryAfterMs } from '../../core/retry-after.ts'
import type { Verdict } from '../../core/scope.ts'
import { originOf } from '../../core/upstream.ts'
import { Cluster } from './cluster.ts'
import type { ClusterOptions } from './cluster.ts'
import { HealthChecks, healthChecksKey } from './health-checks.ts'
import { balanceSchema, healthSchema, slowStartSchema } from './schema.ts'
import type { HealthOptions } from './schema.ts'

const none: Refused = { kind: 'refused', by: 'balance', code: 'upstream.none', status: 503, retryAfterMs: 0 }

const defaultSlowStartMs = 10_000

class BalanceGate implements Gate<Attempt> {
  readonly name = 'balance'
  readonly #cluster: Cluster
  readonly #clock: Clock
  readonly #shadow: boolean

  constructor(cluster: Cluster, clock: Clock, shadow: boolean) {
    this.#cluster = cluster
    this.#clock = clock
    this.#shadow = shadow
  }

  /** Observe: the leaf chooses as if nobody stood here, and what happens there is learned all the same. */
  admit(attempt: Attempt, now: number, shadow: boolean): Verdict {
    if (shadow || this.#cluster.isAlone) return null
    const record = this.#cluster.choose(attempt, now)
    if (record === null) return none
    const { work } = attempt
    attempt.endpoint = record.endpoint
    if (work.tried === null) work.tried = [record.endpoint]
    else work.tried.push(record.endpoint)
    record.load.began(now)
    return null
  }

  judge(attempt: Attempt, outcome: Outcome, now: number): void {
    const record = this.#cluster.isAlone ? undefined : this.#cluster.recordOf(attempt.endpoint)
    if (record === undefined) return
    const { lesson, serial, sentAt } = attempt
    this.#cluster.learn(record, {
      serial, lesson,
      latencyMs: sentAt < 0 ? 0 : now - sentAt,
      retryAfterMs: lesson.balance === 'retry-after' ? retryAfterMs(outcome, this.#clock.wallMs()) : 0,
    }, now)
  }

  spoiled(attempt: Attempt, now: number): void {
    const record = this.#cluster.recordOf(attempt.endpoint)
    if (record !== undefined) this.#cluster.spoil(record, now)
  }

  release(attempt: Attempt, now: number): void {
    if (this.#shadow) return
    this.#cluster.recordOf(attempt.endpoint)?.load.ended(now)
    // A gate behind said no: it was chosen, and never asked.
    const { work, endpoint, outcome } = attempt
    const at = outcome?.kind === 'refused' && endpoint !== null ? work.tried?.lastIndexOf(endpoint) ?? -1 : -1
    if (at >= 0) work.tried?.splice(at, 1)
  }
}

/** Stands wherever there are several endpoints, or may be, or checks. */
export const balance: PolicyDefinition<Attempt> = {
  name: 'balance',
  upstreamSchema: { balance: balanceSchema, slowStart: slowStartSchema, health: healthSchema },
  create: (context) => {
    const health = optionOf(context, 'health') as HealthOptions | null
    const { upstream, endpoints, clock, watchEndpoints } = context
    const cluster = context.part(`balance:${upstream}`, () => new Cluster(context))
    const checks = context.part(healthChecksKey + upstream, () => new HealthChecks({
      clock, random: context.random,
      turned: (endpoint, isHealthy, seen) => { cluster.checked(endpoint, isHealthy, seen, clock.now()) },
    }))
    const options: ClusterOptions = {
      method: (optionOf(context, 'balance') ?? 'peak-ewma') as BalanceMethod,
      slowStartMs: (optionOf(context, 'slowStart') ?? defaultSlowStartMs) as number,
      shares: sharesOf(context),
      isChecked: health !== null,
    }
    const takeOver = (): void => {
      cluster.configure(endpoints(), options, clock.now())
      checks.configure(health, endpoints(), context.check)
    }
    takeOver()
    watchEndpoints?.(takeOver)
    if (endpoints().length < 2 && health === null && watchEndpoints === null) return null
    show(context, cluster)
    return new BalanceGate(cluster, clock, context.shadow)
  },
}

/** Labels are as configured: addresses come and go, and a name stands for all of its. */
function show(context: PolicyContext, cluster: Cluster): void {
  const { upstream, endpoints, meter, clock } = context
  context.show('balance', null, () => cluster.inspect(clock.now()))
  for (const origin of new Set(endpoints().map(originOf))) {
    meter.gauge('seawall_endpoint_ejected', { upstream, endpoint: origin }, () => cluster.outOf(origin))
  }
}

/** What the configuration says of each origin: endpoints come in its order. */
function sharesOf({ endpoints, endpointOptions }: PolicyContext): ClusterOptions['shares'] {
  return new Map([...new Set(endpoints().map(originOf))].map((origin, i) => [origin, endpointOptions[i]]))
}

/** Null where it is absent or off. */
function optionOf({ upstreamOptions }: PolicyContext, key: string): unknown {
  const value = upstreamOptions[key]
  return value === undefined || value === 'off' ? null : value
}
