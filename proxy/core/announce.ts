// Turning points worth a line in the log: a typed union and one function, injected. Counters are derived from outcomes
// and gauges are pulled; only true changes of state are announced.

export type Announcement =
  | { readonly what: 'listening'; readonly listener: string; readonly url: string }
  | { readonly what: 'drain-started'; readonly reason: string }
  | { readonly what: 'drain-finished'; readonly durationMs: number; readonly cut: number }
  | { readonly what: 'upstream-not-ready'; readonly upstream: string }
  | { readonly what: 'upstream-ready'; readonly upstream: string; readonly waitedMs: number }
  | { readonly what: 'upstream-startup-over'; readonly upstream: string }
  | { readonly what: 'defect'; readonly where: string; readonly error: unknown }

export type Announce = (announcement: Announcement) => void
