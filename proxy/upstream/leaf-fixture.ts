// The near side of a leaf for tests: a made-up caller whose attempt records everything its leaf reports. It judges
// nothing; the cases of leaf-conformance.ts do. Any leaf behind the Upstream interface can be tried with it.

import { Attempt } from '../core/attempt.ts'
import type { BodySource } from '../core/body.ts'
import type { Caller } from '../core/caller.ts'
import { systemClock } from '../core/clock.ts'
import type { Clock } from '../core/clock.ts'
import { Exchange } from '../core/exchange.ts'
import type { Outcome, Reply } from '../core/outcome.ts'
import type { Forwarding, Plan } from '../core/plan.ts'
import { systemRandom } from '../core/random.ts'
import type { Random } from '../core/random.ts'
import type { RawHeaders } from '../core/raw-headers.ts'
import type { GateRun } from '../core/scope.ts'
import type { Endpoint, Upstream } from '../core/upstream.ts'
import { Collected } from './leaf-bodies.ts'

/** What every leaf is made from. */
export interface LeafOptions {
  readonly name: string
  readonly endpoints: readonly Endpoint[]
  readonly timeouts: { readonly connectMs: number; readonly idleMs: number; readonly keepAliveMs: number }
  readonly clock: Clock
  readonly random: Random
}

export type LeafFactory = (options: LeafOptions) => Upstream

/** Options with sane values for a test; an endpoint on loopback for each port. */
export function leafOptions(ports: readonly number[], overrides: Partial<LeafOptions> = {}): LeafOptions {
  return {
    name: 'tested',
    endpoints: ports.map((port) => ({ url: `http://127.0.0.1:${port}`, host: '127.0.0.1', port, isSecure: false })),
    timeouts: { connectMs: 2000, idleMs: 60_000, keepAliveMs: 4000 },
    clock: systemClock,
    random: systemRandom,
    ...overrides,
  }
}

const openGates: GateRun = {
  enter: () => null,
  proceed: () => {},
  leaveLine: () => {},
  judge: () => {},
  release: () => {},
}

export const plainForwarding: Forwarding = {
  host: null,
  via: 'seawall-test',
  stripPrefix: '',
  requestRemove: new Set(),
  requestSet: [],
  responseRemove: new Set(),
  responseSet: [],
  trusts: () => false,
}

export interface RequestShape {
  readonly method?: string
  readonly target?: string
  readonly authority?: string
  readonly headers?: RawHeaders
  readonly version?: 0 | 1 | 2
  readonly expectsContinue?: boolean
  readonly body?: BodySource | null
  readonly remoteAddress?: string
  readonly isSecure?: boolean
  readonly requestId?: string
  /** From now, ms. */
  readonly deadlineMs?: number
  readonly forwarding?: Partial<Forwarding>
  readonly listener?: string
  readonly isStream?: boolean
}

/** One attempt of a made-up request, with everything its leaf reports of it. */
export class Sent {
  readonly attempt: Attempt
  readonly outcome: Promise<Outcome>
  readonly closed: Promise<void>
  readonly interim: { status: number; headers: RawHeaders }[] = []

  constructor(shape: RequestShape = {}, clock: Clock = systemClock) {
    const now = clock.now()
    const caller = callerOf(shape, this.interim)
    const exchange = new Exchange(caller, planOf(shape), { decided: () => {}, expired: () => {} }, now)
    exchange.requestId = shape.requestId ?? '0123456789abcdef0123456789abcdef'
    exchange.isStream = shape.isStream ?? false
    if (shape.deadlineMs !== undefined) exchange.deadlineAt = now + shape.deadlineMs
    const { promise: outcome, resolve } = Promise.withResolvers<Outcome>()
    const { promise: closed, resolve: end } = Promise.withResolvers<void>()
    this.outcome = outcome
    this.closed = closed
    const owner = { ready: () => {}, settled: () => {}, ended: () => { end() } }
    this.attempt = new Attempt(exchange.work, 'first', openGates, owner, clock, resolve, now)
    exchange.work.attempts = 1
    exchange.work.running = this.attempt
  }

  /** The reply's head; throws with what came instead. */
  async reply(): Promise<Reply> {
    const outcome = await this.outcome
    if (outcome.kind !== 'reply') throw new Error(`expected a reply, got ${JSON.stringify(outcome)}`)
    return outcome
  }

  /** The fault code; throws with what came instead. */
  async fault(): Promise<string> {
    const outcome = await this.outcome
    if (outcome.kind !== 'failed') throw new Error(`expected a failure, got ${JSON.stringify(outcome)}`)
    return outcome.fault
  }

  /** Reads the reply's body to its end. */
  async body(): Promise<Collected> {
    const reply = await this.reply()
    const sink = new Collected()
    if (reply.body === null) sink.end(null)
    else reply.body.flow(sink)
    await sink.over
    return sink
  }
}

function callerOf(shape: RequestShape, interim: { status: number; headers: RawHeaders }[]): Caller {
  const target = shape.target ?? '/'
  return {
    head: {
      method: shape.method ?? 'GET',
      target,
      path: target.split('?', 1)[0] as string,
      authority: shape.authority ?? 'shop.example',
      headers: shape.headers ?? ['Host', shape.authority ?? 'shop.example'],
      version: shape.version ?? 1,
      expectsContinue: shape.expectsContinue ?? false,
    },
    body: shape.body ?? null,
    remoteAddress: shape.remoteAddress ?? '192.0.2.7',
    isSecure: shape.isSecure ?? false,
    inform: (status, headers) => { interim.push({ status, headers }) },
    answer: () => { throw new Error('a leaf does not answer callers') },
    refuse: () => { throw new Error('a leaf does not refuse callers') },
    cut: () => {},
    onGone: null,
    onDone: null,
  }
}

function planOf(shape: RequestShape): Plan {
  return {
    route: 'tested',
    index: 0,
    listener: shape.listener ?? 'public',
    upstream: 'tested',
    upstreamIndex: 0,
    endpoints: [],
    doors: openGates,
    handle: () => { throw new Error('no layers in a leaf test') },
    // One object for all plain requests: leaves may keep what they worked out of it.
    forwarding: shape.forwarding === undefined ? plainForwarding : { ...plainForwarding, ...shape.forwarding },
    isStream: shape.isStream ?? false,
    maxBodyBytes: Infinity,
    observer: { attemptEnded: () => {}, exchangeEnded: () => {}, wouldRefuse: () => {} },
  }
}
