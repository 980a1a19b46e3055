// From the effective file to the Configuration that the house reads: names into values, addresses into parts, modes to
// where they act. Only called when nothing is wrong; it checks nothing.

import { createHash } from 'node:crypto'
import { dirname, resolve } from 'node:path'
import type {
  Configuration, ListenAddress, ListenerOptions, Mode, RouteConfiguration, UpstreamConfiguration,
} from '../core/configuration.ts'
import type { OptionBag } from '../core/policy.ts'
import { parseAddress } from './address.ts'
import type { EffectiveFile, EffectiveListener, EffectiveRoute, EffectiveUpstream } from './effective-file.ts'
import { recordStoreOf } from './record-store.ts'
import type { PolicyKeys } from './schema.ts'

/** `observe`: everything observes, whatever the file says. */
export interface NormaliseOptions {
  readonly file: string | null
  readonly keys: PolicyKeys
  readonly observe: boolean
  /** Reads a file again that the checks could read. */
  readonly readFile: (path: string) => string
}

export function normalise(effective: EffectiveFile, options: NormaliseOptions): Configuration {
  const { keys, observe } = options
  const mode: Mode = observe ? 'observe' : effective.mode
  const { limits, timeouts, drain, accessLog, readiness, admin, probe } = effective
  const upstreams = Object.entries(effective.upstreams).map(([name, upstream]) => upstreamOf(name, upstream, options))
  return freeze({
    file: options.file,
    hash: hashOf({ effective, observe, ...textsOf(upstreams) }),
    mode,
    listeners: Object.entries(effective.listeners).map(([name, listener]) => listenerOf(name, listener, options.file)),
    admin: { address: addressOf(admin.listen), token: admin.token ?? null },
    probe: probe === undefined ? null : { address: addressOf(probe.listen) },
    limits: { ...limits, requestsPerConnection: limits.requestsPerConnection ?? Infinity },
    timeouts: {
      headMs: timeouts.head, requestIdleMs: timeouts.idle, keepAliveMs: timeouts.keepAlive,
      connectionAgeMs: timeouts.connectionAge ?? Infinity,
    },
    drain: { delayMs: drain.delay, timeoutMs: drain.timeout },
    stores: {
      idempotency: recordStoreOf(effective.stores.idempotency, options.file),
      rateLimit: rateStoreOf(effective.stores.rateLimit),
    },
    accessLog,
    readiness,
    upstreams,
    routes: effective.routes.map((route) => routeOf(route, effective, keys, mode, observe)),
  })
}

function listenerOf(name: string, listener: EffectiveListener, file: string | null): ListenerOptions {
  const { kind, listen, backlog, trust, halfClose, tls, http2 } = listener
  const at = (path: string): string => resolve(dirname(file ?? ''), path)
  return {
    name, kind, address: addressOf(listen), backlog, trust, halfClose,
    tls: tls === undefined ? null : {
      cert: at(tls.cert), key: at(tls.key), clientCa: tls.clientCa === undefined ? null : at(tls.clientCa),
      minVersion: tls.minVersion,
    },
    http2: http2 ?? tls !== undefined,
  }
}

function upstreamOf(
  name: string, upstream: EffectiveUpstream, { keys, readFile, file }: NormaliseOptions,
): UpstreamConfiguration {
  const { tls, http2, host, startup } = upstream
  const read = (path: string | undefined): string | null => path === undefined ? null : readFile(path)
  const files = [tls?.ca, tls?.cert, tls?.key].filter((path) => path !== undefined)
  return {
    name,
    ...endpointsOf(upstream),
    host: host ?? null,
    startupMs: startup,
    ...(tls === undefined ? {} : {
      tls: {
        ca: read(tls.ca), cert: read(tls.cert), key: read(tls.key), serverName: tls.serverName ?? null,
        verifies: !tls.insecureSkipVerify, files: files.map((path) => resolve(dirname(file ?? ''), path)),
      },
    }),
    http2,
    options: withoutModes(upstream, keys.upstream),
  }
}

/** Files that are used as they were read are a part of what is in force: a renewed one is a change. */
function textsOf(upstreams: readonly UpstreamConfiguration[]): { readonly texts?: readonly unknown[] } {
  const texts = upstreams.flatMap(({ name, tls }) => tls === undefined ? [] : [[name, tls.ca, tls.cert, tls.key]])
  return texts.length === 0 ? {} : { texts }
}

function endpointsOf({ endpoints }: EffectiveUpstream): Pick<UpstreamConfiguration, 'endpoints' | 'endpointOptions'> {
  const urls = endpoints.map((endpoint) => new URL(typeof endpoint === 'string' ? endpoint : endpoint.url).origin)
  if (endpoints.every((endpoint) => typeof endpoint === 'string')) return { endpoints: urls }
  return {
    endpoints: urls,
    endpointOptions: endpoints.map((endpoint) => typeof endpoint === 'string'
      ? { tier: 0, weight: 1 }
      : { tier: endpoint.tier, weight: endpoint.weight }),
  }
}

function routeOf(
  route: EffectiveRoute, effective: EffectiveFile, keys: PolicyKeys, mode: Mode, observe: boolean,
): RouteConfiguration {
  const { methods, host, path } = route.match
  const { bodyBytes } = route.limits
  return {
    name: route.name,
    listener: route.listener,
    match: { methods: methods ?? null, host: host ?? null, path },
    upstream: route.upstream,
    mode: observe ? 'observe' : route.mode ?? mode,
    policyModes: observe ? {} : policyModesOf(route, effective, keys),
    isStream: route.stream,
    stripPrefix: route.rewrite.stripPrefix,
    requestHeaders: route.headers.request,
    responseHeaders: route.headers.response,
    maxBodyBytes: bodyBytes === 'off' ? Infinity : bodyBytes,
    options: withoutModes(route, keys.route),
  }
}

/**
 * A policy's mode on a route: what the route says of the policy; else what the upstream says of it, except that a route
 * that observes is not made to act by its upstream; else the route's.
 */
export function policyModesOf(
  route: EffectiveRoute, effective: EffectiveFile, keys: PolicyKeys,
): Readonly<Record<string, Mode>> {
  const modes: Record<string, Mode> = {}
  const upstream = effective.upstreams[route.upstream]
  for (const [policy, mode] of writtenModes(upstream, keys.upstream)) {
    modes[policy] = route.mode === 'observe' ? 'observe' : mode
  }
  for (const [policy, mode] of writtenModes(route, keys.route)) modes[policy] = mode
  return modes
}

function writtenModes(options: object | undefined, keys: ReadonlyMap<string, string>): (readonly [string, Mode])[] {
  return Object.entries(options ?? {}).flatMap(([key, value]: [string, unknown]) => {
    const policy = keys.get(key)
    return policy !== undefined && hasMode(value) ? [[policy, value.mode] as const] : []
  })
}

function hasMode(value: unknown): value is { readonly mode: Mode } {
  return typeof value === 'object' && value !== null && 'mode' in value
}

/** Policies get their options as their own schema has them; their mode is told to them apart. */
function withoutModes(options: object, keys: ReadonlyMap<string, string>): OptionBag {
  return Object.fromEntries(Object.entries(options).map(([key, value]: [string, unknown]) => {
    if (!keys.has(key) || !hasMode(value)) return [key, value]
    const { mode: _mode, ...rest } = value
    return [key, rest]
  }))
}

function rateStoreOf(store: EffectiveFile['stores']['rateLimit']): Configuration['stores']['rateLimit'] {
  if (store === undefined) return null
  const { url, prefix, timeout: timeoutMs } = store
  return { url, prefix, timeoutMs }
}

function addressOf(text: string): ListenAddress {
  const address = parseAddress(text)
  if (address === null) throw new Error(`the address ${text} passed validation and is none`)
  return address
}

/** Equal values have equal hashes, in whatever spelling and order of keys they were written. */
function hashOf(value: unknown): string {
  const sorted = JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner)
  return createHash('sha256').update(sorted).digest('hex').slice(0, 12)
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(freeze)
  }
  return value
}
