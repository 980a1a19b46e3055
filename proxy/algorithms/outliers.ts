// Which endpoints are worse than the others, so surely that they are put out for a while. It works from two endpoints
// on, never puts out so many that less than half are left of three or more, and nobody where half look bad: then it is
// the service or the network, and that is the breaker's affair.

import type { Random } from '../core/random.ts'
import { failAtMost } from './endpoint-record.ts'
import type { EndpointRecord } from './endpoint-record.ts'

/** How much more often it has to fail than the others may, beyond doubt. */
const failGap = 0.1
/** In a row, and no chance: where the others fail less than one in four, it comes once in a thousand. */
const inRow = 5
const othersFailAtMost = 0.25
/** Of three that fail together one is ahead by five to one and one in a case of ten, by five to none in one of 80. */
const alsoInRow = 1
/** Slower than the others by this factor, or by so many of their own deviations. */
const slowFactor = 3
const slowDeviations = 4
/** Latencies that a median needs. */
const leastSamples = 50
const firstOutMs = 5_000
/** Longest time out: a probe costs a caller, so at low rates it waits for more calls; at high ones it is cheap. */
const longestOutMs = 300_000
const shortestLongestMs = 6_000
const callsPerProbe = 200
const jitter = 0.2
/** One step of growth is forgiven for this much time in. */
const forgivenAfterMs = 60_000

export type OutlierReason = 'in-a-row' | 'fails-more' | 'slower'

/** How many of `count` endpoints may be out at once. */
export function mostOut(count: number): number {
  return count <= 1 ? 0 : Math.max(1, Math.floor((count - 1) / 2))
}

/** Whether five failures in a row are reason enough by themselves. */
export function failsInARow(record: EndpointRecord, records: readonly EndpointRecord[], now: number): boolean {
  if (record.failuresInRow < inRow) return false
  if (!failTogether(record, records)) return failAtMost(records, record, now) < othersFailAtMost
  // What befell all of them is not held against the last one to recover.
  record.failuresInRow = alsoInRow
  return false
}

/**
 * Whether the others have begun to fail as well. The counts know that late: at the beginning of an outage of all, the
 * good past still speaks for everybody but the first to be caught.
 */
function failTogether(record: EndpointRecord, records: readonly EndpointRecord[]): boolean {
  const others = records.filter((other) => other !== record && other.isIn)
  return others.filter((other) => other.failuresInRow >= alsoInRow).length * 2 >= others.length
}

/** The endpoints that are to be put out now. `slowStartMs`: who is warming up may be slow. */
export function outliersOf(
  records: readonly EndpointRecord[], slowStartMs: number, now: number,
): { readonly record: EndpointRecord; readonly reason: OutlierReason }[] {
  const bad: { record: EndpointRecord; reason: OutlierReason }[] = []
  for (const record of records) {
    if (!record.isIn) continue
    const reason = reasonAgainst(record, records, slowStartMs, now)
    if (reason !== null) bad.push({ record, reason })
  }
  const able = records.filter((record) => record.weight > 0).length
  const out = able - records.filter((record) => record.isIn).length
  const isCommonCause = able > 2 && (bad.length + out) * 2 >= able
  return isCommonCause ? [] : bad.slice(0, Math.max(0, mostOut(able) - out))
}

function reasonAgainst(
  record: EndpointRecord, records: readonly EndpointRecord[], slowStartMs: number, now: number,
): OutlierReason | null {
  if (failsInARow(record, records, now)) return 'in-a-row'
  const othersFail = failAtMost(records, record, now)
  // Of two, the other has to be good and not only better.
  const failsMore = othersFail < 0.5 && record.failsAtLeast(now) > othersFail + failGap
  if (failsMore && !failTogether(record, records)) return 'fails-more'
  return record.warmth(slowStartMs, now) === 1 && isSlower(record, records) ? 'slower' : null
}

function isSlower(record: EndpointRecord, records: readonly EndpointRecord[]): boolean {
  if (record.samples < leastSamples) return false
  const others = records.filter((other) => other !== record && other.isIn && other.samples >= leastSamples)
    .map((other) => other.logMedian)
  // Of two nobody can say which is the odd one.
  if (others.length < 2) return false
  const middle = median(others)
  const deviation = median(others.map((log) => Math.abs(log - middle)))
  return record.logMedian > middle + Math.max(Math.log(slowFactor), slowDeviations * deviation)
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] as number) + upper) / 2
}

/** Puts the endpoint out; for how long, ms. `callsPerMs`: of the upstream as a whole. */
export function putOut(record: EndpointRecord, callsPerMs: number, random: Random, now: number): number {
  const wasInMs = record.standing.kind === 'in' ? now - Math.max(record.outAt, record.backSince) : 0
  record.timesOut = Math.max(0, record.timesOut - Math.floor(Math.min(wasInMs / forgivenAfterMs, record.timesOut)))
  const perProbeMs = callsPerMs > 0 ? callsPerProbe / callsPerMs : longestOutMs
  const longestMs = Math.min(longestOutMs, Math.max(shortestLongestMs, perProbeMs))
  const spanMs = Math.min(longestMs, firstOutMs * 2 ** record.timesOut) * (1 - jitter + 2 * jitter * random())
  record.timesOut = Math.min(record.timesOut + 1, 10)
  record.standing = { kind: 'out', until: now + spanMs }
  record.outAt = now
  record.forget()
  return spanMs
}
