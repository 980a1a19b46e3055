// Turning points worth a line in the log: a typed union and one function, injected. Counters are derived from outcomes
// and gauges are pulled; only true changes of state are announced.

export type Announcement =
  | { readonly what: 'listening'; readonly listener: string; readonly url: string }
  | { readonly what: 'drain-started'; readonly reason: string }
  | { readonly what: 'drain-finished'; readonly durationMs: number; readonly cut: number }
  | {
    readonly what: 'connections-bounded'; readonly configured: number; readonly connections: number
    readonly openFiles: number
  }
  | { readonly what: 'upstream-not-ready'; readonly upstream: string }
  | { readonly what: 'upstream-ready'; readonly upstream: string; readonly waitedMs: number }
  | { readonly what: 'upstream-startup-over'; readonly upstream: string }
  | { readonly what: 'certificate-reloaded'; readonly listener: string; readonly validTo: string }
  | { readonly what: 'certificate-rejected'; readonly listener: string; readonly reason: string }
  | BreakerTurned<'breaker-opened'> | BreakerTurned<'breaker-half-opened'> | BreakerTurned<'breaker-closed'>
  | {
    readonly what: 'endpoint-ejected'; readonly upstream: string; readonly endpoint: string; readonly reason: string
    readonly forMs: number
  }
  | {
    readonly what: 'endpoint-returned'; readonly upstream: string; readonly endpoint: string; readonly reason: string
  }
  | { readonly what: 'configuration-applied'; readonly reason: string; readonly hash: string }
  | { readonly what: 'configuration-unchanged'; readonly reason: string; readonly hash: string }
  | { readonly what: 'configuration-rejected'; readonly reason: string; readonly faults: readonly string[] }
  | { readonly what: 'store-notice'; readonly store: string; readonly notice: string }
  | { readonly what: 'store-down'; readonly store: string; readonly reason: string }
  | { readonly what: 'store-up'; readonly store: string }
  | { readonly what: 'defect'; readonly where: string; readonly error: unknown }

/** `route` is empty for the breaker of an upstream's connections. */
interface BreakerTurned<What extends string> {
  readonly what: What
  readonly upstream: string
  readonly route: string
  readonly reason: string
  /** Until calls are tried again, ms; 0 where that is not a matter of time. */
  readonly retryInMs: number
}

export type Announce = (announcement: Announcement) => void
