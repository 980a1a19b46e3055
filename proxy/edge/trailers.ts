// Which fields of a trailer section may travel on (RFC 9110 section 6.5.1): everything but what frames, routes,
// authenticates or controls a message, because those would be believed though nothing has checked them.

import { isHopByHop } from '../core/hop-by-hop.ts'
import type { RawHeaders } from '../core/raw-headers.ts'

const neverTrailers: ReadonlySet<string> = new Set([
  'content-length', 'content-encoding', 'content-type', 'content-range', 'trailer', 'host', 'authorization', 'cookie',
  'set-cookie', 'cache-control', 'expect', 'max-forwards', 'pragma', 'range', 'age', 'date', 'expires', 'location',
  'retry-after', 'vary', 'via', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto',
])

/** The trailer fields that may be sent on; null when none is left. */
export function safeTrailers(trailers: RawHeaders | null): RawHeaders | null {
  if (trailers === null || trailers.length === 0) return null
  const kept: string[] = []
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i] as string
    const lower = name.toLowerCase()
    if (!neverTrailers.has(lower) && !isHopByHop(lower)) kept.push(name, trailers[i + 1] as string)
  }
  return kept.length === 0 ? null : kept
}
