// The door to a rate limit that replicas share: tokens taken in advance, in the background. No request waits for it.

export interface TokenLease {
  /**
   * Takes up to `want` tokens from the bucket `limitKey`, which refills with `ratePerMs` up to `burst`; gives how many.
   * Rejects when the server cannot be asked. Whole tokens only; all who share a bucket give the same rate and burst.
   */
  take(limitKey: string, want: number, ratePerMs: number, burst: number): Promise<number>
}
