// The breakers of one upstream, which outlive a reload: one for its connections, and one for the answers of each route.
// Here a machine gets its numbers, its turning points are told, and operators may hold it open or closed.

import { BreakerMachine } from '../../algorithms/breaker-machine.ts'
import type { BreakerReason, BreakerSettings, BreakerState } from '../../algorithms/breaker-machine.ts'
import { FailureEvidence, FailureWindow } from '../../algorithms/failure-evidence.ts'
import type { Attempt } from '../../core/attempt.ts'
import type { OutcomeRow } from '../../core/outcome-matrix.ts'
import type { PolicyContext } from '../../core/policy.ts'
import type { BreakerOptions } from './schema.ts'

/** Without a number of its own: enough to be sure, few enough to be quick. */
const defaultProbes = 3
const classic = { windowMs: 10_000, openForMs: 30_000, probes: 1 }

/** The key of an upstream's breakers among the parts. */
export const circuitsKey = 'breaker:'

/** Label of what an upstream's connections have together, where a route's name would stand. */
export const connectionRoute = ''

const gaugeOf: { readonly [S in BreakerState]: number } = { 'closed': 0, 'half-open': 1, 'open': 2 }
const announcementOf = {
  'open': 'breaker-opened', 'half-open': 'breaker-half-opened', 'closed': 'breaker-closed',
} as const

export class Circuits {
  /** Null: nobody has asked for one yet. */
  connection: Circuit | null = null
  readonly routes = new Map<string, Circuit>()

  /** Every breaker of the upstream, or that of one route; none: there is no such route. */
  of(route: string | null): readonly Circuit[] {
    const one = route === null ? undefined : this.routes.get(route)
    if (route !== null) return one === undefined ? [] : [one]
    return this.connection === null ? [...this.routes.values()] : [this.connection, ...this.routes.values()]
  }
}

/** A machine under its names. */
export class Circuit {
  readonly machine: BreakerMachine
  /** What the last failure was, for whoever asks why. */
  lastFailure: OutcomeRow | '' = ''
  /** The attempt that probes; only kept where more can be seen of it than its ending. */
  probe: Attempt | null = null
  #options: string

  constructor(context: PolicyContext, route: string, options: BreakerOptions) {
    const { upstream, meter, announce, clock } = context
    this.#options = JSON.stringify(options)
    this.machine = new BreakerMachine(settingsOf(options), context.random, clock.now(), (to, reason, now) => {
      meter.counter('seawall_breaker_transitions_total', { upstream, route, to, reason }).add()
      const evidence = this.lastFailure === '' ? reason : `${reason}, last failure: ${this.lastFailure}`
      announce({ what: announcementOf[to], upstream, route, reason: reasonFor(reason, evidence),
        retryInMs: Math.round(this.machine.retryInMs(now)) })
    })
    this.tell(context, route)
  }

  /** Shows it in status and metrics. Asked again after each reload. */
  tell(context: PolicyContext, route: string): void {
    const { upstream, clock } = context
    context.meter.gauge('seawall_breaker_state', { upstream, route }, () => gaugeOf[this.machine.state])
    context.show('breaker', route === connectionRoute ? null : route, () => {
      const figures = this.machine.inspect(clock.now())
      return this.lastFailure === '' ? figures : { ...figures, lastFailure: this.lastFailure }
    })
  }

  /** New numbers; the state stays. */
  configure(options: BreakerOptions): void {
    const text = JSON.stringify(options)
    if (text === this.#options) return
    this.#options = text
    this.machine.configure(settingsOf(options))
  }
}

function reasonFor(reason: BreakerReason, evidence: string): string {
  return reason === 'failures' || reason === 'probe-failed' ? evidence : reason
}

function settingsOf({ failures, window, openFor, probes }: BreakerOptions): BreakerSettings {
  if (failures === undefined) {
    return { rule: new FailureEvidence(), probes: probes ?? defaultProbes, openForMs: openFor ?? null }
  }
  return {
    rule: new FailureWindow(failures, window ?? classic.windowMs),
    probes: probes ?? classic.probes,
    openForMs: openFor ?? classic.openForMs,
  }
}

/** The breakers that an attempt on the context's route passes, made once. */
export function circuitsOf(context: PolicyContext): { connection: Circuit; answers: Circuit } {
  const circuits = context.part(circuitsKey + context.upstream, () => new Circuits())
  const forUpstream = optionsIn(context.upstreamOptions['breaker'])
  // One connection that comes about says it all, unless somebody wants more.
  const forConnection = { probes: 1, ...forUpstream }
  const forRoute = { ...forUpstream, ...optionsIn(context.routeOptions['breaker']) }
  const connection = circuits.connection ??= new Circuit(context, connectionRoute, forConnection)
  let answers = circuits.routes.get(context.route)
  if (answers === undefined) circuits.routes.set(context.route, answers = new Circuit(context, context.route, forRoute))
  connection.configure(forConnection)
  connection.tell(context, connectionRoute)
  answers.configure(forRoute)
  answers.tell(context, context.route)
  return { connection, answers }
}

function optionsIn(value: unknown): BreakerOptions {
  return typeof value === 'object' && value !== null ? value : {}
}
