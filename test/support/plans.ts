// Compiled plans without files and sockets, for tests of policies and worlds: real policies, real order, real joining.

import type { Announcement } from '../../proxy/core/announce.ts'
import type { Attempt } from '../../proxy/core/attempt.ts'
import type { Clock } from '../../proxy/core/clock.ts'
import type { Code } from '../../proxy/core/codes.ts'
import type { Configuration, Mode, RouteConfiguration, UpstreamConfiguration } from '../../proxy/core/configuration.ts'
import type { Exchange } from '../../proxy/core/exchange.ts'
import { House } from '../../proxy/core/house.ts'
import type { PolicyName } from '../../proxy/core/outcome.ts'
import type { Observer } from '../../proxy/core/plan.ts'
import type { Random } from '../../proxy/core/random.ts'
import type { RecordStore } from '../../proxy/core/record-store.ts'
import type { Upstream } from '../../proxy/core/upstream.ts'
import { PolicyMeter } from '../../proxy/observe/policy-meter.ts'
import { compile } from '../../proxy/pipeline/compile.ts'
import type { Ground } from '../../proxy/pipeline/compile.ts'
import { Parts } from '../../proxy/pipeline/parts.ts'
import type { RouteTable } from '../../proxy/pipeline/route-table.ts'

export interface RouteSketch extends Partial<Omit<RouteConfiguration, 'match' | 'options'>> {
  readonly path?: string
  readonly methods?: readonly string[]
  readonly options?: Readonly<Record<string, unknown>>
}

export interface Sketch {
  readonly mode?: Mode
  readonly listenerKind?: 'ingress' | 'egress'
  /** Others beside `public`, by name. */
  readonly listeners?: Readonly<Record<string, 'ingress' | 'egress'>>
  readonly routes?: readonly RouteSketch[]
  readonly upstreams?: readonly (Partial<UpstreamConfiguration> & { readonly name: string })[]
}

/** A whole configuration from the few things a test wants to say. */
export function configurationOf(sketch: Sketch): Configuration {
  const mode = sketch.mode ?? 'enforce'
  return {
    file: null, hash: '000000000000', mode,
    listeners: Object.entries(kindsOf(sketch)).map(([name, kind]) => ({
      name, kind, backlog: 511, trust: [], halfClose: 'leave' as const,
      address: { kind: 'tcp' as const, host: '127.0.0.1', port: 0 }, tls: null, http2: false,
    })),
    admin: { address: { kind: 'tcp', host: '127.0.0.1', port: 0 }, token: null },
    probe: null,
    limits: {
      headerBytes: 16_384, headerCount: 100, uriBytes: 8_192, connections: 10_000, connectionsPerCaller: 1_000,
      requestsPerConnection: Infinity, bodyBytesPerSecond: 240,
    },
    timeouts: { headMs: 10_000, requestIdleMs: 30_000, keepAliveMs: 75_000, connectionAgeMs: Infinity },
    drain: { delayMs: 5_000, timeoutMs: 25_000 },
    stores: {
      idempotency: { type: 'memory', timeoutMs: 250, keyFile: null, maxKeys: 1_000, maxBytes: 1_048_576 },
      rateLimit: null,
    },
    accessLog: 'errors',
    readiness: { includeUpstream: false },
    upstreams: (sketch.upstreams ?? [{ name: 'service' }]).map((upstream) => ({
      endpoints: ['http://service.test'], host: null, startupMs: 30_000, options: {}, ...upstream,
    })),
    routes: (sketch.routes ?? [{}]).map(({ path, methods, options, ...rest }, index) => ({
      name: `route-${index}`, listener: 'public', upstream: 'service', mode, policyModes: {}, isStream: false,
      stripPrefix: '', requestHeaders: { set: {}, remove: [] }, responseHeaders: { set: {}, remove: [] },
      maxBodyBytes: Infinity, match: { methods: methods ?? null, host: null, path: path ?? '/*' },
      options: options ?? {}, ...rest,
    })),
  }
}

function kindsOf({ listenerKind, listeners }: Sketch): Readonly<Record<string, 'ingress' | 'egress'>> {
  return { public: listenerKind ?? 'ingress', ...listeners }
}

/** Counts, and keeps what was said. */
export class Recorder implements Observer {
  readonly attempts: Attempt[] = []
  readonly exchanges: Exchange[] = []
  readonly would: { readonly code: Code; readonly policy: PolicyName }[] = []
  attemptEnded(attempt: Attempt): void { this.attempts.push(attempt) }
  exchangeEnded(exchange: Exchange): void { this.exchanges.push(exchange) }
  wouldRefuse(_exchange: Exchange, code: Code, policy: PolicyName): void { this.would.push({ code, policy }) }
}

export interface Joined {
  readonly table: RouteTable
  readonly record: Recorder
  readonly house: House
  readonly announced: Announcement[]
  readonly parts: Parts
  readonly meter: PolicyMeter
  /** To compile another configuration over the same parts. */
  readonly ground: Ground
}

/** Compiles a sketch over that clock, that upstream (or those, by name) and, for keys, that store. */
export function join(
  sketch: Sketch, clock: Clock, random: Random, upstream: Upstream | ((name: string) => Upstream),
  records: RecordStore | null = null,
): Joined {
  const record = new Recorder()
  const house = new House()
  const announced: Announcement[] = []
  const parts = new Parts()
  const meter = new PolicyMeter()
  const ground: Ground = {
    clock, random, observer: record, house, parts, meter, records,
    upstreamOf: typeof upstream === 'function' ? upstream : () => upstream,
    viaOf: (listener) => `seawall-${listener}`,
    announce: (announcement) => { announced.push(announcement) },
  }
  const table = compile(configurationOf(sketch), ground)
  return { table, record, house, announced, parts, meter, ground }
}
