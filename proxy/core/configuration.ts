// A configuration after reading: validated, durations in ms, sizes in bytes, defaults filled in. Immutable; a reload
// makes another one. Options of policies stay bags here: each policy reads its own key with its own schema's type.

import type { OptionBag } from './policy.ts'

export type Mode = 'enforce' | 'observe'

export interface ListenerOptions {
  readonly name: string
  readonly kind: 'ingress' | 'egress'
  /** `HOST:PORT` with the port apart; or the path of a unix socket. */
  readonly address: ListenAddress
  readonly backlog: number
  /** CIDR ranges whose forwarded fields are believed. */
  readonly trust: readonly string[]
  /** What a FIN before the answer is complete means. */
  readonly halfClose: 'leave' | 'serve'
  /** Null: without encryption. */
  readonly tls: ListenerTls | null
  /** Whether HTTP/2 is spoken: with TLS where ALPN agrees on it, else where a connection begins with its preface. */
  readonly http2: boolean
}

/** Paths of PEM files; all of them are read again when they change. */
export interface ListenerTls {
  /** The certificate, followed by those between it and its authority. */
  readonly cert: string
  readonly key: string
  /** Authorities of callers: who has no certificate of theirs is not let in. Null: nobody is asked. */
  readonly clientCa: string | null
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
}

export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** What is said of one endpoint beside its address. */
export interface EndpointOptions {
  /** 0 is asked first, the next ones only when the ones before have nobody left. */
  readonly tier: number
  /** Its part among its tier; 0: none. */
  readonly weight: number
}

/** How endpoints with TLS are verified, and what they are shown. PEM texts, read with the configuration. */
export interface UpstreamTlsConfiguration {
  /** Null: the authorities that Node knows. */
  readonly ca: string | null
  /** Both or neither. */
  readonly cert: string | null
  readonly key: string | null
  /** Null: the host of the endpoint. */
  readonly serverName: string | null
  /** False: any certificate of anybody is taken. */
  readonly verifies: boolean
  /** Where the texts came from, in their order. */
  readonly files: readonly string[]
}

export interface UpstreamConfiguration {
  readonly name: string
  /** Origins, `http://127.0.0.1:3000`, without path. */
  readonly endpoints: readonly string[]
  /** In the order of the endpoints; absent where nothing is said of any. */
  readonly endpointOptions?: readonly EndpointOptions[]
  /** Host field sent; null: the caller's own authority. */
  readonly host: string | null
  /** How long refused connections mean "not ready yet" before the first answer, ms. */
  readonly startupMs: number
  /** Absent: nothing is said of it, and endpoints with TLS are verified. */
  readonly tls?: UpstreamTlsConfiguration
  /** Whether HTTP/2 is spoken where ALPN agrees on it, and without asking where there is no TLS. Absent: no. */
  readonly http2?: boolean
  /** Everything under this upstream by key, policies' options included (`bulkhead`, `timeouts`, …). */
  readonly options: OptionBag
}

export interface RouteConfiguration {
  readonly name: string
  readonly listener: string
  readonly match: {
    /** Upper-case; null: every method. */
    readonly methods: readonly string[] | null
    /** Host without port, lower-case; null: every host. */
    readonly host: string | null
    /** Exact path with `:parameters` for whole segments, or a prefix with a final `*`. */
    readonly path: string
  }
  readonly upstream: string
  readonly mode: Mode
  /** Modes of single policies where they differ from the route's. */
  readonly policyModes: Readonly<Record<string, Mode>>
  readonly isStream: boolean
  readonly stripPrefix: string
  readonly requestHeaders: { readonly set: Readonly<Record<string, string>>; readonly remove: readonly string[] }
  readonly responseHeaders: { readonly set: Readonly<Record<string, string>>; readonly remove: readonly string[] }
  /** Largest request body, bytes; Infinity without a limit. */
  readonly maxBodyBytes: number
  /** Everything under this route by key, policies' options included (`deadline`, `bulkhead`, `timeouts`, …). */
  readonly options: OptionBag
}

/** Where a Redis is: one server, sentinels and the name of their primary, or some nodes of a cluster. */
export type RedisPlace =
  | { readonly kind: 'single'; readonly url: string }
  | {
    readonly kind: 'sentinel'; readonly name: string
    readonly sentinels: readonly { readonly host: string; readonly port: number }[]
  }
  | { readonly kind: 'cluster'; readonly urls: readonly string[] }

/** Where the records of keys are kept; opened when a route asks for it. */
export type RecordStoreConfiguration = {
  readonly timeoutMs: number
  /** File of the keys that seal stored answers; null: they are stored as they are. */
  readonly keyFile: string | null
} & (
  | { readonly type: 'memory'; readonly maxKeys: number; readonly maxBytes: number }
  | {
    readonly type: 'lmdb'; readonly path: string; readonly durability: 'process' | 'disk'
    readonly maxBytes: number
  }
  | {
    readonly type: 'redis'; readonly prefix: string; readonly acceptLoss: boolean
    /** Replicas that must have a claim before it counts. */
    readonly waitReplicas: number
    /** After a loss of records no new key is taken that might have been among them. */
    readonly closesOnLoss: boolean
    readonly where: RedisPlace
    readonly username: string | null
    readonly password: string | null
  }
)

export interface Configuration {
  /** Path of the file; null when made from the command line. */
  readonly file: string | null
  /** First 12 hex digits of the SHA-256 of the effective values. */
  readonly hash: string
  readonly mode: Mode
  readonly listeners: readonly ListenerOptions[]
  readonly admin: { readonly address: ListenAddress; readonly token: string | null }
  readonly probe: { readonly address: ListenAddress } | null
  readonly limits: {
    readonly headerBytes: number
    readonly headerCount: number
    readonly uriBytes: number
    readonly connections: number
    readonly connectionsPerCaller: number
    /** Requests after which a connection ends; Infinity: it does not. */
    readonly requestsPerConnection: number
    /** A request's body that is slower on average is too slow; 0: none is. */
    readonly bodyBytesPerSecond: number
  }
  readonly timeouts: {
    /** From the connection (or the last answer's first following byte) to the complete head of a request, ms. */
    readonly headMs: number
    /** Between bytes of a request body, ms. */
    readonly requestIdleMs: number
    /** Keep-alive towards callers, ms. */
    readonly keepAliveMs: number
    /** Age at which a connection of a caller ends with its next answer, ms; Infinity: it does not. */
    readonly connectionAgeMs: number
  }
  readonly drain: { readonly delayMs: number; readonly timeoutMs: number }
  readonly stores: {
    readonly idempotency: RecordStoreConfiguration
    /** Where limits that say so are shared; null: nowhere. */
    readonly rateLimit: { readonly url: string; readonly prefix: string; readonly timeoutMs: number } | null
  }
  readonly accessLog: 'off' | 'errors' | 'sampled' | 'all'
  readonly readiness: { readonly includeUpstream: boolean }
  readonly upstreams: readonly UpstreamConfiguration[]
  readonly routes: readonly RouteConfiguration[]
}
