// Where records stand in the index of what ends when: by bucket of time, and in it by version. A version grows with
// each write of a process, so what is written together stands together, and a commit touches few pages of the index.

import { bucketOf } from '../algorithms/expiry-buckets.ts'

/**
 * Two processes might write one place, by a chance of less than one in a billion: one of the two records is then not
 * swept, and is over all the same.
 */
export function endPlace(expiresAtMs: number, version: number): string {
  return `${bucketText(bucketOf(expiresAtMs))}|${version.toString(16).padStart(14, '0')}`
}

/** The first place that is not over yet. */
export function endOfDue(nowMs: number): string { return bucketText(bucketOf(nowMs)) }

/** Of equal length, so that text sorts as numbers do. */
function bucketText(bucket: number): string { return bucket.toString(16).padStart(9, '0') }
