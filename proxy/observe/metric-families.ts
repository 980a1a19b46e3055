// Names, help texts and labels of everything /metrics says: the tables and gauges put into Prometheus' words. The list
// of names is docs/operating.md's; nothing is counted here.

import type { CounterTable } from './counter-table.ts'
import type { HistogramTable } from './histogram.ts'
import type { Gauges, UpstreamGauges } from './inspect.ts'
import { outcomeLabel, statusClassIndex } from './label-sets.ts'
import { histogramSamples } from './metric-page.ts'
import type { Family, Sample } from './metric-page.ts'
import type { Tables } from './metric-tables.ts'
import type { NameSlots } from './name-slots.ts'

export function metricFamilies(tables: Tables, gauges: () => Gauges, hash: () => string): Family[] {
  const { routes, upstreams, pairs } = tables
  return [
    counter('seawall_exchanges_total', 'Exchanges ended, by how they ended.', tables.exchanges, routes, servedColumn),
    exchangeSeconds(tables),
    counter('seawall_attempts_total', 'Attempts ended, by how they ended.', tables.attempts, pairs),
    histogram('seawall_attempt_seconds', 'From the first byte sent to the head of the answer, or to the end.',
      tables.attemptMs, pairs),
    counter('seawall_refused_total', 'Exchanges refused; mode="observe": would have been.', tables.refused, routes),
    histogram('seawall_queue_seconds', 'Time in the admission queue, of those that waited.', tables.queueMs, upstreams),
    counter('seawall_deadline_exceeded_total', 'Deadlines that passed, by where.', tables.deadlines, routes),
    ...gaugeFamilies(gauges),
    gauge('seawall_config_info', 'The configuration in force; always 1.',
      () => [{ labels: { hash: hash() }, value: 1 }]),
  ]
}

/** `outcome="reply", code="", status_class="2xx"`: shown from the start, so that the first rise can be seen. */
const servedColumn = statusClassIndex(200)

function gaugeFamilies(gauges: () => Gauges): Family[] {
  const single = (value: (now: Gauges) => number) => (): Sample[] => [{ labels: {}, value: value(gauges()) }]
  const each = (value: (now: UpstreamGauges) => number) => (): Sample[] =>
    gauges().upstreams.map((now) => ({ labels: { upstream: now.upstream }, value: value(now) }))
  return [
    gauge('seawall_in_flight', 'Permits in use: work upstream that is not over.', each((now) => now.inFlight)),
    gauge('seawall_queue_depth', 'Exchanges in the admission queue.', () => gauges().upstreams.flatMap(queueDepth)),
    gauge('seawall_streams', 'Answers that have become counted streams.', each((now) => now.streams)),
    gauge('seawall_tunnels', 'Upgraded connections.', each((now) => now.tunnels)),
    gauge('seawall_bulkhead_in_use', 'Permits of the bulkhead a route holds.', () => gauges().bulkheads.map(
      ({ upstream, route, inUse }) => ({ labels: { upstream, route }, value: inUse }))),
    gauge('seawall_drain_seconds', 'Time since the drain began; 0 before.', single((now) => now.drain.seconds)),
    { ...gauge('seawall_drain_cut_total', 'Exchanges cut because the time to drain was over.',
      single((now) => now.drain.cut)), type: 'counter' },
    { ...gauge('seawall_log_dropped_total', 'Log lines dropped: too many, or nobody took them.',
      single((now) => now.logDropped)), type: 'counter' },
  ]
}

function queueDepth({ upstream, queued }: UpstreamGauges): Sample[] {
  return Object.entries(queued).map(([name, value]) => ({ labels: { upstream, class: name }, value }))
}

function gauge(name: string, help: string, samples: () => Sample[]): Family {
  return { name, help, type: 'gauge', samples }
}

function counter(name: string, help: string, table: CounterTable, slots: NameSlots, always = -1): Family {
  const samples = (): Sample[] => {
    const found: Sample[] = []
    table.each(slots.rows, (row, labels, value) => {
      found.push({ labels: { ...slots.labels(row), ...labels }, value })
    }, always)
    return found
  }
  return { name, help, type: 'counter', samples }
}

function histogram(name: string, help: string, table: HistogramTable, slots: NameSlots): Family {
  const rows = (): number[] => Array.from({ length: slots.rows }, (_, row) => row)
  const samples = (): Sample[] => rows().flatMap((row) => histogramSamples(name, slots.labels(row), table, row))
  return { name, help, type: 'histogram', samples }
}

/** Rows are routes times outcomes; those without any observation are left out, `reply` is always shown. */
function exchangeSeconds({ routes, exchangeMs }: Tables): Family {
  const name = 'seawall_exchange_seconds'
  const outcomes = outcomeLabel.values
  const samples = (): Sample[] => {
    const found: Sample[] = []
    for (let row = 0; row < routes.rows * outcomes.length; row += 1) {
      const outcome = outcomes[row % outcomes.length] as string
      if (outcome !== 'reply' && exchangeMs.row(row).count === 0) continue
      const labels = { ...routes.labels(Math.floor(row / outcomes.length)), outcome }
      found.push(...histogramSamples(name, labels, exchangeMs, row))
    }
    return found
  }
  return { name, help: 'From the head of the request to the last byte of the answer.', type: 'histogram', samples }
}

