// The meter that policies count with: values in plain objects, made into families when the page is asked for.

import { policyFamilies } from '../core/meter.ts'
import type {
  Counter, CounterFamily, GaugeFamily, Histogram, HistogramFamily, Labels, Meter, PolicyFamily,
} from '../core/meter.ts'
import { defaultEdgesMs, HistogramTable } from './histogram.ts'
import { histogramSamples } from './metric-page.ts'
import type { Family, Sample } from './metric-page.ts'

/** One series of a family: its labels, and what it says at a scrape. */
interface Series {
  readonly labels: Labels
  samples(name: string): Sample[]
}

class Count implements Counter, Series {
  readonly labels: Labels
  #value = 0
  constructor(labels: Labels) { this.labels = labels }
  add(count = 1): void { this.#value += count }
  samples(): Sample[] { return [{ labels: this.labels, value: this.#value }] }
}

class Read implements Series {
  readonly labels: Labels
  read: () => number
  constructor(labels: Labels, read: () => number) {
    this.labels = labels
    this.read = read
  }
  samples(): Sample[] { return [{ labels: this.labels, value: this.read() }] }
}

class Times implements Histogram, Series {
  readonly labels: Labels
  readonly #table = new HistogramTable(defaultEdgesMs)
  constructor(labels: Labels) { this.labels = labels }
  observe(valueMs: number): void { this.#table.observe(0, valueMs) }
  samples(name: string): Sample[] { return histogramSamples(name, this.labels, this.#table, 0) }
}

export class PolicyMeter implements Meter {
  readonly #series = new Map<PolicyFamily, Map<string, Series>>()

  counter(family: CounterFamily, labels: Labels): Counter {
    return this.#one(family, labels, () => new Count(labels))
  }

  histogram(family: HistogramFamily, labels: Labels): Histogram {
    return this.#one(family, labels, () => new Times(labels))
  }

  gauge(family: GaugeFamily, labels: Labels, read: () => number): void {
    this.#one(family, labels, () => new Read(labels, read)).read = read
  }

  total(family: CounterFamily, labels: Labels, read: () => number): void {
    this.#one(family, labels, () => new Read(labels, read)).read = read
  }

  /** Every family that has a series by now, and those that have none: a page says what there could be. */
  families(): Family[] {
    return (Object.keys(policyFamilies) as PolicyFamily[]).map((name) => ({
      name, ...policyFamilies[name],
      samples: () => [...this.#series.get(name)?.values() ?? []].flatMap((series) => series.samples(name)),
    }))
  }

  #one<S extends Series>(family: PolicyFamily, labels: Labels, make: () => S): S {
    const series = this.#series.get(family) ?? new Map<string, Series>()
    this.#series.set(family, series)
    const key = JSON.stringify(labels)
    const known = series.get(key)
    if (known !== undefined) return known as S
    const made = make()
    series.set(key, made)
    return made
  }
}
