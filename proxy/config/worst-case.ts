// How long a caller may wait on a route, and how often its upstream may be asked: from the numbers of the configuration
// alone, without looking at any traffic.

import { defaultQueueBounds } from '../algorithms/accepted-wait.ts'
import type { RouteConfiguration, UpstreamConfiguration } from '../core/configuration.ts'
import type { EffectiveRoute, EffectiveUpstream } from './effective-file.ts'
import { formatQuantity } from './quantity.ts'

export interface WorstCase {
  /** Attempts that one request can make. */
  readonly attempts: number
  /** From the request's head to the head of the answer, ms; null: nothing bounds it. */
  readonly timeMs: number | null
  /** The same for callers that send no deadline of their own. */
  readonly withoutCallerDeadlineMs: number | null
  /** What it is made of, one sentence each. */
  readonly because: readonly string[]
}

type RouteParts = Pick<EffectiveRoute, 'deadline' | 'timeouts' | 'retry' | 'hedge' | 'failover'>

export function worstCase(route: RouteConfiguration, upstream: UpstreamConfiguration): WorstCase {
  const options = route.options as unknown as RouteParts
  const behind = upstream.options as unknown as Pick<EffectiveUpstream, 'bulkhead' | 'limit' | 'timeouts'> & {
    readonly timeouts: { readonly connect?: number; readonly idle?: number } | 'off'
  }
  const deadline = isActing(route, 'deadline') && options.deadline !== 'off' ? options.deadline : null
  const waitMs = isActing(route, 'shed') && route.options['priority'] !== 'bypass' ? longestWaitMs(behind) : 0
  const limits = behind.timeouts === 'off' ? {} : behind.timeouts
  const own = options.timeouts === 'off' ? {} : options.timeouts
  const attemptMs = isActing(route, 'timeouts') ? own.attempt ?? limits.attempt ?? Infinity : Infinity
  const attempts = attemptsOf(route, options)
  const backoffMs = attempts === 1 || options.retry === undefined || options.retry === 'off'
    ? 0 : (attempts - 1) * (options.retry.backoff.max)
  const partsMs = waitMs + backoffMs + attempts * ((limits.connect ?? 0) + attemptMs)
  const asking = Math.min(deadline?.max ?? Infinity, partsMs)
  const silent = Math.min(deadline?.default ?? Infinity, partsMs)
  const because = [
    `a caller without a deadline: ${shown(silent)} to the head of the answer`,
    `a caller that sends one: at most ${shown(asking)}`,
    `of that: wait for a permit ${shown(waitMs)}, connect ${shown(limits.connect ?? 0)}, attempt ${shown(attemptMs)}`,
  ]
  if (silent === Infinity) because.push('deadline.default or timeouts.attempt would bound it')
  if (route.isStream || deadline === null) because.push(`the body: as long as bytes come within ${shown(
    limits.idle ?? Infinity)} of each other`)
  return { attempts, timeMs: bounded(Math.max(asking, silent)), withoutCallerDeadlineMs: bounded(silent), because }
}

/** One line for the limit and the bulkhead, and one wait in it. */
function longestWaitMs({ bulkhead, limit }: Pick<EffectiveUpstream, 'bulkhead' | 'limit'>): number {
  const ceiling = bulkhead === undefined || bulkhead === 'off' ? 0 : bulkhead.maxWait
  return Math.max(ceiling, limit === 'off' ? 0 : defaultQueueBounds.maxMs)
}

/** Retries and a hedge count together; another upstream is asked once more. */
function attemptsOf(route: RouteConfiguration, { retry, hedge, failover }: RouteParts): number {
  const sent = retry !== undefined && retry !== 'off' && isActing(route, 'retry') ? retry.maxAttempts : 1
  const asked = hedge !== undefined && isActing(route, 'hedge') && retry === undefined ? 2 : sent
  return asked + (failover !== undefined && isActing(route, 'failover') ? 1 : 0)
}

function isActing(route: RouteConfiguration, policy: string): boolean {
  return route.options[policy] !== 'off' && (route.policyModes[policy] ?? route.mode) === 'enforce'
}

function shown(ms: number): string {
  return ms === Infinity ? 'without bound' : formatQuantity('duration', ms)
}

function bounded(ms: number): number | null { return ms === Infinity ? null : ms }
