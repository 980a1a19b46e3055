// What Prometheus reads: a prom-client registry of our own, whose families take their values from our tables when the
// page is asked for. prom-client does the format, the escaping and Node's own metrics; it counts nothing of ours.

import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Metric } from 'prom-client'
import type { Clock } from '../core/clock.ts'
import type { HistogramTable } from './histogram.ts'

/** One line of the page. `metricName` where it differs from the family's (`_bucket`, `_sum`, `_count`). */
export interface Sample {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary'
  /** Called once for each page. */
  samples(): Sample[]
}

export interface MetricPage {
  readonly contentType: string
  /** The page, at most `staleMs` old: scrapes cannot be made to cost more than one page in that time. */
  read(): Promise<string>
}

/** Two scrapers and a curious colleague share one rendering. */
const staleMs = 1000

/** `prepare` runs before each rendering: the moment gauges are pulled. */
export function createMetricPage(families: readonly Family[], clock: Clock, prepare: () => void): MetricPage {
  const registry = new Registry()
  for (const family of families) register(registry, family)
  collectDefaultMetrics({ register: registry })
  let renderedAt = -Infinity
  let page: Promise<string> | null = null
  return {
    contentType: registry.contentType,
    read() {
      const now = clock.now()
      if (page !== null && now - renderedAt < staleMs) return page
      renderedAt = now
      prepare()
      page = registry.metrics()
      // A rendering that failed must not be served for a second.
      page.catch(() => { page = null })
      return page
    },
  }
}

function register(registry: Registry, { name, help, type, samples }: Family): void {
  // The registry asks a metric for its name and `get()` and for nothing else. Its own classes would hash the labels of
  // each counter again on every call, and its histogram cannot be given counts that were made elsewhere.
  const metric = { name, help, type, get: () => Promise.resolve({ name, help, type, values: samples() }) }
  registry.registerMetric(metric as unknown as Metric)
}

/** The samples of one histogram row. */
export function histogramSamples(
  name: string, labels: Readonly<Record<string, string>>, table: HistogramTable, row: number,
): Sample[] {
  const { cumulative, count, sumSeconds } = table.row(row)
  const buckets = table.edgesMs.map((edgeMs, index): Sample => ({
    metricName: `${name}_bucket`, labels: { ...labels, le: edgeMs / 1000 }, value: cumulative[index] as number,
  }))
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
    { metricName: `${name}_sum`, labels, value: sumSeconds },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
