// Which keys may be over by when, in buckets of time: adding costs a set insertion, and sweeping visits only what may
// be due. A key may stand in several buckets; whoever sweeps looks at the record itself before it drops it.

/** Wide enough that a day has 8,640 buckets, narrow enough that an expired record goes soon. */
const bucketMs = 10_000

/** Bucket of a moment; a key stands in the bucket after its time, so that all of a due bucket is over. */
export function bucketOf(atMs: number): number {
  return Math.floor(atMs / bucketMs) + 1
}

export class ExpiryBuckets {
  readonly #buckets = new Map<number, Set<string>>()
  #next: number

  constructor(nowMs: number) { this.#next = Math.floor(nowMs / bucketMs) }

  add(key: string, atMs: number): void {
    const bucket = Math.max(bucketOf(atMs), this.#next)
    const keys = this.#buckets.get(bucket)
    if (keys === undefined) this.#buckets.set(bucket, new Set([key]))
    else keys.add(key)
  }

  /** Takes a key out that is known to be in the bucket of `atMs`; not being there is fine. */
  delete(key: string, atMs: number): void {
    const bucket = bucketOf(atMs)
    const keys = this.#buckets.get(bucket)
    if (keys === undefined || !keys.delete(key)) return
    if (keys.size === 0) this.#buckets.delete(bucket)
  }

  /** Up to `limit` keys of buckets that are over; they are in no bucket from then on. */
  take(nowMs: number, limit: number): string[] {
    const due: string[] = []
    const current = Math.floor(nowMs / bucketMs)
    while (this.#next <= current && due.length < limit) {
      const keys = this.#buckets.get(this.#next)
      if (keys === undefined) { this.#next++; continue }
      for (const key of keys) {
        if (due.length >= limit) return due
        due.push(key)
        keys.delete(key)
      }
      this.#buckets.delete(this.#next++)
    }
    return due
  }
}
