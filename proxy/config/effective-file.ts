// The file as it holds, in types: what the schema and its defaults promise once nothing is wrong. Options of policies
// are typed only as far as the rules between parts read them; each policy has the full type of its own.

import type { Mode } from '../core/configuration.ts'

export interface EffectiveListener {
  readonly kind: 'ingress' | 'egress'
  readonly listen: string
  readonly backlog: number
  readonly trust: readonly string[]
  readonly halfClose: 'leave' | 'serve'
  readonly tls?: EffectiveTls
  /** Absent: with `tls`. */
  readonly http2?: boolean
}

export interface EffectiveTls {
  readonly cert: string
  readonly key: string
  readonly clientCa?: string
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
}

export interface EffectiveEndpoint { readonly url: string; readonly tier: number; readonly weight: number }

/** Paths of files, and what is done with them. */
export interface EffectiveUpstreamTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly serverName?: string
  readonly insecureSkipVerify: boolean
}

export interface EffectiveUpstream {
  readonly endpoints: readonly (string | EffectiveEndpoint)[]
  readonly host?: string
  readonly tls?: EffectiveUpstreamTls
  readonly http2: boolean
  readonly type?: 'seawall'
  readonly startup: number
  /** Absent where nothing is written: one bound makes room for another. */
  readonly limit?: { readonly initial?: number; readonly min?: number; readonly max?: number } | 'off'
  readonly bulkhead?: { readonly maxConcurrent: number; readonly maxWait: number; readonly mode?: Mode } | 'off'
  readonly timeouts: { readonly attempt?: number; readonly mode?: Mode } | 'off'
  readonly deduplicates?: { readonly header: string; readonly for: number; readonly mode?: Mode } | 'off'
}

/** What the rules between parts read of it. */
export interface EffectiveIdempotency {
  readonly required: boolean
  readonly scope?: string
  readonly ttl: number
  readonly inDoubt: 'reject' | 'retry'
  readonly fingerprint: { readonly mode: 'raw' | 'json'; readonly exclude: readonly string[] }
  readonly replay: { readonly maxAge?: number }
  readonly storeFailure: 'closed' | 'open'
  readonly mode?: Mode
}

export interface EffectiveRecordStore {
  readonly type: 'memory' | 'lmdb' | 'redis'
  readonly path: string
  readonly durability: 'process' | 'disk'
  readonly maxBytes?: number
  readonly maxKeys: number
  readonly timeout: number
  readonly url?: string
  readonly sentinel?: { readonly name: string; readonly addresses: readonly string[] }
  readonly cluster?: readonly string[]
  readonly username?: string
  readonly password?: string
  readonly prefix: string
  readonly acceptLoss: boolean
  readonly waitReplicas: number
  readonly onStateLoss: 'open' | 'closed'
  readonly encryption?: { readonly keyFile: string }
}

export interface HeaderChanges {
  readonly set: Readonly<Record<string, string>>
  readonly remove: readonly string[]
}

interface EffectiveLimit {
  readonly key: string | readonly string[]
  readonly rate: string
  readonly burst?: number
  readonly name?: string
  readonly maxKeys: number
  readonly shared: boolean
}

export interface EffectiveRoute {
  readonly name: string
  readonly listener: string
  readonly match: { readonly methods?: readonly string[]; readonly host?: string; readonly path: string }
  readonly upstream: string
  readonly mode?: Mode
  readonly stream: boolean
  readonly rewrite: { readonly stripPrefix: string }
  readonly headers: { readonly request: HeaderChanges; readonly response: HeaderChanges }
  readonly limits: { readonly bodyBytes: number | 'off' }
  readonly deadline: { readonly default?: number; readonly max: number; readonly mode?: Mode } | 'off'
  readonly bulkhead?: { readonly share: number; readonly mode?: Mode } | 'off'
  readonly timeouts: { readonly attempt?: number; readonly mode?: Mode } | 'off'
  readonly idempotency?: EffectiveIdempotency | 'off'
  readonly rateLimit?: readonly EffectiveLimit[] | { readonly limits: readonly EffectiveLimit[] } | 'off'
  readonly retry?: {
    readonly maxAttempts: number
    readonly backoff: { readonly max: number }
    readonly mode?: Mode
  } | 'off'
  readonly hedge?: { readonly mode?: Mode } | 'off'
  readonly failover?: { readonly to: string; readonly mode?: Mode } | 'off'
  readonly fallback?: {
    readonly status?: number
    readonly headers?: object
    readonly body?: object | string
    readonly lastGood?: object
    readonly mode?: Mode
  } | 'off'
  readonly fault?: readonly EffectiveInjection[] | { readonly injections: readonly EffectiveInjection[] } | 'off'
}

interface EffectiveInjection { readonly header?: string }

export interface EffectiveFile {
  readonly mode: Mode
  readonly listeners: Readonly<Record<string, EffectiveListener>>
  readonly admin: { readonly listen: string; readonly token?: string }
  readonly probe?: { readonly listen: string }
  readonly limits: {
    readonly headerBytes: number
    readonly headerCount: number
    readonly uriBytes: number
    readonly connections: number
    readonly connectionsPerCaller: number
    readonly requestsPerConnection?: number
    readonly bodyBytesPerSecond: number
  }
  readonly timeouts: {
    readonly head: number
    readonly idle: number
    readonly keepAlive: number
    readonly connectionAge?: number
  }
  readonly drain: { readonly delay: number; readonly timeout: number }
  readonly stores: {
    readonly idempotency: EffectiveRecordStore
    readonly rateLimit?: { readonly url: string; readonly prefix: string; readonly timeout: number }
  }
  readonly accessLog: 'off' | 'errors' | 'sampled' | 'all'
  readonly readiness: { readonly includeUpstream: boolean }
  readonly upstreams: Readonly<Record<string, EffectiveUpstream>>
  readonly routes: readonly EffectiveRoute[]
}

/** The same while something may still be wrong: anything may be absent. */
export type Partly<T> = T extends readonly (infer E)[] ? readonly (Partly<E> | undefined)[]
  : T extends object ? { readonly [K in keyof T]?: Partly<T[K]> | undefined }
  : T

export type PartlyFile = Partly<EffectiveFile>
