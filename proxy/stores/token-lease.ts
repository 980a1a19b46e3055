// Tokens of a rate limit that replicas share, taken in advance and in the background: a limiter decides alone on what it
// holds, and asks here for more. No request waits for it; when it cannot be asked, the limiter's own rate holds alone.

import type { RedisLink } from './redis-link.ts'
import { leaseScript } from './redis-scripts.ts'

export interface TokenLease {
  /**
   * Takes up to `want` tokens from the bucket `limitKey`, which refills with `ratePerMs` up to `burst`; gives how many.
   * Rejects when the server cannot be asked. Whole tokens only; all who share a bucket give the same rate and burst.
   */
  take(limitKey: string, want: number, ratePerMs: number, burst: number): Promise<number>
}

/** `prefix` stands before every key; `limitKey` should hold digests, not what callers sent. */
export function redisTokenLease(link: RedisLink, prefix: string): TokenLease {
  return {
    take: async (limitKey, want, ratePerMs, burst) => {
      const args = [want, ratePerMs, burst].map(String)
      return Number(await link.run(leaseScript, `${prefix}{${limitKey}}`, args))
    },
  }
}
