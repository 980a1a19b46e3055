// Tokens of a rate limit that replicas share, taken in advance and in the background: a limiter decides alone on what
// it holds, and asks here for more. No request waits for it; when it cannot be asked, the limiter's own rate holds
// alone.

import type { TokenLease } from '../core/token-lease.ts'
import type { RedisLink } from './redis-link.ts'
import { leaseScript } from './redis-scripts.ts'

/** `prefix` stands before every key; `limitKey` should hold digests, not what callers sent. */
export function redisTokenLease(link: RedisLink, prefix: string): TokenLease {
  return {
    take: async (limitKey, want, ratePerMs, burst) => {
      const args = [want, ratePerMs, burst].map(String)
      return Number(await link.run(leaseScript, `${prefix}{${limitKey}}`, args))
    },
  }
}
