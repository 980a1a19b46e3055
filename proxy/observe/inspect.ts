// One look at everything that moves, for /admin/status and for the gauges of /metrics. It asks when somebody looks and
// keeps nothing; what counts over time is in metrics.ts.

import type { Priority } from '../core/priority.ts'

export type Figures = Record<string, number | string>

/**
 * Something with figures: a gate's part, or the connections of an upstream. `route` is null for what an upstream has
 * alone. Gauges are read from these names of figures, of an upstream's own parts: `inFlight`, `streams`, `tunnels`,
 * `queuedCritical`, `queuedDefault`, `queuedSheddable`; and of a part on a route: `inUse` (its share of the bulkhead).
 */
export interface Part {
  readonly name: string
  readonly upstream: string
  readonly route: string | null
  inspect(): Figures
}

export interface DrainFigures {
  readonly phase: string
  /** Time since the drain began, 0 before. */
  readonly seconds: number
  /** Exchanges cut because the time was over. */
  readonly cut: number
}

export interface ListenerFigures { readonly name: string; readonly kind: string; readonly url: string }

export interface InspectSources {
  readonly version: string
  configuration(): { readonly file: string | null; readonly hash: string; readonly mode: string }
  readonly uptimeSeconds: () => number
  readonly listeners: () => readonly ListenerFigures[]
  readonly upstreams: () => readonly { readonly name: string; readonly endpoints: readonly string[] }[]
  readonly routes: () => readonly { readonly name: string; readonly upstream: string; readonly mode: string }[]
  readonly parts: () => Iterable<Part>
  readonly drain: () => DrainFigures
  readonly logDropped: () => number
}

export interface UpstreamStatus {
  readonly name: string
  readonly endpoints: readonly string[]
  /** By the name of the part. */
  readonly parts: Readonly<Record<string, Figures>>
}

export interface RouteStatus {
  readonly name: string
  readonly upstream: string
  readonly mode: string
  readonly parts: Readonly<Record<string, Figures>>
}

/** The body of GET /admin/status. */
export interface Status {
  readonly version: string
  readonly node: string
  readonly pid: number
  readonly uptimeSeconds: number
  readonly mode: string
  readonly configuration: { readonly file: string | null; readonly hash: string }
  readonly drain: DrainFigures
  readonly listeners: readonly ListenerFigures[]
  readonly upstreams: readonly UpstreamStatus[]
  readonly routes: readonly RouteStatus[]
  readonly log: { readonly dropped: number }
}

export interface UpstreamGauges {
  readonly upstream: string
  readonly inFlight: number
  readonly queued: Readonly<Record<Priority, number>>
  readonly streams: number
  readonly tunnels: number
}

export interface Gauges {
  readonly upstreams: readonly UpstreamGauges[]
  readonly bulkheads: readonly { readonly upstream: string; readonly route: string; readonly inUse: number }[]
  readonly drain: DrainFigures
  readonly logDropped: number
}

/** Everything that moves, now. */
export function inspect(sources: InspectSources): Status {
  const parts = [...sources.parts()]
  const { file, hash, mode } = sources.configuration()
  return {
    version: sources.version,
    node: process.version,
    pid: process.pid,
    uptimeSeconds: Math.round(sources.uptimeSeconds() * 10) / 10,
    mode,
    configuration: { file, hash },
    drain: sources.drain(),
    listeners: sources.listeners(),
    upstreams: sources.upstreams().map(({ name, endpoints }) => ({
      name, endpoints, parts: figuresOf(parts.filter((part) => part.upstream === name && part.route === null)),
    })),
    routes: sources.routes().map(({ name, upstream, mode }) => ({
      name, upstream, mode, parts: figuresOf(parts.filter((part) => part.route === name)),
    })),
    log: { dropped: sources.logDropped() },
  }
}

/** The part of a status that metrics show. */
export function gaugesOf(status: Pick<Status, 'upstreams' | 'routes' | 'drain' | 'log'>): Gauges {
  return {
    upstreams: status.upstreams.map(({ name, parts }) => ({
      upstream: name,
      inFlight: sum(parts, 'inFlight'),
      queued: {
        critical: sum(parts, 'queuedCritical'),
        default: sum(parts, 'queuedDefault'),
        sheddable: sum(parts, 'queuedSheddable'),
      },
      streams: sum(parts, 'streams'),
      tunnels: sum(parts, 'tunnels'),
    })),
    bulkheads: status.routes
      .filter(({ parts }) => Object.values(parts).some((figures) => 'inUse' in figures))
      .map(({ name, upstream, parts }) => ({ upstream, route: name, inUse: sum(parts, 'inUse') })),
    drain: status.drain,
    logDropped: status.log.dropped,
  }
}

function figuresOf(parts: readonly Part[]): Record<string, Figures> {
  const figures: Record<string, Figures> = {}
  // Two parts of one name (a gate on each of two routes of an upstream) would hide each other: figures are joined.
  for (const part of parts) figures[part.name] = { ...figures[part.name], ...part.inspect() }
  return figures
}

function sum(parts: Readonly<Record<string, Figures>>, name: string): number {
  let total = 0
  for (const figures of Object.values(parts)) {
    const value = figures[name]
    if (typeof value === 'number') total += value
  }
  return total
}
