// What is known of one endpoint: its cost, its successes and failures of late, its usual latency, and its standing
// among the others. Who is sent where is balancer.ts; who is put out is outliers.ts.

import type { Endpoint } from '../core/upstream.ts'
import type { EndpointLimit } from './endpoint-limit.ts'
import { PeakEwma } from './peak-ewma.ts'
import { wilsonLower, wilsonUpper } from './wilson.ts'

/** Where it stands. out: gets nothing until then; probing: one attempt at a time, until enough have passed. */
export type Standing =
  | { readonly kind: 'in' }
  | { readonly kind: 'out'; readonly until: number }
  | { readonly kind: 'probing'; readonly since: number; probe: number; passed: number }

/** Half-life of the counts, ms. */
const halfLifeMs = 10_000
/** Step of the running median, in parts of the latency: larger at first, and small enough not to wander with noise. */
const medianStep = 0.04

export class EndpointRecord {
  endpoint: Endpoint
  /** 0 is asked first; the next ones only when the ones before have nobody left. */
  tier = 0
  /** Share among its tier; 0: gets nothing. */
  weight = 1
  readonly load = new PeakEwma()
  /** What it can use at once; null: nobody has said. */
  limit: EndpointLimit | null = null
  standing: Standing = { kind: 'in' }
  /** What active checks say. */
  isHealthy = true
  /** Since when it has been coming back, clock ms; -Infinity: it has been there from the beginning. */
  backSince = -Infinity
  /** How often it was put out without good time in between. */
  timesOut = 0
  outAt = -Infinity
  /** Failures in a row. */
  failuresInRow = 0
  /** Logarithm of the median latency, and of how many it is made. */
  logMedian = 0
  samples = 0
  /** For smooth weighted round robin. */
  turn = 0
  #ok = 0
  #failed = 0
  #at = 0

  constructor(endpoint: Endpoint) { this.endpoint = endpoint }

  /** Whether attempts are sent there as a matter of course. */
  get isIn(): boolean { return this.standing.kind === 'in' && this.isHealthy && this.weight > 0 }

  sampled(latencyMs: number): void {
    const log = Math.log(Math.max(latencyMs, 0.01))
    const step = Math.max(medianStep, 1 / (this.samples + 1))
    this.logMedian = this.samples === 0 ? log : this.logMedian + step * Math.sign(log - this.logMedian)
    this.samples++
  }

  succeeded(now: number): void {
    this.#age(now)
    this.#ok++
    this.failuresInRow = 0
  }

  /** `weight`: 1, or 0.5 for what may not be its fault. */
  failed(weight: number, now: number): void {
    this.#age(now)
    this.#failed += weight
    this.failuresInRow += weight
  }

  /** The part of its attempts that fails is at least, at most this; 0 to 1. */
  failsAtLeast(now: number): number {
    this.#age(now)
    return wilsonLower(this.#failed, this.#ok + this.#failed)
  }

  /** Adds its counts to a sum over several. */
  addTo(sum: { ok: number; failed: number }, now: number): void {
    this.#age(now)
    sum.ok += this.#ok
    sum.failed += this.#failed
  }

  /** What was seen before it was put out says nothing about what comes back. */
  forget(): void {
    this.#ok = 0
    this.#failed = 0
    this.failuresInRow = 0
    this.samples = 0
  }

  /** 0.1 to 1: how much of its share it gets on its way back. */
  warmth(slowStartMs: number, now: number): number {
    const part = (now - this.backSince) / slowStartMs
    return part >= 1 ? 1 : Math.max(0.1, part)
  }

  #age(now: number): void {
    if (now <= this.#at) return
    const kept = 2 ** ((this.#at - now) / halfLifeMs)
    this.#at = now
    this.#ok *= kept
    this.#failed *= kept
  }
}

/** The part of all attempts at these endpoints that fails is at most this; 1 where nothing was seen. */
export function failAtMost(records: Iterable<EndpointRecord>, except: EndpointRecord, now: number): number {
  const sum = { ok: 0, failed: 0 }
  for (const record of records) if (record !== except && record.isIn) record.addTo(sum, now)
  return wilsonUpper(sum.failed, sum.ok + sum.failed)
}
