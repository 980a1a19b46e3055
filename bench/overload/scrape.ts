// Reads gauges of Seawall's metrics while a run goes on: its limit and what is in flight. A reading takes the proxy
// some of its one core, so only runs that are drawn are read, and none that a steady scenario has in its table.
import type { Subject } from '../contenders/contender.ts'

const scrapeEveryMs = 100

export interface Reading {
  /** In milliseconds since 1970. */
  readonly takenAtMs: number
  readonly values: Readonly<Record<string, number>>
}

/** The gauges of this prefix, summed over their labels, by name; histograms and counters come along. */
export function gaugesIn(exposition: string, prefix: string): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {}
  for (const line of exposition.split('\n')) {
    const [, name, value] = /^([a-z_]+)(?:\{.*\})? (\S+)/.exec(line) ?? []
    if (name === undefined || !name.startsWith(prefix)) continue
    sums[name] = (sums[name] ?? 0) + Number(value)
  }
  return sums
}

export async function read({ metricsPort }: Subject): Promise<Readonly<Record<string, number>>> {
  if (metricsPort === undefined) return {}
  try {
    return gaugesIn(await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text(), 'seawall_')
  } catch {
    // It is gone or too busy to answer: a gap in the plot says so.
    return {}
  }
}

/** Reads every 100 ms until `work` has ended, one reading at a time. */
export async function readDuring<T>(
  subject: Subject, work: () => Promise<T>,
): Promise<{ readonly result: T, readonly readings: readonly Reading[] }> {
  const readings: Reading[] = []
  if (subject.metricsPort === undefined) return { result: await work(), readings }
  let isBusy = false
  const readOnce = async (): Promise<void> => {
    if (isBusy) return
    isBusy = true
    const takenAtMs = Date.now()
    const { seawall_limit: limit, seawall_in_flight: inFlight } = await read(subject)
    const values = { ...limit !== undefined && { limit }, ...inFlight !== undefined && { inFlight } }
    readings.push({ takenAtMs, values })
    isBusy = false
  }
  const timer = setInterval(() => void readOnce(), scrapeEveryMs)
  try {
    return { result: await work(), readings }
  } finally {
    clearInterval(timer)
  }
}
