// The service's Prometheus metrics, in a registry of its own so that two services in one process do not mix.

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { PoolUsage } from './database.ts'

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export interface Metrics {
  readonly registry: Registry
  readonly requestSeconds: Histogram<'method' | 'route' | 'status'>
  readonly acquireSeconds: Histogram
  readonly exportSeconds: Histogram<'serializer'>
  readonly reconciled: Counter<'end'>
  /** Reads the pool's gauges from here at every scrape. */
  watchPool(usage: () => PoolUsage): void
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    requestSeconds: new Histogram({
      name: 'http_request_duration_seconds', help: 'From the head of a request to the last byte of its answer.',
      labelNames: ['method', 'route', 'status'], buckets: SECONDS, registers
    }),
    acquireSeconds: new Histogram({
      name: 'db_pool_acquire_seconds', help: 'Waiting for a connection of the pool.', buckets: SECONDS, registers
    }),
    exportSeconds: new Histogram({
      name: 'export_serialization_seconds', help: 'Turning one page of the export into text.',
      labelNames: ['serializer'], buckets: SECONDS, registers
    }),
    reconciled: new Counter({
      name: 'reconciled_charges_total', help: 'Pending charges looked at in the background, by how they ended.',
      labelNames: ['end'], registers
    }),
    watchPool: (usage) => watchPool(registers, usage)
  }
}

function watchPool(registers: Registry[], usage: () => PoolUsage): void {
  const gauge = (name: string, help: string, read: (usage: PoolUsage) => number): Gauge => {
    return new Gauge({
      name, help, registers, collect() {
        this.set(read(usage()))
      }
    })
  }
  gauge('db_pool_size', 'Connections the pool may open.', (pool) => pool.size)
  gauge('db_pool_in_use', 'Connections lent out.', (pool) => pool.inUse)
  gauge('db_pool_waiting', 'Requests that wait for a connection.', (pool) => pool.waiting)
}
