// HOT PATH — runs for every request of a route whose keys tell when they were made. Rules: docs/decisions/0004.
// A key as UUIDv7 (RFC 9562 section 5.7) says its age by itself: one that is older than records are kept is refused,
// where another that was forgotten is executed again. Decides nothing of what a key means otherwise.

/** How it stands in the text; capitals would be a second spelling of one key. */
const uuidv7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** What the clock of a caller may be ahead of ours, and ours of those that share the store, ms. */
const maxAheadMs = 300_000

/**
 * How long such a key is kept, ms: it may be made `maxAheadMs` from now, is good for its ttl from then, and another
 * process whose clock is behind takes it for as long again. A record that ended sooner would leave a gap in which a key
 * is neither known nor too old.
 */
export function keptFor(ttlMs: number): number { return ttlMs + 2 * maxAheadMs }

/** Why a key is not taken; null: it is one of now. */
export type Untimely = 'invalid' | 'ahead' | 'expired'

export function untimely(key: string, ttlMs: number, wallMs: number): Untimely | null {
  if (!uuidv7.test(key)) return 'invalid'
  const madeAtMs = Number.parseInt(key.slice(0, 8) + key.slice(9, 13), 16)
  if (madeAtMs - wallMs > maxAheadMs) return 'ahead'
  return wallMs - madeAtMs >= ttlMs ? 'expired' : null
}
