// A configuration drawn by chance: each policy is on as often as not, with options that make it act.

import type { Random } from '../../proxy/core/random.ts'
import type { RouteSketch, Sketch } from '../support/plans.ts'

type Options = Readonly<Record<string, unknown>>

const observable = ['shed', 'breaker', 'retry', 'recall', 'deadline', 'balance'] as const
const names = ['service', 'second'] as const

export function chaosSketch(random: Random): Sketch {
  const draw = new Draw(random)
  return {
    mode: draw.is(0.1) ? 'observe' : 'enforce',
    listeners: { out: 'egress' },
    upstreams: names.map((name) => ({ name, startupMs: draw.is(0.2) ? 30_000 : 0, options: upstreamOptions(draw) })),
    routes: ['public', 'out'].flatMap((listener) => [route(draw, listener, '/x'), route(draw, listener, '/y')]),
  }
}

class Draw {
  readonly #random: Random
  constructor(random: Random) { this.#random = random }
  is(part: number): boolean { return this.#random() < part }
  of<T>(...list: readonly T[]): T { return list[Math.floor(this.#random() * list.length)] as T }
  /** That option, or nothing. */
  maybe(part: number, options: () => Options): Options { return this.is(part) ? options() : {} }
}

function upstreamOptions(draw: Draw): Options {
  return {
    ...draw.maybe(0.2, () => ({ limit: 'off' })),
    ...draw.maybe(0.4, () => ({ limit: { initial: draw.of(1, 3, 8), min: 1, max: draw.of(4, 20) } })),
    ...draw.maybe(0.4, () => ({
      bulkhead: { maxConcurrent: draw.of(1, 2, 8), maxWait: draw.of(0, 50, 400), maxQueue: draw.of(1, 20) },
    })),
    ...draw.maybe(0.3, () => ({ throttle: { factor: 1.5 } })),
    ...draw.maybe(0.3, () => ({ breaker: { failures: draw.of(2, 5), window: 10_000, openFor: draw.of(50, 500) } })),
    ...draw.maybe(0.1, () => ({ breaker: 'off' })),
    ...draw.maybe(0.5, () => ({ balance: draw.of('peak-ewma', 'least-request', 'round-robin') })),
    ...draw.maybe(0.3, () => ({ deduplicates: { key: draw.of('passthrough', 'per-call') } })),
    ...draw.maybe(0.3, () => ({ timeouts: { attempt: draw.of(20, 200) } })),
    ...draw.maybe(0.2, () => ({ type: 'seawall' })),
  }
}

function route(draw: Draw, listener: string, path: string): RouteSketch {
  return {
    name: `${listener}${path}`, listener, path, isStream: draw.is(0.1),
    policyModes: draw.is(0.2) ? { [draw.of(...observable)]: 'observe' } : {},
    options: {
      ...draw.maybe(0.6, () => ({ deadline: { default: draw.of(30, 300, 3_000) } })),
      ...draw.maybe(0.7, () => ({ retry: { maxAttempts: draw.of(2, 3, 5), maxBodyBytes: draw.of(5, 65_536) } })),
      ...draw.maybe(0.5, () => ({ hedge: { after: draw.of(2, 10, 50) } })),
      ...draw.maybe(0.4, () => ({ failover: { to: 'second' } })),
      ...draw.maybe(0.4, () => ({ fallback: fallback(draw) })),
      ...draw.maybe(0.6, () => ({ idempotency: idempotency(draw) })),
      ...draw.maybe(0.2, () => ({ priority: draw.of('critical', 'sheddable', 'bypass') })),
      ...draw.maybe(0.2, () => ({ bulkhead: { share: 0.5 } })),
      ...draw.maybe(0.2, () => ({ rateLimit: { limits: [{ key: 'route', rate: draw.of('5/s', '100/s') }] } })),
    },
  }
}

function fallback(draw: Draw): Options {
  const on = draw.of(['deadline.expired'], ['shed.limit', 'breaker.open', 503, 'upstream.reset', 'deadline.expired'])
  return draw.is(0.5) ? { on, status: 503, body: 'sorry' } : { on, lastGood: { maxStale: 60_000 } }
}

function idempotency(draw: Draw): Options {
  return {
    ...draw.maybe(0.3, () => ({ methods: ['GET', 'POST', 'PUT'] })),
    ...draw.maybe(0.3, () => ({ onConcurrent: 'reject' })),
    ...draw.maybe(0.3, () => ({ inDoubt: 'retry' })),
    ...draw.maybe(0.3, () => ({ storeFailure: 'open' })),
    ...draw.maybe(0.3, () => ({ lateResponseWindow: 500 })),
    ...draw.maybe(0.3, () => ({ maxResponseBody: 150 })),
    ...draw.maybe(0.3, () => ({ maxRequestBody: 5 })),
    ...draw.maybe(0.3, () => ({ onServerError: 'retry' })),
    ...draw.maybe(0.2, () => ({ quota: { keys: 30, inFlight: 3 } })),
  }
}
