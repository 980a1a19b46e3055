// How late the event loop runs: the one figure that says whether Seawall itself is the bottleneck. Node samples it with
// a timer of its own; quantiles are those since the last page, count and sum those since the start.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Family, Sample } from './metric-page.ts'

/** Distance of the sampling timer's ticks. Node reports the whole distance between ticks, so it is taken off again. */
const resolutionMs = 10

export interface EventLoopDelay {
  readonly family: Family
  stop(): void
}

export function watchEventLoopDelay(): EventLoopDelay {
  const monitor = monitorEventLoopDelay({ resolution: resolutionMs })
  monitor.enable()
  const name = 'seawall_event_loop_delay_seconds'
  let count = 0
  let sumSeconds = 0
  const samples = (): Sample[] => {
    const quantiles = [50, 99, 100].map((percent): Sample => ({
      labels: { quantile: percent / 100 }, value: monitor.count === 0 ? 0 : lateSeconds(monitor.percentile(percent)),
    }))
    if (monitor.count > 0) sumSeconds += monitor.count * lateSeconds(monitor.mean)
    count += monitor.count
    monitor.reset()
    return [
      ...quantiles,
      { metricName: `${name}_sum`, labels: {}, value: sumSeconds },
      { metricName: `${name}_count`, labels: {}, value: count },
    ]
  }
  const help = 'How late the event loop of this process ran, quantiles since the last page.'
  return { family: { name, help, type: 'summary', samples }, stop: () => { monitor.disable() } }
}

function lateSeconds(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e6 - resolutionMs) / 1000
}
