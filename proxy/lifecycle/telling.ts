// Everything by which an instance tells what it does: the two logs, the metrics and the access log, joined to the one
// observer that plans know. Made before the instance, because it must be there to be told of its start.

import type { Announce } from '../core/announce.ts'
import type { Caller } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import type { Code } from '../core/codes.ts'
import type { Configuration } from '../core/configuration.ts'
import type { Meter } from '../core/meter.ts'
import type { Observer } from '../core/plan.ts'
import type { Random } from '../core/random.ts'
import { createAccessLog } from '../observe/access-log.ts'
import { createAnnouncer } from '../observe/announcements.ts'
import type { Gauges } from '../observe/inspect.ts'
import { createLogOutput } from '../observe/log-output.ts'
import { createLogs } from '../observe/logs.ts'
import type { Logs } from '../observe/logs.ts'
import { createMetrics } from '../observe/metrics.ts'
import type { Metrics } from '../observe/metrics.ts'
import { promisesOf } from '../observe/objectives.ts'
import { observeWith } from '../observe/observers.ts'

export interface Telling {
  readonly logs: Logs
  readonly metrics: Metrics
  readonly announce: Announce
  readonly observer: Observer
  readonly meter: Meter
  /** A request without a route; its caller, where its head could be read. */
  readonly unrouted: (code: Code, caller?: Caller) => void
  readonly logDropped: () => number
  /** For the plans of another configuration. */
  reloaded(configuration: Configuration): Observer
  /** Writes what is buffered: the last thing before the exit. */
  close(): void
}

/** `gauges` is asked when the page of metrics is made. */
export function createTelling(
  configuration: Configuration, clock: Clock, random: Random, gauges: () => Gauges,
): Telling {
  const logs = createLogs({
    stdout: createLogOutput(1, clock), stderr: createLogOutput(2, clock), clock, level: 'info',
  })
  const metrics = createMetrics({
    routes: configuration.routes.map(({ name }) => name),
    upstreams: configuration.upstreams.map(({ name }) => name),
    promises: promisesOf(configuration.routes),
    hash: configuration.hash, clock, gauges,
  })
  const accessLog = createAccessLog({ mode: configuration.accessLog, logger: logs.access, clock, random })
  return {
    logs,
    metrics,
    announce: createAnnouncer(logs.notices),
    observer: observeWith(metrics.observer, accessLog),
    meter: metrics.meter,
    unrouted(code, caller) {
      metrics.unrouted(code)
      if (caller === undefined) return accessLog.unrouted({ code })
      const { method, path } = caller.head
      accessLog.unrouted({ code, method, path, remoteAddress: caller.remoteAddress })
    },
    logDropped: () => logs.dropped() + accessLog.dropped(),
    reloaded({ routes, upstreams, hash, accessLog: mode }) {
      accessLog.setMode(mode)
      const names = {
        routes: routes.map(({ name }) => name), upstreams: upstreams.map(({ name }) => name),
        promises: promisesOf(routes), hash,
      }
      return observeWith(metrics.reloaded(names), accessLog)
    },
    close() {
      metrics.close()
      logs.flushSync()
    },
  }
}
