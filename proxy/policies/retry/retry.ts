// Retries on a route: made where they are written, with a budget that all routes of an upstream share.

import { LatencyQuantile } from '../../algorithms/latency-quantile.ts'
import { RetryBudget } from '../../algorithms/retry-budget.ts'
import type { Counter } from '../../core/meter.ts'
import type { OutcomeRow } from '../../core/outcome-matrix.ts'
import type { LayerContext, LayerDefinition } from '../../core/policy.ts'
import { Deduplication } from './repeatable.ts'
import { Retrying } from './retrying.ts'
import { deduplicatesSchema, retrySchema } from './schema.ts'
import type { DeduplicatesOptions, RetryOptions } from './schema.ts'

const defaults = { maxAttempts: 3, maxBodyBytes: 65_536, maxMs: 1_000 }

export const retry: LayerDefinition = {
  name: 'retry',
  routeSchema: { retry: retrySchema },
  upstreamSchema: { deduplicates: deduplicatesSchema },
  create: (context) => {
    const options = context.routeOptions['retry'] as RetryOptions | 'off' | undefined
    if (options === undefined || options === 'off') return null
    return (next) => {
      const retrying = new Retrying(next, optionsOf(options, context))
      context.show('retry', context.route, () => ({ ...retrying.figures }))
      return context.shadow ? retrying.observe : retrying.handle
    }
  },
}

function optionsOf(options: RetryOptions, context: LayerContext): ConstructorParameters<typeof Retrying>[1] {
  const { upstream, route, clock, random, endpoints, meter, upstreamOptions, house, listenerKind, shadow } = context
  // What is only observed is paid from a budget of its own: it must cost those nothing that are really sent again.
  const budget = context.part(`retry-budget:${upstream}${shadow ? ' observed' : ''}`, () => new RetryBudget())
  if (!shadow) meter.gauge('seawall_retry_budget', { upstream }, () => budget.available(clock.now()))
  const deduplicates = upstreamOptions['deduplicates'] as DeduplicatesOptions | 'off' | undefined
  const counters = new Map<OutcomeRow, Counter>()
  return {
    maxAttempts: options.maxAttempts ?? defaults.maxAttempts,
    baseMs: options.backoff?.base ?? null,
    maxMs: options.backoff?.max ?? defaults.maxMs,
    maxBodyBytes: options.maxBodyBytes ?? defaults.maxBodyBytes,
    deduplication: deduplicates === undefined || deduplicates === 'off' ? null : new Deduplication(deduplicates),
    endpoints, budget, clock, random,
    house: listenerKind === 'ingress' ? house : null,
    isSeawall: upstreamOptions['type'] === 'seawall',
    pace: context.part(`pace:${upstream}/${route}`, () => new LatencyQuantile()),
    sentAgain: (row) => {
      const known = counters.get(row)
      if (known !== undefined) return known
      const counter = meter.counter('seawall_retries_total', { upstream, reason: row })
      counters.set(row, counter)
      return counter
    },
  }
}
